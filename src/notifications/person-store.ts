// All that is stored about one person, shown. A person is whom `to.userId` names, at whichever parent and tenant
// (docs/decisions/0006). A group conversation is that of its last speaker: of the others it holds nothing.

import { hostOf } from '../conversations/conversation.ts';
import type { Database } from '../storage/database.ts';
import type { NotificationRow } from '../storage/schema.ts';
import { filterDeliveries, viewDeliveries } from './delivery-view.ts';
import { parseNotification } from './notification-store.ts';
import { findKnown, keyOf, readPages, recipientOf, walkAddressed } from './whose-store.ts';

/** What an export holds in memory at a time: a hundred notifications with the largest cards are 2.4 MB. */
const rowsPerPage = 100;

/**
 * All that is stored about the person, or undefined when nobody is known by this id. Its lists are for `for await`, which
 * reads them page by page, so that memory stays flat: each entry is as it is when it is read, and is ready for JSON.
 */
export async function exportPerson(db: Database, userId: string, now: number) {
  const key = keyOf(userId);
  const whose = { userId };
  const isKnown = (await findKnown(db, whose)) || (await walkAddressed(db, whose).next()).done !== true;
  if (!isKnown) return undefined;
  return {
    userId: key,
    exportedAt: new Date(now).toISOString(),
    conversations: listConversations(db, key),
    waits: listByConversation(db, key, 'waits'),
    subscriptions: listByConversation(db, key, 'subscriptions'),
    deliveries: listDeliveries(db, key),
    /** Addressed to just this person, also those whose deliveries are forgotten. */
    notifications: listAddressed(db, userId),
  };
}

async function* conversationsOf(db: Database, key: string) {
  const all = db
    .selectFrom('conversations')
    .leftJoin('waits', 'waits.conversation_id', 'conversations.id')
    .selectAll('conversations')
    .select('waits.subject as waiting_for')
    .where('user_key', '=', key)
    .orderBy('conversations.id')
    .limit(rowsPerPage);
  const read = (after: string) => all.where('conversations.id', '>', after).execute();
  for await (const rows of readPages('', read, ({ id }) => id)) yield* rows;
}

async function* listConversations(db: Database, key: string) {
  for await (const row of conversationsOf(db, key)) {
    // What they hold is said elsewhere, or names no person.
    const { reference: _reference, claims: _claims, parent, service_url: _url, user_key, user_id, ...rest } = row;
    yield { ...view(rest), userId: user_key, channelUserId: user_id, serviceUrlHost: hostOf(parent) };
  }
}

async function* listByConversation(db: Database, key: string, table: 'waits' | 'subscriptions') {
  for await (const { id } of conversationsOf(db, key)) {
    const all = db
      .selectFrom(table)
      .selectAll()
      .where('conversation_id', '=', id)
      .orderBy('subject')
      .limit(rowsPerPage);
    const read = (after: string) => all.where('subject', '>', after).execute();
    for await (const rows of readPages('', read, ({ subject }) => subject)) yield* rows.map(view);
  }
}

async function* listDeliveries(db: Database, key: string) {
  for await (const { id: conversationId } of conversationsOf(db, key)) {
    const all = filterDeliveries(db, { conversationId }).orderBy('seq').limit(rowsPerPage);
    const read = (after: number) => all.where('seq', '>', after).execute();
    for await (const rows of readPages(0, read, ({ seq }) => seq)) {
      const ids = [...new Set(rows.map((row) => row.notification_id))];
      const notifications = await db.selectFrom('notifications').selectAll().where('id', 'in', ids).execute();
      const byId = new Map(notifications.map((row) => [row.id, row]));
      for (const delivery of await viewDeliveries(db, rows)) {
        const notification = byId.get(delivery.notificationId);
        // In a group of which this person is the last speaker: what was sent to another by id is about the other.
        const to = notification && recipientOf(notification);
        if (!to || ('userId' in to && keyOf(to.userId) !== key)) continue;
        yield { ...delivery, notification: viewNotification(notification) };
      }
    }
  }
}

async function* listAddressed(db: Database, userId: string) {
  for await (const ids of walkAddressed(db, { userId })) {
    for (const id of ids) {
      const row = await db.selectFrom('notifications').selectAll().where('id', '=', id).executeTakeFirst();
      if (row) yield viewNotification(row);
    }
  }
}

function viewNotification(row: NotificationRow) {
  const { id, sender, accepted_at, send_at, expires_at, cancelled_at } = row;
  const { to, content, result = null, metadata = null, keepOpen } = parseNotification(row);
  const rest = { to, ...content, result, metadata, keepOpen };
  return { ...view({ id, sender, accepted_at, send_at: send_at || null, expires_at, cancelled_at }), ...rest };
}

/** Every column by its name in JSON; the names of times end with `at`. */
function view(row: object): Record<string, unknown> {
  const entries = Object.entries(row).map(([column, value]: [string, unknown]) => {
    const name = column.replaceAll(/_./gu, (letter) => letter.slice(1).toUpperCase());
    if (column === 'once') return [name, value === 1] as const;
    return [name, column.endsWith('_at') && typeof value === 'number' ? new Date(value).toISOString() : value] as const;
  });
  return Object.fromEntries(entries);
}
