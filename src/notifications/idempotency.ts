// Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header): a sender that repeats itself gets its first answer.

import { createHash } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/database.ts';

/** A request that its sender may repeat. The scope is the credential: another sender's keys are unrelated. */
export type RepeatableRequest = {
  readonly credential: string;
  readonly key: string;
  /** Of the body as it was sent, whatever the order of its fields. */
  readonly fingerprint: string;
};

const shortestLifeMs = 24 * 3_600_000;

/**
 * The key in the values of the header, bare or as a quoted string (RFC 8941 section 3.3.3), which are the same key;
 * undefined without the header. Throws AppError 400 for more than one value, and for what is not visible ASCII.
 */
export function parseIdempotencyKey(values: readonly string[] | undefined): string | undefined {
  if (values === undefined) return undefined;
  const [, quoted, bare] =
    /^(?:"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"|([\x21\x23-\x7e][\x21-\x7e]*))$/.exec(values[0] ?? '') ?? [];
  const key = quoted?.replaceAll(/\\(.)/g, '$1') ?? bare;
  if (values.length > 1 || key === undefined || key.length > 255) {
    throw new AppError('malformed_request', 'Idempotency-Key must be one value of 1 to 255 visible ASCII characters.');
  }
  return key;
}

/** Fingerprint of a JSON value: equal for equal values, whatever the order of their fields (as in RFC 8785). */
export function fingerprintOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sortFields(value)))
    .digest('base64url');
}

/**
 * The answer that an earlier request with this key got, or undefined. Asked before the body is checked: what was accepted
 * yesterday may name an end that has passed since. Throws AppError `idempotency_key_reused` (422) for another body.
 */
export async function findAnswer<T>(db: Database, request: RepeatableRequest, now: number): Promise<T | undefined> {
  const known = await db
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'answer'])
    .where('credential', '=', request.credential)
    .where('key', '=', request.key)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  if (known && known.fingerprint !== request.fingerprint) {
    throw new AppError('idempotency_key_reused', 'Idempotency-Key was used before with another body.');
  }
  return known && (JSON.parse(known.answer) as T);
}

/**
 * Runs `first` inside the transaction `trx` and keeps its answer, or gives the kept answer of an earlier request with the
 * same key. The answer lives as long as the transaction's other rows do: a crash after the commit and before the HTTP
 * answer is no second acceptance. Throws AppError `idempotency_key_reused` (422) for another body under the same key.
 */
export async function acceptOnce<T extends { readonly expiresAt: number }>(
  trx: Database,
  request: RepeatableRequest,
  now: number,
  first: () => Promise<T>,
): Promise<{ readonly answer: T; readonly replayed: boolean }> {
  const known = await findAnswer<T>(trx, request, now);
  if (known) return { answer: known, replayed: true };
  const answer = await first();
  const row = {
    fingerprint: request.fingerprint,
    answer: JSON.stringify(answer),
    expires_at: Math.max(now + shortestLifeMs, answer.expiresAt),
  };
  await trx
    .insertInto('idempotency_keys')
    .values({ credential: request.credential, key: request.key, ...row })
    .onConflict((conflict) => conflict.columns(['credential', 'key']).doUpdateSet(row))
    .execute();
  return { answer, replayed: false };
}

function sortFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortFields);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  // Wrapped, so that an object is never mistaken for a list of pairs.
  return { fields: entries.map(([key, entry]) => [key, sortFields(entry)]) };
}
