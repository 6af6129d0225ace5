// What must not happen at the same time in two transactions. SQLite has one writer, so there it never does; PostgreSQL
// has many, each of which sees what the others have committed.

import { PostgresAdapter, sql } from 'kysely';
import type { Database } from './database.ts';

/**
 * What is locked by name, in the order in which it is taken: a transaction that takes several keeps to it, or two could
 * wait for each other.
 * - `idempotency`: the requests of a credential with one key follow one another.
 * - `subject`: who is notified of a subject, and who comes to wait for it, do not pass each other unseen.
 * - `conversation`: whether a wait is open and whether the conversation takes a push are changed together.
 * - `replicas`: of two replicas that begin, the second sees the first.
 */
export type LockKind = 'idempotency' | 'subject' | 'conversation' | 'replicas';

const numberOf: Readonly<Record<LockKind, number>> = { idempotency: 1, subject: 2, conversation: 3, replicas: 4 };

export function isPostgres(db: Database): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** Waits until no other transaction holds this, and holds it to the end of `trx`. What is read from then on is settled. */
export function lock(trx: Database, kind: LockKind, ...names: readonly string[]): Promise<void> {
  return lockAll(trx, kind, [names]);
}

/** Locks several of one kind, in one order, so that two who lock the same ones cannot wait for each other. */
export async function lockAll(trx: Database, kind: LockKind, names: readonly (readonly string[])[]): Promise<void> {
  if (!isPostgres(trx) || names.length === 0) return;
  const texts = [...new Set(names.map((name) => JSON.stringify(name)))];
  await sql`
    select pg_advisory_xact_lock(${numberOf[kind]}, hashed.number)
    from (select distinct hashtext(k.value) as number from unnest(${texts}::text[]) as k (value) order by 1) as hashed`.execute(
    trx,
  );
}

type Lockable<Q> = { forUpdate(): Q & { skipLocked(): Q } };

/** The query, with the rows that it finds locked to the end of the transaction. */
export function lockRows<Q extends Lockable<Q>>(db: Database, query: Q): Q {
  return isPostgres(db) ? query.forUpdate() : query;
}

/** The same, but for rows that others have locked: those are left out. */
export function lockFreeRows<Q extends Lockable<Q>>(db: Database, query: Q): Q {
  return isPostgres(db) ? query.forUpdate().skipLocked() : query;
}
