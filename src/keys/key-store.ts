// Stored API keys: their digests, never the keys.

import { keepReplaced } from '../rotation.ts';
import type { Database } from '../storage/database.ts';
import type { ApiKeyRow } from '../storage/schema.ts';
import { transact } from '../storage/transact.ts';
import type { Scope, Sender } from './api-key.ts';

/** What an operator may see of a key. */
export type KeyView = {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Null: any recipient. */
  readonly subjects: readonly string[] | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  /** To the hour. */
  readonly lastUsedAt: string | null;
};

/** A digest that a rotation has replaced, good until then (epoch ms). */
type PreviousDigest = { readonly digest: string; readonly until: number };

export type StoredKey = {
  readonly id: string;
  readonly sender: Sender;
  readonly digest: string;
  /** From before rotations. */
  readonly previous: readonly PreviousDigest[];
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
  readonly lastUsedAt: number | undefined;
};

export type NewKey = {
  readonly id: string;
  readonly digest: string;
  readonly sender: Sender;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
};

/** Stores a key. Undefined when its name is taken, also by one that is revoked: what it has sent bears that name. */
export async function insertKey(db: Database, key: NewKey): Promise<KeyView | undefined> {
  const row = await db
    .insertInto('api_keys')
    .values({
      id: key.id,
      name: key.sender.name,
      digest: key.digest,
      scopes: JSON.stringify(key.sender.scopes),
      subjects: key.sender.subjects ? JSON.stringify(key.sender.subjects) : null,
      created_at: key.createdAt,
      expires_at: key.expiresAt ?? null,
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returningAll()
    .executeTakeFirst();
  return row && viewKey(row);
}

export async function findKey(db: Database, id: string): Promise<StoredKey | undefined> {
  const row = await db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
  return row && parseKey(row);
}

/** Every key, also those that are no longer good; the newest first. */
export async function listKeys(db: Database): Promise<KeyView[]> {
  const rows = await db.selectFrom('api_keys').selectAll().orderBy('created_at', 'desc').orderBy('id').execute();
  return rows.map(viewKey);
}

/** Which of these names a key has, or had. */
export async function findNames(db: Database, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const rows = await db.selectFrom('api_keys').select('name').where('name', 'in', names).execute();
  return rows.map(({ name }) => name);
}

/** Whether any key has ever been made. */
export async function hasKeys(db: Database): Promise<boolean> {
  return (await db.selectFrom('api_keys').select('id').limit(1).executeTakeFirst()) !== undefined;
}

/**
 * Gives a key a new digest; the old one is good until `until`, those before it no longer than that. Gives the key, or
 * undefined when it is over: the new one would be refused as well.
 */
export function replaceDigest(
  db: Database,
  id: string,
  digest: string,
  { now, until }: { readonly now: number; readonly until: number },
): Promise<KeyView | undefined> {
  return transact(db, async (trx) => {
    const known = await findKey(trx, id);
    if (!known || known.revokedAt !== undefined || (known.expiresAt ?? Infinity) <= now) return undefined;
    const current = { digest: known.digest, until: Infinity };
    const previous = keepReplaced([current, ...known.previous], { now, until });
    const row = await trx
      .updateTable('api_keys')
      .set({ digest, previous: JSON.stringify(previous) })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    return row && viewKey(row);
  });
}

/** Ends a key at once. Gives the key, or undefined when there is none. */
export async function revokeKey(db: Database, id: string, now: number): Promise<KeyView | undefined> {
  const row = await db
    .updateTable('api_keys')
    .set(({ fn, val }) => ({ revoked_at: fn.coalesce('revoked_at', val(now)) }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  return row && viewKey(row);
}

export async function noteUse(db: Database, id: string, now: number): Promise<void> {
  await db.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', id).execute();
}

function parseKey(row: ApiKeyRow): StoredKey {
  const { id, name, scopes, subjects } = viewKey(row);
  return {
    id,
    sender: { name, scopes, ...(subjects && { subjects }) },
    digest: row.digest,
    previous: JSON.parse(row.previous) as PreviousDigest[],
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}

function viewKey(row: ApiKeyRow): KeyView {
  return {
    id: row.id,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    subjects: row.subjects === null ? null : (JSON.parse(row.subjects) as string[]),
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: timeOf(row.expires_at),
    revokedAt: timeOf(row.revoked_at),
    lastUsedAt: timeOf(row.last_used_at),
  };
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
