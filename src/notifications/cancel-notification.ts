// A sender takes a notification back: whatever of it has not reached the parent, or the user.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { mayExpire } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { transact } from '../storage/transact.ts';
import { cancelled } from './delivery-store.ts';
import { lockLanes } from './lane-store.ts';
import { wakeLanes } from './wake-lanes.ts';

/** Bounds one transaction. */
const rowsPerChunk = 500;

/**
 * Cancels what is pending or held, and what nobody waits for yet; further recipients get nothing. What is in flight, or
 * has been taken by a parent, goes on; if the attempt in flight fails there is no other. False when there is no such
 * notification, with `sender` none of that sender.
 */
export async function cancelNotification(db: Database, id: string, now: number, sender?: string): Promise<boolean> {
  // First the notification itself: from then on nothing of it is begun, however long the deliveries take.
  let mark = db
    .updateTable('notifications')
    .set((eb) => ({ cancelled_at: eb.fn.coalesce('cancelled_at', eb.val(now)), expanded_to: null }))
    .where('id', '=', id);
  if (sender !== undefined) mark = mark.where('sender', '=', sender);
  const { numUpdatedRows } = await mark.executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  for (let last: number | undefined = 0; last !== undefined;) {
    last = await cancelChunk(db, id, last, now);
    await nextTurn();
  }
  return true;
}

/** One chunk of its deliveries, after the place `after` in the queue; gives the last place, or undefined at the end. */
function cancelChunk(db: Database, id: string, after: number, now: number): Promise<number | undefined> {
  return transact(db, async (trx) => {
    const chunk = await trx
      .selectFrom('deliveries')
      .select(['id', 'seq', 'conversation_id'])
      .where('notification_id', '=', id)
      .where('seq', '>', after)
      .where(mayExpire)
      // The message has been taken: its action must still be told its end.
      .where('step', '=', 'message')
      .orderBy('seq')
      .limit(rowsPerChunk)
      .execute();
    if (chunk.length === 0) return undefined;
    await lockLanes(
      trx,
      chunk.map((row) => row.conversation_id),
    );
    await trx
      .updateTable('deliveries')
      .set({
        state: cancelled.state,
        open: 0,
        reason: cancelled.reason,
        reason_text: cancelled.reasonText,
        settled_at: now,
      })
      .where(
        'id',
        'in',
        chunk.map((row) => row.id),
      )
      // As it is now: a worker may have begun, or ended, one of them meanwhile.
      .where(mayExpire)
      .where('step', '=', 'message')
      .execute();
    // Where it was the head, what comes after it need not wait for its next attempt.
    await wakeLanes(
      trx,
      chunk.map((row) => row.conversation_id),
      now,
    );
    return chunk.at(-1)?.seq;
  });
}
