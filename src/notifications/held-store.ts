// Deliveries that could not be pushed: found for a turn of the user, opened again for a wait, ended at their expiry.

import type { Database } from '../storage/database.ts';
import { transact } from '../storage/transact.ts';
import { parseDelivery } from './delivery-store.ts';
import { holdsLease, type Lease } from './lane-store.ts';
import type { Delivery } from './notification.ts';

type HeldFor = {
  readonly conversationId: string;
  readonly callerAppId: string;
  readonly tenantId: string;
  readonly userKey: string;
  /** Only what was sent to this subject. */
  readonly subject?: string | undefined;
  /** All but what was sent to this subject. */
  readonly exceptSubject?: string | undefined;
};

/** Held deliveries of a person at a parent, in whichever conversation they were held, oldest first. */
export async function listHeld(db: Database, wanted: HeldFor, now: number, limit: number): Promise<Delivery[]> {
  let query = db
    .selectFrom('conversations')
    .innerJoin('deliveries', 'deliveries.conversation_id', 'conversations.id')
    .innerJoin('notifications', 'notifications.id', 'deliveries.notification_id')
    .selectAll('deliveries')
    .where((where) =>
      where.or([
        where('conversations.id', '=', wanted.conversationId),
        where.and([
          where('conversations.user_key', '=', wanted.userKey),
          where('conversations.caller_app_id', '=', wanted.callerAppId),
          where('conversations.tenant_id', '=', wanted.tenantId),
        ]),
      ]),
    )
    .where('deliveries.expires_at', '>', now)
    .where('deliveries.send_at', '<=', now)
    .where((where) =>
      where.or([
        where('deliveries.state', '=', 'held'),
        // What the worker would hold in a moment, had it come to it.
        where.and([where('deliveries.state', '=', 'pending'), where('conversations.reachability', '!=', 'push')]),
      ]),
    );
  const { subject, exceptSubject } = wanted;
  if (subject !== undefined) query = query.where('notifications.subject', '=', subject);
  if (exceptSubject !== undefined) {
    query = query.where((where) =>
      where.or([where('notifications.subject', 'is', null), where('notifications.subject', '!=', exceptSubject)]),
    );
  }
  const rows = await query.orderBy('deliveries.seq').limit(limit).execute();
  return rows.map(parseDelivery);
}

/** Opens again what was held in this conversation for this subject: a wait has been opened for it. */
export async function reopenForWait(db: Database, conversationId: string, subject: string, now: number): Promise<void> {
  const toSubject = db.selectFrom('notifications').select('id').where('subject', '=', subject);
  await db
    .updateTable('deliveries')
    .set({ state: 'pending', run_at: now, reason: null, reason_text: null })
    .where('conversation_id', '=', conversationId)
    .where('state', '=', 'held')
    .where('expires_at', '>', now)
    .where('notification_id', 'in', toSubject)
    .execute();
}

/** Opens again what was just settled as held. False when the lease is lost or a turn has taken it. */
export async function reopenHeld(db: Database, lease: Lease, delivery: Delivery, now: number): Promise<boolean> {
  return transact(db, async (trx) => {
    if (!(await holdsLease(trx, lease))) return false;
    const { numUpdatedRows } = await trx
      .updateTable('deliveries')
      .set({ state: 'pending', run_at: now, reason: null, reason_text: null })
      .where('id', '=', delivery.id)
      .where('state', '=', 'held')
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  });
}
