// What a sender may know of a notification. Its text is not repeated: whoever sent it has it.

import type { Database } from '../storage/database.ts';
import type { NotificationRow } from '../storage/schema.ts';
import { countNothing, type DeliveryCounts, type DeliveryView, viewDeliveries } from './delivery-view.ts';
import type { DeliveryState, Notification } from './notification.ts';
import { parseNotification } from './notification-store.ts';

/**
 * `waiting`: nobody waits for the subject yet; `expired`: nobody ever did; `forgotten`: its deliveries are purged. Else the
 * state furthest from settled.
 */
type NotificationStatus = 'waiting' | 'expired' | 'forgotten' | DeliveryState;

type NotificationSummary = {
  readonly id: string;
  readonly status: NotificationStatus;
  readonly to: Notification['to'];
  readonly acceptedAt: string;
  readonly expiresAt: string;
  /** Null while they are still being found. */
  readonly recipients: number | null;
  readonly counts: DeliveryCounts;
};

export type NotificationView = NotificationSummary & { readonly deliveries: readonly DeliveryView[] };

export type NotificationPage = { readonly items: NotificationSummary[]; readonly nextCursor: string | null };

const shownDeliveries = 100;

/**
 * The notification with its counts and its first hundred deliveries, or undefined when there is none with this id; with
 * `sender`, none of that sender.
 */
export async function findNotificationView(
  db: Database,
  id: string,
  now: number,
  sender?: string,
): Promise<NotificationView | undefined> {
  let query = db.selectFrom('notifications').selectAll().where('id', '=', id);
  if (sender !== undefined) query = query.where('sender', '=', sender);
  const row = await query.executeTakeFirst();
  if (!row) return undefined;
  const [summary] = await summarize(db, [row], now);
  const rows = await db
    .selectFrom('deliveries')
    .selectAll()
    .where('notification_id', '=', id)
    .orderBy('seq')
    .limit(shownDeliveries)
    .execute();
  return summary && { ...summary, deliveries: await viewDeliveries(db, rows) };
}

/** One page of notifications, of all senders or of one, those accepted last first; `cursor` is the last id of the page before. */
export async function listNotifications(
  db: Database,
  page: { readonly limit: number; readonly cursor: string | undefined },
  now: number,
  sender?: string,
): Promise<NotificationPage> {
  // Ids are UUIDs of version 7: their order is that of acceptance.
  let query = db
    .selectFrom('notifications')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(page.limit + 1);
  if (sender !== undefined) query = query.where('sender', '=', sender);
  if (page.cursor !== undefined) query = query.where('id', '<', page.cursor);
  const rows = await query.execute();
  const items = await summarize(db, rows.slice(0, page.limit), now);
  return { items, nextCursor: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

async function summarize(db: Database, rows: readonly NotificationRow[], now: number): Promise<NotificationSummary[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const countsOf = new Map(ids.map((id) => [id, countNothing()]));
  const counted = await db
    .selectFrom('deliveries')
    .select(['notification_id', 'state', ({ fn }) => fn.countAll<number>().as('count')])
    .where('notification_id', 'in', ids)
    .groupBy(['notification_id', 'state'])
    .execute();
  for (const { notification_id: id, state, count } of counted) {
    const counts = countsOf.get(id);
    if (counts) counts[state as DeliveryState] = count;
  }
  return rows.map((row) => {
    const counts = countsOf.get(row.id) ?? countNothing();
    return {
      id: row.id,
      status: statusOf(row, counts, now),
      to: parseNotification(row).to,
      acceptedAt: new Date(row.accepted_at).toISOString(),
      expiresAt: new Date(row.expires_at).toISOString(),
      recipients: row.expanded_to === null ? row.recipients : null,
      counts,
    };
  });
}

function statusOf(row: NotificationRow, counts: DeliveryCounts, now: number): NotificationStatus {
  if (row.expanded_to !== null) return 'pending';
  const order: DeliveryState[] = ['sending', 'pending', 'held', 'dead', 'cancelled', 'delivered'];
  const furthest = order.find((state) => counts[state] > 0);
  if (furthest) return furthest;
  if (row.cancelled_at !== null) return 'cancelled';
  if (row.recipients > 0) return 'forgotten';
  return row.expires_at <= now ? 'expired' : 'waiting';
}
