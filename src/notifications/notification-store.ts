// Stored notifications.

import { isWaiting } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { insertRows } from '../storage/insert-rows.ts';
import { lockRows } from '../storage/locks.ts';
import { prepared } from '../storage/prepared.ts';
import type { NotificationRow } from '../storage/schema.ts';
import { listOf } from '../storage/values.ts';
import type { Expanded } from './expand-notification.ts';
import type { Notification, Pushed } from './notification.ts';

/** Stores notifications, and how far the recipients of each are known. */
export async function insertNotifications(
  trx: Database,
  items: readonly (Expanded & { readonly notification: Notification })[],
): Promise<void> {
  await insertRows(
    trx,
    'notifications',
    items.map(({ notification, recipients, expandedTo }) => ({
      id: notification.id,
      sender: notification.sender,
      subject: 'subject' in notification.to ? notification.to.subject : null,
      recipient: JSON.stringify(notification.to),
      content: JSON.stringify(notification.content),
      result: notification.result ? JSON.stringify(notification.result) : null,
      keep_open: notification.keepOpen ? 1 : 0,
      metadata: notification.metadata ? JSON.stringify(notification.metadata) : null,
      recipients,
      expanded_to: expandedTo,
      accepted_at: notification.acceptedAt,
      send_at: notification.sendAt ?? 0,
      expires_at: notification.expiresAt,
    })),
  );
}

/** The notification of a delivery; undefined when both have been erased since the delivery was read. */
export async function findNotification(db: Database, id: string): Promise<Notification | undefined> {
  const row = await db.selectFrom('notifications').selectAll().where('id', '=', id).executeTakeFirst();
  return row && parseNotification(row);
}

/** Those of these notifications that are there, by id, as far as a push needs them. */
export async function findPushed(db: Database, ids: readonly string[]): Promise<Map<string, Pushed>> {
  if (ids.length === 0) return new Map();
  const { rows } = await selectPushed(db, { ids });
  return new Map(rows.map((row) => [row.id, parsePushed(row)]));
}

const pushedColumns = ['id', 'recipient', 'content', 'result', 'keep_open', 'cancelled_at'] as const;

const selectPushed = prepared((db, { ids }: { readonly ids: readonly string[] }) =>
  db.selectFrom('notifications').select(pushedColumns).where('id', 'in', listOf(db, ids)).compile(),
);

/** A notification that has not reached everybody, and how far it has come. */
export type Unexpanded = { readonly notification: Notification; readonly expandedTo: string };

/** Whether any notification has not reached all of its recipients. */
export async function hasUnexpanded(db: Database): Promise<boolean> {
  const { rows } = await selectUnexpanded(db, {});
  return rows.length > 0;
}

const selectUnexpanded = prepared((db) =>
  db.selectFrom('notifications').select('id').where('expanded_to', 'is not', null).limit(1).compile(),
);

/**
 * The oldest notifications that have not reached all of their recipients, and how far they have come. They are locked to the
 * end of the transaction: who is given one of them is decided in one place at a time.
 */
export async function listUnexpanded(trx: Database, limit: number): Promise<Unexpanded[]> {
  const { rows } = await lockUnexpanded(trx, { limit });
  return rows.map((row) => ({ notification: parseNotification(row), expandedTo: row.expanded_to ?? '' }));
}

const lockUnexpanded = prepared((db, { limit }: { readonly limit: number }) => {
  const oldest = db.selectFrom('notifications').selectAll().where('expanded_to', 'is not', null).orderBy('id');
  return lockRows(db, oldest.limit(limit)).compile();
});

/** Notes further recipients of a notification. */
export async function saveExpansion(db: Database, id: string, { recipients, expandedTo }: Expanded): Promise<void> {
  await db
    .updateTable('notifications')
    .set((eb) => ({ recipients: eb('recipients', '+', recipients), expanded_to: expandedTo }))
    .where('id', '=', id)
    .execute();
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
    .where(isWaiting)
    .where('subject', '=', subject)
    .where('expires_at', '>', now)
    .orderBy('accepted_at')
    .limit(limit)
    .execute();
  return rows.map(parseNotification);
}

/** Notifications that nobody waits for yet. */
export async function countWaiting(db: Database, now: number): Promise<number> {
  const row = await db
    .selectFrom('notifications')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(isWaiting)
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow();
  return row.count;
}

/** Gives an unclaimed notification its first recipient; false when another was quicker. */
export async function claimNotification(db: Database, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('notifications')
    .set({ recipients: 1 })
    .where('id', '=', id)
    .where(isWaiting)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** A row as the rest of the service knows it. */
export function parseNotification(row: NotificationRow): Notification {
  return {
    ...parsePushed(row),
    sender: row.sender,
    ...(row.metadata !== null && { metadata: JSON.parse(row.metadata) as NonNullable<Notification['metadata']> }),
    ...(row.send_at > 0 && { sendAt: row.send_at }),
    acceptedAt: row.accepted_at,
    expiresAt: row.expires_at,
  };
}

function parsePushed(row: Pick<NotificationRow, (typeof pushedColumns)[number]>): Pushed {
  return {
    id: row.id,
    to: JSON.parse(row.recipient) as Notification['to'],
    content: JSON.parse(row.content) as Notification['content'],
    ...(row.result !== null && { result: JSON.parse(row.result) as NonNullable<Notification['result']> }),
    ...(row.cancelled_at !== null && { isCancelled: true }),
    keepOpen: row.keep_open === 1,
  };
}
