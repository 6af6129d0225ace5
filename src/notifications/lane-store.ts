// The queue: one lane for each conversation that has open work. A worker leases a lane, not a delivery, so order and
// one-in-flight come by themselves; whatever it changes is guarded by the token of its lease.

import { sql } from 'kysely';
import { v4 as createToken } from 'uuid';
import { isOpen } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { isPostgres, lockFreeRows, lockRows } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';
import { integer } from '../storage/values.ts';

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
  /** Changes when its holder leases the lane anew. */
  token: string;
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

/** Lets go of a lane: it sleeps until its next open work, or goes when there is none. */
export async function releaseLane(db: Database, lease: Lease, now: number): Promise<void> {
  await transact(db, async (trx) => {
    if (!(await holdsLease(trx, lease))) return;
    // What the lease left in `sending` was not settled.
    await markInterrupted(trx, now, lease.conversationId);
    const runAt = await findNextRunAt(trx, lease.conversationId, now);
    const { conversationId } = lease;
    if (runAt === undefined) await trx.deleteFrom('lanes').where('conversation_id', '=', conversationId).execute();
    else {
      // A turn may have shown another service URL meanwhile.
      const parent = trx.selectFrom('conversations').select('parent').where('id', '=', conversationId);
      await trx
        .updateTable('lanes')
        .set({ token: null, run_at: runAt, parent: (eb) => eb.fn.coalesce(parent, eb.ref('lanes.parent')) })
        .where('conversation_id', '=', conversationId)
        .execute();
    }
  });
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

/** The head of the queue alone decides: what comes after it waits for it, also while it waits for its next attempt. */
async function findNextRunAt(db: Database, conversationId: string, now: number): Promise<number | undefined> {
  const open = db
    .selectFrom('deliveries')
    .where('conversation_id', '=', conversationId)
    .where(isOpen)
    .where('state', '=', 'pending');
  const head = await open
    .select(['run_at', 'wait_id'])
    .where('send_at', '<=', now)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  const scheduled = await open
    .select('send_at')
    .where('send_at', '>', now)
    .orderBy('send_at')
    .limit(1)
    .executeTakeFirst();
  const wait = await db
    .selectFrom('waits')
    .select(['id', 'deadline_at'])
    .where('conversation_id', '=', conversationId)
    .executeTakeFirst();
  // A wait that something has ended is over with the end that tells so, whenever that is.
  const deadlineAt = wait && wait.id !== head?.wait_id ? wait.deadline_at : undefined;
  const times = [head?.run_at, scheduled?.send_at, deadlineAt].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}
