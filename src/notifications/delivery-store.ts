// Stored deliveries. What changes a delivery in work goes through the lease of its lane.

import { isCounted } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { prepared } from '../storage/prepared.ts';
import type { DeliveryRow } from '../storage/schema.ts';
import { OneByOne } from '../storage/together.ts';
import { transact } from '../storage/transact.ts';
import { numbersOf } from '../storage/values.ts';
import { type AttemptRecord, insertAttempts } from './attempt-store.ts';
import { holdsLease, type Lease, leaseMs } from './lane-store.ts';
import type { Delivery, DeliveryState, DeliveryStep } from './notification.ts';

/** Where a delivery goes after an attempt. */
export type DeliveryChange =
  | { readonly state: 'delivered' }
  | { readonly state: 'pending'; readonly runAt: number }
  | { readonly state: 'pending'; readonly runAt: number; readonly step: 'end'; readonly waitId: string }
  | { readonly state: 'held' | 'dead' | 'cancelled'; readonly reason: string; readonly reasonText: string };

export type Settlement = {
  /** What it was when it was read, or `sending` after beginAttempt: another one may have changed it since. */
  readonly from: DeliveryState;
  readonly change: DeliveryChange;
  readonly now: number;
  /** Absent when nothing was sent. */
  readonly attempt?: AttemptRecord;
};

/**
 * Marks an attempt before it is made and renews the lease for it. False when the lease is lost or the delivery has
 * changed since it was read: nothing was changed and nothing may be sent.
 */
export async function beginAttempt(db: Database, lease: Lease, delivery: Delivery, now: number): Promise<boolean> {
  return transact(db, async (trx) => {
    if (!(await holdsLease(trx, lease, now + leaseMs))) return false;
    const { numUpdatedRows } = await trx
      .updateTable('deliveries')
      .set({ state: 'sending', open: 1 })
      .where('id', '=', delivery.id)
      .where('state', '=', delivery.state)
      .where('attempts', '=', delivery.attempts)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  });
}

/** Marks the attempts that are about to be made under leases held in `trx`. Returns those (`seq`) that were still pending. */
export async function markSending(trx: Database, seqs: readonly number[]): Promise<ReadonlySet<number>> {
  if (seqs.length === 0) return new Set();
  const { numAffectedRows } = await mark(trx, { seqs });
  if (numAffectedRows === BigInt(seqs.length)) return new Set(seqs);
  // None of them was before: whoever marks one holds the lease.
  const { rows } = await listSending(trx, { seqs });
  return new Set(rows.map((row) => row.seq));
}

// How many there were is told by the way; which ones they were costs a third of the statement.
const mark = prepared((db, { seqs }: { readonly seqs: readonly number[] }) =>
  db
    .updateTable('deliveries')
    .set({ state: 'sending' })
    .where('seq', 'in', numbersOf(db, seqs))
    .where('state', '=', 'pending')
    .compile(),
);

const listSending = prepared((db, { seqs }: { readonly seqs: readonly number[] }) =>
  db
    .selectFrom('deliveries')
    .select('seq')
    .where('seq', 'in', numbersOf(db, seqs))
    .where('state', '=', 'sending')
    .compile(),
);

/** Not before `runAt`, under a lease held in `trx`. */
export async function postponeDelivery(trx: Database, { id }: Delivery, runAt: number): Promise<void> {
  await trx
    .updateTable('deliveries')
    .set({ run_at: runAt })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .execute();
}

/**
 * Settles what was taken by its parent, under leases held in `trx`, and records the attempts. False where one alone was no
 * longer ours; throws OneByOne where not all of several were.
 */
export async function settleDelivered(
  trx: Database,
  items: readonly { readonly delivery: Delivery; readonly attempt: AttemptRecord }[],
  now: number,
): Promise<boolean> {
  const seqs = items.map(({ delivery }) => delivery.seq);
  const { numAffectedRows } = await setDelivered(trx, { seqs, now });
  if (numAffectedRows !== BigInt(seqs.length)) {
    if (seqs.length > 1) throw new OneByOne();
    return false;
  }
  await insertAttempts(trx, items);
  return true;
}

const setDelivered = prepared((db, { seqs, now }: { readonly seqs: readonly number[]; readonly now: number }) =>
  db
    .updateTable('deliveries')
    .set(({ eb }) => ({ ...columnsOf({ state: 'delivered' }, now), attempts: eb('attempts', '+', 1) }))
    .where('seq', 'in', numbersOf(db, seqs))
    .where('state', '=', 'sending')
    .compile(),
);

/**
 * Moves a delivery on and records its attempt. Gives what was stored, which is not `change` where the sender has taken the
 * notification back meanwhile; undefined when the delivery is no longer ours or no longer as read: nothing was changed.
 */
export async function settleDelivery(
  db: Database,
  lease: Lease,
  delivery: Delivery,
  { from, change, now, attempt }: Settlement,
): Promise<DeliveryChange | undefined> {
  return transact(db, async (trx) => {
    if (!(await holdsLease(trx, lease))) return undefined;
    const attempts = delivery.attempts + (attempt ? 1 : 0);
    // Taken back while it was in flight or with a turn, and not delivered: it is not tried again.
    const mayBeOver = change.state === 'held' || (change.state === 'pending' && !('step' in change));
    const stored = mayBeOver && (await isCancelled(trx, delivery)) ? cancelled : change;
    const { numUpdatedRows } = await trx
      .updateTable('deliveries')
      .set({ ...columnsOf(stored, now), attempts })
      .where('id', '=', delivery.id)
      .where('state', '=', from)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return undefined;
    if (attempt) await insertAttempts(trx, [{ delivery, attempt }]);
    return stored;
  });
}

async function isCancelled(db: Database, { notificationId, step }: Delivery): Promise<boolean> {
  const row = await db
    .selectFrom('notifications')
    .select('cancelled_at')
    .where('id', '=', notificationId)
    .executeTakeFirst();
  return step === 'message' && row !== undefined && row.cancelled_at !== null;
}

/** Why a delivery was cancelled, as it is stored. */
export const cancelled = {
  state: 'cancelled',
  reason: 'cancelled',
  reasonText: 'Its sender has cancelled it.',
} as const;

/** Deliveries that are still to be pushed, without the further pages of broadcasts. */
export async function countOpenDeliveries(db: Database): Promise<number> {
  const row = await db
    .selectFrom('deliveries')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(isCounted)
    .executeTakeFirstOrThrow();
  return row.count;
}

function columnsOf(change: DeliveryChange, now: number) {
  switch (change.state) {
    case 'pending':
      return {
        state: change.state,
        open: 1,
        run_at: change.runAt,
        ...('step' in change && { step: change.step, wait_id: change.waitId }),
      };
    case 'delivered':
      return { state: change.state, open: 0, settled_at: now, reason: null, reason_text: null };
    case 'held':
      // Whatever interrupted it before, a turn of the user may give it.
      return {
        state: change.state,
        open: 0,
        reason: change.reason,
        reason_text: change.reasonText,
        interruptions: 0,
        forced: 0,
      };
    case 'dead':
    case 'cancelled':
      return { state: change.state, open: 0, reason: change.reason, reason_text: change.reasonText, settled_at: now };
  }
}

/** As far as the rest of the service knows a delivery. */
export type KnownRow = Pick<
  DeliveryRow,
  | 'seq'
  | 'id'
  | 'notification_id'
  | 'conversation_id'
  | 'state'
  | 'step'
  | 'wait_id'
  | 'attempts'
  | 'attempts_before'
  | 'forced'
  | 'interruptions'
  | 'run_at'
  | 'expires_at'
>;

/** A row as the rest of the service knows it. */
export function parseDelivery(row: KnownRow): Delivery {
  return {
    seq: row.seq,
    id: row.id,
    notificationId: row.notification_id,
    conversationId: row.conversation_id,
    state: row.state as DeliveryState,
    step: row.step as DeliveryStep,
    waitId: row.wait_id ?? undefined,
    attempts: row.attempts,
    attemptsBefore: row.attempts_before,
    isForced: row.forced === 1,
    interruptions: row.interruptions,
    runAt: row.run_at,
    expiresAt: row.expires_at,
  };
}
