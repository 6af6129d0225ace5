// Who may use the notification routes: the holders of the configured API keys.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ApiKey } from '../config.ts';
import { AppError } from '../errors.ts';
import { requestContextOf } from './request-context.ts';

/** Names the sender of a request, or throws `credential_required`; `not_configured` where there are no keys at all. */
export type FindSender = (req: IncomingMessage) => string;

/** Checks `Authorization: Bearer <key>` or `X-API-Key: <key>`. A key in the URL is never looked at. */
export function createFindSender(apiKeys: readonly ApiKey[]): FindSender {
  const known = apiKeys.map(({ name, secret }) => ({ name, digest: digestOf(secret) }));
  return (req) => {
    if (known.length === 0) {
      throw new AppError('not_configured', 'No sender is allowed yet: the setting NOTIFY_API_KEYS is empty.');
    }
    const sender = matchKey(known, digestOf(presentedKey(req)));
    if (sender === undefined) throw new AppError('credential_required', 'The API key is not known.');
    return sender;
  };
}

/** The sender of this request, noted for its line in the log. Throws what `findSender` throws. */
export function nameSender(findSender: FindSender, req: IncomingMessage): string {
  const sender = findSender(req);
  requestContextOf(req).sender = sender;
  return sender;
}

type KnownKey = { readonly name: string; readonly digest: Buffer };

// Digests have one length, and every key is compared: the time taken tells neither a length nor a position.
function matchKey(known: readonly KnownKey[], digest: Buffer): string | undefined {
  let sender: string | undefined;
  for (const key of known) {
    if (timingSafeEqual(key.digest, digest)) sender = key.name;
  }
  return sender;
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

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
