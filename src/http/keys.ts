// The routes of operators for API keys: make, list, rotate, revoke. A key is shown once, in the answer that made it.

import type { Request, Response } from 'restify';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { type Scope, scopes } from '../keys/api-key.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { Authenticate } from './api-keys.ts';
import { faultyField, readFields } from './read-fields.ts';
import { sendJson } from './respond.ts';
import { overlapHours, senderName, subjectPrefixes } from './sender-fields.ts';

type KeyOptions = { readonly keys: KeyRing; readonly authenticate: Authenticate; readonly now: () => number };

const maxBodyBytes = 8 * 1024;
const body = { noun: 'a key', code: 'invalid_key' } as const;
const hourMs = 3_600_000;

const createSchema = z.strictObject({
  name: senderName,
  scopes: z
    .array(z.enum(scopes as [Scope, ...Scope[]], { error: `must be of ${scopes.join(', ')}` }))
    .min(1, 'must name at least one scope')
    .max(scopes.length),
  subjects: subjectPrefixes.optional(),
  expiresAt: z.iso.datetime({ offset: true, error: 'must be a time as in RFC 3339' }).optional(),
});
const rotateSchema = z.strictObject({ overlapHours });

/** POST /api/keys: 201 with the key. */
export function createCreateKeyHandler({ keys, authenticate, now }: KeyOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const { expiresAt, ...wanted } = await readBody(req, createSchema);
    const at = expiresAt === undefined ? undefined : Date.parse(expiresAt);
    if (at !== undefined && at <= now())
      throw faultyField({ ...body, path: 'expiresAt', message: 'must be in the future' });
    sendJson(res, 201, await keys.create({ ...wanted, expiresAt: at }));
  };
}

/** GET /api/keys: all of them, without the keys themselves. */
export function createListKeysHandler({ keys, authenticate }: KeyOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    sendJson(res, 200, { items: await keys.list() });
  };
}

/** POST /api/keys/{id}/rotate: a new key; the old one is good for `overlapHours` more (24). */
export function createRotateKeyHandler({ keys, authenticate }: KeyOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const { overlapHours: hours } = await readBody(req, rotateSchema);
    const shown = await keys.rotate(String(req.params.id), hours * hourMs);
    if (!shown) throw unknownKey();
    sendJson(res, 200, shown);
  };
}

/** DELETE /api/keys/{id}: refused from now on. */
export function createRevokeKeyHandler({ keys, authenticate }: KeyOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const view = await keys.revoke(String(req.params.id));
    if (!view) throw unknownKey();
    sendJson(res, 200, view);
  };
}

function readBody<T>(req: Request, schema: z.ZodType<T>): Promise<T> {
  return readFields(req, { schema, maxBytes: maxBodyBytes, ...body });
}

function unknownKey(): AppError {
  return new AppError('not_found', 'There is no key with this id, or it is revoked or has expired.');
}
