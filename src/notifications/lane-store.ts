// The queue: one lane for each conversation that has open work. A worker leases a lane, not a delivery, so order and
// one-in-flight come by themselves; whatever it changes is guarded by the token of its lease.

import { sql } from 'kysely';
import { v4 as createToken } from 'uuid';
import { isOpen } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { isPostgres, lockFreeRows, lockRows } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';
import { integer, listOf } from '../storage/values.ts';

/** Wakes the lanes of these conversations at `runAt`. A leased lane is left alone: its holder looks again when it lets go. */
export async function wakeLanes(db: Database, conversationIds: readonly string[], runAt: number): Promise<void> {
  for (let start = 0; start < conversationIds.length; start += lanesPerInsert) {
    await wakeChunk(db, conversationIds.slice(start, start + lanesPerInsert), runAt);
  }
}

const lanesPerInsert = 5_000;

async function wakeChunk(db: Database, conversationIds: readonly string[], runAt: number): Promise<void> {
  await db
    .insertInto('lanes')
    .columns(['conversation_id', 'parent', 'run_at'])
    .expression(
      db
        .selectFrom('conversations')
        .select(['id', 'parent', integer(runAt).as('run_at')])
        .where('id', 'in', conversationIds)
        // In one order, so that two transactions that wake the same lanes cannot wait for each other.
        .orderBy('id'),
    )
    .onConflict((conflict) =>
      conflict
        .column('conversation_id')
        .doUpdateSet({ run_at: runAt })
        .where('lanes.token', 'is', null)
        .where('lanes.run_at', '>', runAt),
    )
    .execute();
}

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
 * dead one's comes back after this. Renewed before each attempt.
 */
export const leaseMs = 60_000;

const interruptionDelayMs = 5_000;

export type Lease = {
  readonly conversationId: string;
  readonly parent: string;
  readonly token: string;
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
  return transact(db, async (trx) => {
    const leases: Lease[] = [];
    for (const { parent, limit } of claims) {
      const due = trx
        .selectFrom('lanes')
        .select('conversation_id')
        .where('parent', '=', parent)
        .where('run_at', '<=', now)
        .orderBy('run_at')
        .limit(limit);
      // Beside the update, not in its condition: there PostgreSQL may look for lanes several times, and lock too many.
      const rows = await trx
        .with('due', () => lockFreeRows(trx, due))
        .updateTable('lanes')
        .set({ token, run_at: now + leaseMs })
        .where('conversation_id', 'in', (eb) => eb.selectFrom('due').select('conversation_id'))
        .returning('conversation_id')
        .execute();
      for (const row of rows) leases.push({ conversationId: row.conversation_id, parent, token });
    }
    return leases;
  });
}

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
  return row && { conversationId: row.conversation_id, parent: row.parent, token };
}

/**
 * Those of these leases that still hold; called first in a transaction that changes something under them. Their lanes are
 * locked, so that work enqueued at the same time is seen or waits.
 */
export async function keepHeld<T extends { readonly lease: Lease }>(trx: Database, items: readonly T[]): Promise<T[]> {
  const ids = items.map(({ lease }) => lease.conversationId);
  const lanes = trx.selectFrom('lanes').select(['conversation_id', 'token']);
  const wanted = lanes.where('conversation_id', 'in', listOf(trx, ids)).orderBy('conversation_id');
  const rows = await lockRows(trx, wanted).execute();
  const tokens = new Map(rows.map((row) => [row.conversation_id, row.token]));
  return items.filter(({ lease }) => tokens.get(lease.conversationId) === lease.token);
}

/** Gives a lane that was leased in this transaction back to whoever had it before, for as long. */
export async function keepLease(trx: Database, { conversationId, token }: Lease): Promise<void> {
  await trx.updateTable('lanes').set({ token }).where('conversation_id', '=', conversationId).execute();
}

/** Extends leases that have been looked at in this transaction. */
export async function renewLeases(trx: Database, leases: readonly Lease[], now: number): Promise<void> {
  if (leases.length === 0) return;
  const ids = leases.map(({ conversationId }) => conversationId);
  await trx
    .updateTable('lanes')
    .set({ run_at: now + leaseMs })
    .where('conversation_id', 'in', listOf(trx, ids))
    .execute();
}

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
  if (idle.length > 0) await trx.deleteFrom('lanes').where('conversation_id', 'in', listOf(trx, idle)).execute();
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

/**
 * The parent is there (it has just called): what waits for its next attempt is tried now, and what can no longer be
 * pushed is found out now.
 */
export async function hastenLane(db: Database, conversationId: string, now: number): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('deliveries')
    // With the schedule anew: otherwise a talkative user would use it up while the parent is in trouble.
    .set(({ ref }) => ({ run_at: now, attempts_before: ref('attempts') }))
    .where('conversation_id', '=', conversationId)
    .where(isOpen)
    .where('state', '=', 'pending')
    .where('send_at', '<=', now)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) await wakeLanes(db, [conversationId], now);
}
