// Stored notifications, and what a sender may know of one.

import type { Selectable } from 'kysely';
import type { Database } from '../storage/database.ts';
import type { Schema } from '../storage/schema.ts';
import type { DeliveryState, Notification } from './notification.ts';

type NotificationRow = Selectable<Schema['notifications']>;

/** Stores the notification with the number of conversations it goes to. */
export async function insertNotification(db: Database, notification: Notification, recipients: number): Promise<void> {
  const { to } = notification;
  await db
    .insertInto('notifications')
    .values({
      id: notification.id,
      sender: notification.sender,
      subject: 'subject' in to ? to.subject : null,
      recipient: JSON.stringify(to),
      content: JSON.stringify(notification.content),
      result: notification.result ? JSON.stringify(notification.result) : null,
      keep_open: notification.keepOpen ? 1 : 0,
      metadata: notification.metadata ? JSON.stringify(notification.metadata) : null,
      recipients,
      accepted_at: notification.acceptedAt,
      send_at: notification.sendAt ?? 0,
      expires_at: notification.expiresAt,
    })
    .execute();
}

/** The notification of a delivery. Throws when it is gone: a delivery never outlives its notification. */
export async function getNotification(db: Database, id: string): Promise<Notification> {
  const row = await db.selectFrom('notifications').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  return parseNotification(row);
}

/** Notifications to this subject that nobody waited for when they came, oldest first. */
export async function listUnclaimed(
  db: Database,
  subject: string,
  now: number,
  limit: number,
): Promise<Notification[]> {
  const rows = await db
    .selectFrom('notifications')
    .selectAll()
    .where('recipients', '=', 0)
    .where('subject', '=', subject)
    .where('expires_at', '>', now)
    .orderBy('accepted_at')
    .limit(limit)
    .execute();
  return rows.map(parseNotification);
}

/** Gives an unclaimed notification its first recipient; false when another was quicker. */
export async function claimNotification(db: Database, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('notifications')
    .set({ recipients: 1 })
    .where('id', '=', id)
    .where('recipients', '=', 0)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

type AttemptView = {
  readonly number: number;
  readonly via: string;
  readonly step: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly outcome: string;
  readonly status: number | null;
  readonly errorClass: string | null;
  readonly detail: string | null;
};

type DeliveryView = {
  readonly id: string;
  readonly conversationId: string;
  readonly status: DeliveryState;
  readonly reason: string | null;
  readonly reasonText: string | null;
  readonly nextAttemptAt: string | null;
  readonly settledAt: string | null;
  readonly attempts: readonly AttemptView[];
};

/** What became of a notification. Its text is not repeated: whoever sent it has it. */
export type NotificationView = {
  readonly id: string;
  readonly status: NotificationStatus;
  readonly to: Notification['to'];
  readonly acceptedAt: string;
  readonly expiresAt: string;
  readonly recipients: number;
  readonly counts: Readonly<Record<DeliveryState, number>>;
  readonly deliveries: readonly DeliveryView[];
};

/** `waiting`: nobody waits for the subject yet; `expired`: nobody ever did. Else the state furthest from settled. */
type NotificationStatus = 'waiting' | 'expired' | DeliveryState;

const shownDeliveries = 100;

/** The notification with its counts and its first hundred deliveries, or undefined when there is none with this id. */
export async function findNotificationView(
  db: Database,
  id: string,
  now: number,
): Promise<NotificationView | undefined> {
  const row = await db.selectFrom('notifications').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) return undefined;
  const counts = await countDeliveries(db, id);
  const notification = parseNotification(row);
  return {
    id,
    status: statusOf(counts, row.expires_at <= now),
    to: notification.to,
    acceptedAt: new Date(row.accepted_at).toISOString(),
    expiresAt: new Date(row.expires_at).toISOString(),
    recipients: row.recipients,
    counts,
    deliveries: await listDeliveryViews(db, id),
  };
}

async function countDeliveries(db: Database, notificationId: string): Promise<Record<DeliveryState, number>> {
  const rows = await db
    .selectFrom('deliveries')
    .select(['state', ({ fn }) => fn.countAll<number>().as('count')])
    .where('notification_id', '=', notificationId)
    .groupBy('state')
    .execute();
  const counts: Record<DeliveryState, number> = {
    pending: 0,
    sending: 0,
    delivered: 0,
    held: 0,
    dead: 0,
    cancelled: 0,
  };
  for (const row of rows) counts[row.state as DeliveryState] = row.count;
  return counts;
}

function statusOf(counts: Record<DeliveryState, number>, expired: boolean): NotificationStatus {
  const order: DeliveryState[] = ['sending', 'pending', 'held', 'dead', 'cancelled', 'delivered'];
  return order.find((state) => counts[state] > 0) ?? (expired ? 'expired' : 'waiting');
}

async function listDeliveryViews(db: Database, notificationId: string): Promise<DeliveryView[]> {
  const deliveries = await db
    .selectFrom('deliveries')
    .selectAll()
    .where('notification_id', '=', notificationId)
    .orderBy('seq')
    .limit(shownDeliveries)
    .execute();
  if (deliveries.length === 0) return [];
  const attempts = await db
    .selectFrom('attempts')
    .selectAll()
    .where(
      'delivery_id',
      'in',
      deliveries.map((delivery) => delivery.id),
    )
    .orderBy('number')
    .execute();
  return deliveries.map((delivery) => ({
    id: delivery.id,
    conversationId: delivery.conversation_id,
    status: delivery.state as DeliveryState,
    reason: delivery.reason,
    reasonText: delivery.reason_text,
    nextAttemptAt: delivery.state === 'pending' ? new Date(delivery.run_at).toISOString() : null,
    settledAt: delivery.settled_at === null ? null : new Date(delivery.settled_at).toISOString(),
    attempts: attempts.filter((attempt) => attempt.delivery_id === delivery.id).map(viewAttempt),
  }));
}

function viewAttempt(row: Selectable<Schema['attempts']>): AttemptView {
  return {
    number: row.number,
    via: row.via,
    step: row.step,
    startedAt: new Date(row.started_at).toISOString(),
    durationMs: row.duration_ms,
    outcome: row.outcome,
    status: row.status,
    errorClass: row.error_class,
    detail: row.detail,
  };
}

function parseNotification(row: NotificationRow): Notification {
  return {
    id: row.id,
    sender: row.sender,
    to: JSON.parse(row.recipient) as Notification['to'],
    content: JSON.parse(row.content) as Notification['content'],
    ...(row.result !== null && { result: JSON.parse(row.result) as NonNullable<Notification['result']> }),
    ...(row.metadata !== null && { metadata: JSON.parse(row.metadata) as NonNullable<Notification['metadata']> }),
    ...(row.send_at > 0 && { sendAt: row.send_at }),
    keepOpen: row.keep_open === 1,
    acceptedAt: row.accepted_at,
    expiresAt: row.expires_at,
  };
}
