// A sender takes a notification back: whatever of it has not reached the parent, or the user.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { mayExpire } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { transact } from '../storage/transact.ts';
import { cancelled } from './delivery-store.ts';
import { wakeLanes } from './lane-store.ts';

/** Bounds one transaction. */
const rowsPerChunk = 500;

/**
 * Cancels what is pending or held, and what nobody waits for yet; further recipients get nothing. What is in flight, or
 * has been taken by a parent, goes on; if the attempt in flight fails there is no other. False when there is no such
 * notification.
 */
export async function cancelNotification(db: Database, id: string, now: number): Promise<boolean> {
  // First the notification itself: from then on nothing of it is begun, however long the deliveries take.
  const { numUpdatedRows } = await db
    .updateTable('notifications')
    .set((eb) => ({ cancelled_at: eb.fn.coalesce('cancelled_at', eb.val(now)), expanded_to: null }))
    .where('id', '=', id)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  while ((await cancelChunk(db, id, now)) === rowsPerChunk) await nextTurn();
  return true;
}

function cancelChunk(db: Database, id: string, now: number): Promise<number> {
  return transact(db, async (trx) => {
    const chunk = trx
      .selectFrom('deliveries')
      .select('id')
      .where('notification_id', '=', id)
      .where(mayExpire)
      // The message has been taken: its action must still be told its end.
      .where('step', '=', 'message')
      .limit(rowsPerChunk);
    const rows = await trx
      .updateTable('deliveries')
      .set({ state: cancelled.state, reason: cancelled.reason, reason_text: cancelled.reasonText, settled_at: now })
      .where('id', 'in', chunk)
      .returning('conversation_id')
      .execute();
    // Where it was the head, what comes after it need not wait for its next attempt.
    await wakeLanes(
      trx,
      rows.map((row) => row.conversation_id),
      now,
    );
    return rows.length;
  });
}
