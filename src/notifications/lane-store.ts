// The queue: one lane for each conversation that has open work. A worker leases a lane, not a delivery, so order and
// one-in-flight come by themselves; whatever it changes is guarded by the token of its lease.

import { sql } from 'kysely';
import { v4 as createToken } from 'uuid';
import { isOpen } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { isPostgres, lockFreeRows, lockRows } from '../storage/locks.ts';
import { prepared } from '../storage/prepared.ts';
import { transact } from '../storage/transact.ts';
import { integer, listOf } from '../storage/values.ts';

/**
 * Locks the lanes of these conversations before their deliveries are changed, as whoever works on them does: in another
 * order the two would wait for each other.
 */
export async function lockLanes(trx: Database, conversationIds: readonly string[]): Promise<void> {
  if (!isPostgres(trx)) return;
  const lanes = trx.selectFrom('lanes').select('conversation_id').where('conversation_id', 'in', conversationIds);
  await lockRows(trx, lanes.orderBy('conversation_id')).execute();
}

/**
 * Longer than any attempt (at most 30 s for a token and 20 s for the request), so that a live worker keeps its lane; a
 * dead one's comes back after this. Renewed between attempts.
 */
export const leaseMs = 60_000;

const interruptionDelayMs = 5_000;

export type Lease = {
  readonly conversationId: string;
  readonly parent: string;
  readonly token: string;
  /** It holds at least until then; epoch ms. */
  until: number;
  /** What was sent under it is still to be stored: nobody else must take the delivery for one that was cut off. */
  isSettling?: boolean;
};

/** How many lanes of a parent may be leased now. */
export type Claim = { readonly parent: string; readonly limit: number };

/**
 * Leases lanes that are due, of each parent the oldest first, in one transaction. A lease that nobody ended is due again
 * when its time is up.
 */
export async function claimLanes(db: Database, claims: readonly Claim[], now: number): Promise<Lease[]> {
  const token = createToken();
  const until = now + leaseMs;
  return transact(db, async (trx) => {
    const leases: Lease[] = [];
    for (const { parent, limit } of claims) {
      const { rows } = await leaseLanes(trx, { parent, limit, now, token, until });
      for (const row of rows) leases.push({ conversationId: row.conversation_id, parent, token, until });
    }
    return leases;
  });
}

type Leased = Claim & { readonly now: number; readonly token: string; readonly until: number };

const leaseLanes = prepared((db, { parent, limit, now, token, until }: Leased) => {
  const due = db
    .selectFrom('lanes')
    .select('conversation_id')
    .where('parent', '=', parent)
    .where('run_at', '<=', now)
    .orderBy('run_at')
    .limit(limit);
  // Beside the update, not in its condition: there PostgreSQL may look for lanes several times, and lock too many.
  return db
    .with('due', () => lockFreeRows(db, due))
    .updateTable('lanes')
    .set({ token, run_at: until })
    .where('conversation_id', 'in', (eb) => eb.selectFrom('due').select('conversation_id'))
    .returning('conversation_id')
    .compile();
});

/** Leases just this lane, for a turn of the user; undefined while a worker holds it. */
export async function claimLane(db: Database, conversationId: string, now: number): Promise<Lease | undefined> {
  const token = createToken();
  const row = await transact(db, (trx) =>
    trx
      .insertInto('lanes')
      .columns(['conversation_id', 'parent', 'run_at', 'token'])
      .expression(
        trx
          .selectFrom('conversations')
          .select(['id', 'parent', integer(now + leaseMs).as('run_at'), sql.val(token).as('token')])
          .where('id', '=', conversationId),
      )
      .onConflict((conflict) =>
        conflict
          .column('conversation_id')
          .doUpdateSet({ run_at: now + leaseMs, token })
          .where((where) => where.or([where('lanes.token', 'is', null), where('lanes.run_at', '<=', now)])),
      )
      .returning(['conversation_id', 'parent'])
      .executeTakeFirst(),
  );
  return row && { conversationId: row.conversation_id, parent: row.parent, token, until: now + leaseMs };
}

/**
 * Those of these leases that still hold; called first in a transaction that changes something under them. Their lanes are
 * locked, so that work enqueued at the same time is seen or waits.
 */
export async function keepHeld<T extends { readonly lease: Lease }>(trx: Database, items: readonly T[]): Promise<T[]> {
  const ids = items.map(({ lease }) => lease.conversationId);
  const { rows } = await lockTokens(trx, { conversationIds: ids });
  const tokens = new Map(rows.map((row) => [row.conversation_id, row.token]));
  return items.filter(({ lease }) => tokens.get(lease.conversationId) === lease.token);
}

const lockTokens = prepared((db, { conversationIds }: { readonly conversationIds: readonly string[] }) => {
  const lanes = db.selectFrom('lanes').select(['conversation_id', 'token']);
  return lockRows(
    db,
    lanes.where('conversation_id', 'in', listOf(db, conversationIds)).orderBy('conversation_id'),
  ).compile();
});

/** Gives a lane that was leased in this transaction back to whoever had it before, for as long. */
export async function keepLease(trx: Database, { conversationId, token }: Lease): Promise<void> {
  await trx.updateTable('lanes').set({ token }).where('conversation_id', '=', conversationId).execute();
}

/**
 * Extends those of these leases that have been used a while, and that have been looked at in this transaction. Returns until
 * when each of them holds, once it is committed.
 */
export async function renewLeases(trx: Database, leases: readonly Lease[], now: number): Promise<Map<Lease, number>> {
  const used = leases.filter(({ until }) => until - now < leaseMs - unusedMs);
  const ids = used.map(({ conversationId }) => conversationId);
  if (ids.length > 0) await extendLeases(trx, { conversationIds: ids, until: now + leaseMs });
  return new Map(used.map((lease) => [lease, now + leaseMs]));
}

/** What is left after it is still longer than any attempt. */
const unusedMs = 2_000;

const extendLeases = prepared(
  (db, { conversationIds, until }: { readonly conversationIds: readonly string[]; readonly until: number }) =>
    db
      .updateTable('lanes')
      .set({ run_at: until })
      .where('conversation_id', 'in', listOf(db, conversationIds))
      .compile(),
);

/**
 * Whether the lease still holds; called first in every transaction that changes something under it. The update also
 * locks the lane, so that work enqueued at the same time is seen or waits. `until` extends the lease.
 */
export async function holdsLease(db: Database, lease: Lease, until?: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('lanes')
    .set({ token: lease.token, ...(until !== undefined && { run_at: until }) })
    .where('conversation_id', '=', lease.conversationId)
    .where('token', '=', lease.token)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Lanes to let go of, and when each wants a worker again; undefined where nothing is open in it. */
export type FreedLane = { readonly conversationId: string; readonly runAt: number | undefined };

/** Lets go of lanes whose leases have been looked at in this transaction: each sleeps until `runAt`, or goes. */
export async function freeLanes(trx: Database, lanes: readonly FreedLane[]): Promise<void> {
  const idle = lanes.filter(({ runAt }) => runAt === undefined).map(({ conversationId }) => conversationId);
  if (idle.length > 0) await deleteLanes(trx, { conversationIds: idle });
  for (const { conversationId, runAt } of lanes) {
    if (runAt === undefined) continue;
    // A turn may have shown another service URL meanwhile.
    const parent = trx.selectFrom('conversations').select('parent').where('id', '=', conversationId);
    await trx
      .updateTable('lanes')
      .set({ token: null, run_at: runAt, parent: (eb) => eb.fn.coalesce(parent, eb.ref('lanes.parent')) })
      .where('conversation_id', '=', conversationId)
      .execute();
  }
}

const deleteLanes = prepared((db, { conversationIds }: { readonly conversationIds: readonly string[] }) =>
  db.deleteFrom('lanes').where('conversation_id', 'in', listOf(db, conversationIds)).compile(),
);

/**
 * Takes every lease back and makes the lanes due. Only where one process owns the database: the holders of those leases
 * are then dead, and waiting for the leases to end would only delay what they had taken.
 */
export async function takeBackLeases(db: Database, now: number): Promise<void> {
  await transact(db, async (trx) => {
    await markInterrupted(trx, now);
    await trx.updateTable('lanes').set({ token: null, run_at: now }).where('token', 'is not', null).execute();
  });
}

/**
 * An attempt that nobody has settled is open again, and how often is counted, so that a deadly one is not tried for ever.
 * The first time at once, then after 5, 20 and 45 s: what happens to be in flight while a process is killed again and
 * again in quick succession is not what kills it.
 */
export async function markInterrupted(db: Database, now: number, conversationId?: string): Promise<void> {
  let query = db
    .updateTable('deliveries')
    .set(({ eb, ref }) => ({
      state: 'pending',
      interruptions: eb('interruptions', '+', 1),
      run_at: eb(eb(eb(ref('interruptions'), '*', ref('interruptions')), '*', interruptionDelayMs), '+', integer(now)),
    }))
    .where(isOpen)
    .where('state', '=', 'sending');
  if (conversationId !== undefined) query = query.where('conversation_id', '=', conversationId);
  await query.execute();
}
