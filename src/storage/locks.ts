// What must not happen at the same time in two transactions. SQLite has one writer, so there it never does; PostgreSQL
// has many, and reads what the others have committed.

import { PostgresAdapter, sql } from 'kysely';
import type { Database } from './database.ts';

/** Kinds in the order in which they are taken: a transaction that takes several must keep to it, or two wait for each other. */
export type LockKind = 'idempotency' | 'subject' | 'person' | 'conversation';

const kinds: readonly LockKind[] = ['idempotency', 'subject', 'person', 'conversation'];

export function isPostgres(db: Database): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** Waits until no other transaction holds this, and holds it to the end of `trx`. */
export async function lock(trx: Database, kind: LockKind, ...names: readonly string[]): Promise<void> {
  if (!isPostgres(trx)) return;
  const text = JSON.stringify(names);
  await sql`select pg_advisory_xact_lock(${kinds.indexOf(kind)}, hashtext(${text}))`.execute(trx);
}
