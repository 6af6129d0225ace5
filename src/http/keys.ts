// The routes of operators for API keys: make, list, rotate, revoke. A key is shown once, in the answer that made it.

import type { Request, Response } from 'restify';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { type Scope, scopes } from '../keys/api-key.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { Authenticate } from './api-keys.ts';
import { readFields } from './read-fields.ts';
import { sendJson } from './respond.ts';

type KeyOptions = { readonly keys: KeyRing; readonly authenticate: Authenticate; readonly now: () => number };

const maxBodyBytes = 8 * 1024;
const hourMs = 3_600_000;
const defaultOverlapHours = 24;

const createSchema = z.strictObject({
  name: z.string().regex(/^[\w-]{1,64}$/, 'must have 1 to 64 letters, digits, - and _'),
  scopes: z
    .array(z.enum(scopes as [Scope, ...Scope[]], { error: `must be of ${scopes.join(', ')}` }))
    .min(1, 'must name at least one scope')
    .max(scopes.length),
  subjects: z.array(z.string().min(1, 'must not be empty').max(256)).min(1, 'must not be empty').max(50).optional(),
  expiresAt: z.iso.datetime({ offset: true, error: 'must be a time as in RFC 3339' }).optional(),
});
const rotateSchema = z.strictObject({ overlapHours: z.int().min(0).max(720).default(defaultOverlapHours) });

/** POST /api/keys: 201 with the key. */
export function createCreateKeyHandler({ keys, authenticate, now }: KeyOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const { expiresAt, ...wanted } = await readBody(req, createSchema);
    const at = expiresAt === undefined ? undefined : Date.parse(expiresAt);
    if (at !== undefined && at <= now()) throw notInFuture();
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
    const { overlapHours } = await readBody(req, rotateSchema);
    const shown = await keys.rotate(String(req.params.id), overlapHours * hourMs);
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
  return readFields(req, { schema, maxBytes: maxBodyBytes, noun: 'a key', code: 'invalid_key' });
}

function notInFuture(): AppError {
  const fault = { path: 'expiresAt', message: 'must be in the future' };
  return new AppError('invalid_key', `The body is not a key: ${fault.path}: ${fault.message}.`, { faults: [fault] });
}

function unknownKey(): AppError {
  return new AppError('not_found', 'There is no key with this id, or it is revoked or has expired.');
}
