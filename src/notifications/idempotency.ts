// Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header): a sender that repeats itself gets its first answer.

import { createHash } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/database.ts';
import { insertRows } from '../storage/insert-rows.ts';
import { listOf } from '../storage/values.ts';

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

/** An answer that has been given, and to which body. */
type Given<T> = { readonly fingerprint: string; readonly answer: T };

/** What tells one key of one credential from all others. */
function nameOf({ credential, key }: Pick<RepeatableRequest, 'credential' | 'key'>): string {
  return JSON.stringify([credential, key]);
}

/**
 * The answer that an earlier request with this key got, or undefined. Asked before the body is checked: what was accepted
 * yesterday may name an end that has passed since. Throws AppError `idempotency_key_reused` (422) for another body.
 */
export async function findAnswer<T>(db: Database, request: RepeatableRequest, now: number): Promise<T | undefined> {
  return new AnswerBook(await findAnswers<T>(db, [request], now)).find(request);
}

/** The answers that earlier requests with these keys got. */
export async function findAnswers<T>(
  db: Database,
  requests: readonly RepeatableRequest[],
  now: number,
): Promise<Map<string, Given<T>>> {
  if (requests.length === 0) return new Map();
  const listed = (name: 'credential' | 'key') => listOf(db, [...new Set(requests.map((request) => request[name]))]);
  const rows = await db
    .selectFrom('idempotency_keys')
    .select(['credential', 'key', 'fingerprint', 'answer'])
    .where('credential', 'in', listed('credential'))
    .where('key', 'in', listed('key'))
    .where('expires_at', '>', now)
    .execute();
  return new Map(
    rows.map((row) => [nameOf(row), { fingerprint: row.fingerprint, answer: JSON.parse(row.answer) as T }]),
  );
}

/** Keeps answers; to be called in the transaction that stores what they tell of, so that a crash leaves both or neither. */
export async function insertAnswers(
  trx: Database,
  given: readonly (RepeatableRequest & { readonly answer: { readonly expiresAt: number } })[],
  now: number,
): Promise<void> {
  const rows = given.map(({ answer, ...request }) => ({
    ...request,
    answer: JSON.stringify(answer),
    expires_at: Math.max(now + shortestLifeMs, answer.expiresAt),
  }));
  const change = ['fingerprint', 'answer', 'expires_at'].map((name) => `${name} = excluded.${name}`);
  // There may be one whose time is over.
  await insertRows(trx, 'idempotency_keys', rows, `(credential, key) do update set ${change.join(', ')}`);
}

/** Gives each request with a key its first answer: those that are known, and those that are given meanwhile. */
export class AnswerBook<T> {
  readonly #given: Map<string, Given<T>>;
  /** Those that are still to be kept. */
  readonly added: (RepeatableRequest & { readonly answer: T })[] = [];

  constructor(known: ReadonlyMap<string, Given<T>>) {
    this.#given = new Map(known);
  }

  /** Throws AppError `idempotency_key_reused` (422) for another body. */
  find(request: RepeatableRequest): T | undefined {
    const known = this.#given.get(nameOf(request));
    if (known && known.fingerprint !== request.fingerprint) {
      throw new AppError('idempotency_key_reused', 'Idempotency-Key was used before with another body.');
    }
    return known?.answer;
  }

  /** The answer of `first`, or the one that an earlier request with the same key got. Throws what either does. */
  once(request: RepeatableRequest | undefined, first: () => T): T & { readonly replayed: boolean } {
    const known = request && this.find(request);
    if (known !== undefined) return { replayed: true, ...known };
    const answer = first();
    if (request) {
      this.#given.set(nameOf(request), { fingerprint: request.fingerprint, answer });
      this.added.push({ ...request, answer });
    }
    return { replayed: false, ...answer };
  }
}

function sortFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortFields);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  // Wrapped, so that an object is never mistaken for a list of pairs.
  return { fields: entries.map(([key, entry]) => [key, sortFields(entry)]) };
}
