// All that is stored about one person: shown, and erased. A person is whom `to.userId` names, at whichever parent and
// tenant (docs/decisions/0006). A group conversation is that of its last speaker: of the others it holds nothing.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql, type SqlBool } from 'kysely';
import { parseObjectId } from '../conversations/conversation.ts';
import type { Database } from '../storage/database.ts';
import type { NotificationRow } from '../storage/schema.ts';
import { transact } from '../storage/transact.ts';
import { filterDeliveries, viewDeliveries } from './delivery-view.ts';
import { wakeLanes } from './lane-store.ts';
import { parseNotification } from './notification-store.ts';
import type { Recipient } from './notify-request.ts';
import { rowsPerChunk } from './retention-store.ts';

/** What an export holds in memory at a time: a hundred notifications with the largest cards are 2.4 MB. */
const rowsPerPage = 100;

/**
 * All that is stored about the person, or undefined when nobody is known by this id. Its lists are for `for await`, which
 * reads them page by page, so that memory stays flat: each entry is as it is when it is read, and is ready for JSON.
 */
export async function exportPerson(db: Database, userId: string, now: number) {
  const key = keyOf(userId);
  const known = await db.selectFrom('conversations').select('id').where('user_key', '=', key).executeTakeFirst();
  if (!known && (await walkAddressed(db, key).next()).done === true) return undefined;
  return {
    userId: key,
    exportedAt: new Date(now).toISOString(),
    conversations: listConversations(db, key),
    waits: listByConversation(db, key, 'waits'),
    subscriptions: listByConversation(db, key, 'subscriptions'),
    deliveries: listDeliveries(db, key),
    /** Addressed to just this person, also those whose deliveries are forgotten. */
    notifications: listAddressed(db, key),
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
    const { reference: _reference, claims: _claims, parent: _parent, service_url, user_key, user_id, ...rest } = row;
    yield { ...view(rest), userId: user_key, channelUserId: user_id, serviceUrlHost: new URL(service_url).host };
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

async function* listAddressed(db: Database, key: string) {
  for await (const ids of walkAddressed(db, key)) {
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

const nothing = { conversations: 0, waits: 0, subscriptions: 0, deliveries: 0, attempts: 0, notifications: 0 };

/** How many rows of each table. */
export type Erased = typeof nothing;

/**
 * Erases all that is stored about the person, and says how much that was. Chunk by chunk: after a crash the rest is found
 * by the next call, as a conversation goes after all that is found by it. What is in flight goes too, with the lease that
 * it is held under: its result is stored nowhere, and nothing is left that could be tried again.
 */
export async function erasePerson(db: Database, userId: string, now: number): Promise<Erased> {
  const key = keyOf(userId);
  const total = { ...nothing };
  const repeat = async (chunk: (trx: Database) => Promise<Chunk>): Promise<void> => {
    for (let isLast = false; !isLast; await nextTurn()) {
      const { isLast: wasLast, ...counts } = await transact(db, chunk);
      for (const name of Object.keys(total) as (keyof Erased)[]) total[name] += counts[name] ?? 0;
      isLast = wasLast;
    }
  };
  // First what is found by its recipient: a conversation is known to be theirs only while it is there.
  for await (const ids of walkAddressed(db, key)) await repeat((trx) => eraseNotifications(trx, key, ids, now));
  await repeat((trx) => eraseConversations(trx, key));
  return total;
}

type Chunk = Partial<Erased> & { readonly isLast: boolean };

async function eraseNotifications(trx: Database, key: string, ids: readonly string[], now: number): Promise<Chunk> {
  const { rows, ...counts } = await eraseDeliveries(trx, 'notification_id', ids);
  const lanes = [...new Set(rows.map((row) => row.conversation_id))];
  const others = trx.selectFrom('conversations').select('id').where('user_key', '!=', key).where('id', 'in', lanes);
  // In a group that others go on with, what comes next need not wait for what was the head.
  await wakeLanes(trx, idsOf(await others.execute()), now);
  if (rows.length === rowsPerChunk) return { ...counts, isLast: false };
  const gone = await trx.deleteFrom('notifications').where('id', 'in', ids).executeTakeFirst();
  return { ...counts, notifications: Number(gone.numDeletedRows), isLast: true };
}

async function eraseConversations(trx: Database, key: string): Promise<Chunk> {
  const found = trx.selectFrom('conversations').select('id').where('user_key', '=', key).limit(rowsPerChunk);
  const ids = idsOf(await found.execute());
  if (ids.length === 0) return { isLast: true };
  // First what a worker goes by: from here on nothing is begun, and nothing that has been begun can be settled.
  await trx.deleteFrom('lanes').where('conversation_id', 'in', ids).execute();
  const waits = await trx.deleteFrom('waits').where('conversation_id', 'in', ids).executeTakeFirst();
  const { rows, ...gone } = await eraseDeliveries(trx, 'conversation_id', ids);
  const notifications = await eraseEmptied(trx, key, [...new Set(rows.map((row) => row.notification_id))]);
  const counts = { ...gone, waits: Number(waits.numDeletedRows), notifications, isLast: false };
  if (rows.length === rowsPerChunk) return counts;
  const names = ['conversation_id', 'subject'] as const;
  const some = trx.selectFrom('subscriptions').select(names).where('conversation_id', 'in', ids).limit(rowsPerChunk);
  const among = sql<SqlBool>`(conversation_id, subject) in ${some}`;
  const subscriptions = Number((await trx.deleteFrom('subscriptions').where(among).executeTakeFirst()).numDeletedRows);
  if (subscriptions === rowsPerChunk) return { ...counts, subscriptions };
  await trx.deleteFrom('conversations').where('id', 'in', ids).execute();
  return { ...counts, subscriptions, conversations: ids.length };
}

/** One chunk of the deliveries of these, in every state, with their attempts. */
async function eraseDeliveries(trx: Database, of: 'conversation_id' | 'notification_id', ids: readonly string[]) {
  const found = trx.selectFrom('deliveries').select(['id', 'conversation_id', 'notification_id']);
  const rows = await found.where(of, 'in', ids).limit(rowsPerChunk).execute();
  const attempts = await trx.deleteFrom('attempts').where('delivery_id', 'in', idsOf(rows)).executeTakeFirst();
  await trx.deleteFrom('deliveries').where('id', 'in', idsOf(rows)).execute();
  return { rows, deliveries: rows.length, attempts: Number(attempts.numDeletedRows) };
}

/** Those of these notifications that nobody has any more, and nobody else is still to get. */
async function eraseEmptied(trx: Database, key: string, ids: readonly string[]): Promise<number> {
  const kept = trx.selectFrom('deliveries').select('notification_id').where('notification_id', 'in', ids);
  const known = trx.selectFrom('notifications').select(['id', 'recipient', 'expanded_to']).where('id', 'in', ids);
  const emptied = await known.where('id', 'not in', kept).execute();
  const addressed = new Set(await keepAddressed(trx, key, emptied));
  const gone = emptied.filter((row) => row.expanded_to === null || addressed.has(row.id));
  await trx.deleteFrom('notifications').where('id', 'in', idsOf(gone)).execute();
  return gone.length;
}

/** Ids of the notifications to just this person. A walk over all: recipients have no index, as only this looks for them. */
async function* walkAddressed(db: Database, key: string): AsyncGenerator<string[]> {
  const all = db.selectFrom('notifications').select(['id', 'recipient']).orderBy('id').limit(rowsPerChunk);
  const read = (after: string) => all.where('id', '>', after).execute();
  for await (const rows of readPages('', read, ({ id }) => id)) {
    const ids = await keepAddressed(db, key, rows);
    if (ids.length > 0) yield ids;
  }
}

type Addressed = Pick<NotificationRow, 'id' | 'recipient'>;

async function keepAddressed(db: Database, key: string, rows: readonly Addressed[]): Promise<string[]> {
  const named = rows.map(recipientOf).flatMap((to) => ('conversationId' in to ? [to.conversationId] : []));
  const found = db.selectFrom('conversations').select('id').where('user_key', '=', key).where('id', 'in', named);
  const theirs = new Set(idsOf(await found.execute()));
  const isTheirs = (to: Recipient): boolean =>
    'userId' in to ? keyOf(to.userId) === key : 'conversationId' in to && theirs.has(to.conversationId);
  return idsOf(rows.filter((row) => isTheirs(recipientOf(row))));
}

function recipientOf({ recipient }: Addressed): Recipient {
  return JSON.parse(recipient) as Recipient;
}

/** Pages in the order of a key, until one is empty; others have their turn between two. */
async function* readPages<Row, Key>(start: Key, read: (after: Key) => Promise<Row[]>, cursorOf: (row: Row) => Key) {
  for (let rows = await read(start); rows.length > 0; await nextTurn()) {
    yield rows;
    const last = rows.at(-1);
    rows = last === undefined ? [] : await read(cursorOf(last));
  }
}

const idsOf = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);

function keyOf(userId: string): string {
  return parseObjectId(userId) ?? userId;
}
