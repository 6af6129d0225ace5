// The route of operators for a backup. The file stays where the service is: it holds the secrets of webhooks.

import type { Request, Response } from 'restify';
import { z } from 'zod';
import type { BackupDesk } from '../storage/backup.ts';
import type { Authenticate } from './api-keys.ts';
import { readFields } from './read-fields.ts';
import { requestContextOf } from './request-context.ts';
import { sendJson } from './respond.ts';

export type BackupServices = { readonly backups: Pick<BackupDesk, 'backUp'> };

type BackupOptions = { readonly services: BackupServices; readonly authenticate: Authenticate };

const body = { noun: 'a backup', code: 'invalid_backup', maxBytes: 1024 } as const;

const schema = z.strictObject({
  // A name in one folder, wherever it is; nothing hidden, nothing that looks like an unfinished one.
  name: z
    .string()
    .regex(/^[a-z\d][a-z\d._-]{0,99}$/i, 'must be up to 100 letters, digits, dots, hyphens and underscores')
    .refine((name) => !/\.part$/i.test(name), 'must not end with .part')
    .optional(),
});

/** POST /api/backup: 201 when it is on disk. */
export function createBackupHandler({ services: { backups }, authenticate }: BackupOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    const { name: sender } = await authenticate(req, 'operate');
    const { name } = await readFields(req, { ...body, schema });
    const made = await backups.backUp(name);
    requestContextOf(req).log.info({ audit: 'backup', sender, ...made }, 'a backup is made');
    sendJson(res, 201, made);
  };
}
