// Who a request to the notification and operator routes is from, and whether its key allows it.

import type { IncomingMessage } from 'node:http';
import { AppError } from '../errors.ts';
import type { Scope, Sender } from '../keys/api-key.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { ClientAddress } from './client-address.ts';
import type { RateLimits } from './rate-limits.ts';
import { requestContextOf } from './request-context.ts';

/**
 * The sender of a request. Throws AppError `credential_required` (401), `scope_missing` (403),
 * `too_many_requests` (429), or `not_configured` (503) where there are no keys at all.
 */
export type Authenticate = (req: IncomingMessage, scope: Scope) => Promise<Sender>;

/** Checks `Authorization: Bearer <key>` or `X-API-Key: <key>`. A key in the URL is never looked at. */
export function createAuthenticate(
  keys: Pick<KeyRing, 'find' | 'isEmpty'>,
  limits: RateLimits,
  clientAddress: ClientAddress,
): Authenticate {
  const findSender = async (req: IncomingMessage): Promise<Sender> => {
    try {
      const sender = await keys.find(presentedKey(req));
      if (sender === undefined) throw new AppError('credential_required', 'The API key is not known.');
      return sender;
    } catch (error) {
      if (error instanceof AppError && error.status === 401) await limits.countFailure(clientAddress(req));
      throw error;
    }
  };
  return async (req, scope) => {
    if (await keys.isEmpty()) {
      throw new AppError('not_configured', 'No sender is allowed yet: the setting NOTIFY_API_KEYS is empty.');
    }
    const sender = await findSender(req);
    // For its line in the log, also when it is refused.
    requestContextOf(req).sender = sender.name;
    await limits.countRequest(sender.name);
    if (!sender.scopes.includes(scope)) {
      throw new AppError('scope_missing', `The API key lacks the scope ${scope}.`);
    }
    return sender;
  };
}

/** Whose notifications this sender may see and take back: its own, or with `operate` everybody's (undefined). */
export function ownerFor(sender: Sender): string | undefined {
  return sender.scopes.includes('operate') ? undefined : sender.name;
}

function presentedKey(req: IncomingMessage): string {
  const bearer = /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1];
  const apiKey = req.headers['x-api-key'];
  if (req.headers.authorization !== undefined && bearer === undefined) {
    throw new AppError('credential_required', 'Authorization must have the form: Bearer <API key>.');
  }
  const key = bearer ?? apiKey;
  if (typeof key !== 'string' || key === '') {
    throw new AppError('credential_required', 'Send an API key as Authorization: Bearer <key> or as X-API-Key: <key>.');
  }
  if (apiKey !== undefined && apiKey !== key) {
    throw new AppError('credential_required', 'Authorization and X-API-Key hold different keys; send one of them.');
  }
  return key;
}
