// A sender takes a notification back: whatever of it is not in flight, and not with the user.

import type { Database } from '../storage/database.ts';
import { transact } from '../storage/transact.ts';

/**
 * Cancels what is pending or held, and what nobody waits for yet; further recipients get nothing. What is in flight, or
 * has been taken by a parent, goes on. False when there is no such notification.
 */
export function cancelNotification(db: Database, id: string, now: number): Promise<boolean> {
  return transact(db, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('notifications')
      .set((eb) => ({ cancelled_at: eb.fn.coalesce('cancelled_at', eb.val(now)), expanded_to: null }))
      .where('id', '=', id)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    await trx
      .updateTable('deliveries')
      .set({ state: 'cancelled', reason: 'cancelled', reason_text: 'Its sender has cancelled it.', settled_at: now })
      .where('notification_id', '=', id)
      .where('state', 'in', ['pending', 'held'])
      // The message has been taken: its action must still be told its end.
      .where('step', '=', 'message')
      .execute();
    return true;
  });
}
