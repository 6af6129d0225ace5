// Stored conversations and a stored backlog, by SQL: turns and notify requests would take an hour for a million. The rows
// are copies of those that the service's own functions store, so a new column needs no line here.

import { join } from 'node:path';
import Libsql from 'libsql';
import { v7 as createId } from 'uuid';
import { type Conversation, conversationIdOf } from '../../src/conversations/conversation.ts';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { subscribe } from '../../src/conversations/subscription-store.ts';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import { deliveryIdOf } from '../../src/notifications/enqueue.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { externalIdOf, objectIdOf, userIdOf } from './activities.ts';
import type { ParentAddress } from './words.ts';

type Row = Record<string, string | number | null>;
type Templates = Readonly<Record<'conversations' | 'subscriptions' | 'notifications' | 'deliveries' | 'lanes', Row>>;
type Seed = { readonly dataDir: string; readonly parent: ParentAddress; readonly skillAppId: string };

const rowsPerCommit = 20_000;
const lifeMs = 24 * 3600_000;

/** Stores `conversations`, each subscribed to a subject of its own, in a new data folder. */
export async function seedConversations(seed: Seed, conversations: number): Promise<void> {
  const templates = await makeTemplates(seed);
  withDatabase(seed.dataDir, (sqlite) => {
    const insertConversation = prepareInsert(sqlite, 'conversations', templates.conversations);
    const insertSubscription = prepareInsert(sqlite, 'subscriptions', templates.subscriptions);
    // In order of id: a million keys at random places of a tree that does not fit the cache take minutes.
    const order = Array.from({ length: conversations }, (_, index) => ({ index, id: idOf(seed, index) })).toSorted(
      (a, b) => (a.id < b.id ? -1 : 1),
    );
    inChunks(sqlite, order, ({ index, id }) => {
      insertConversation({ ...adapt(templates.conversations, index), id });
      insertSubscription({ ...templates.subscriptions, conversation_id: id, subject: externalIdOf(index) });
    });
  });
}

/**
 * Stores so many pending deliveries, spread evenly over the first `conversations`, due now: as accepts leave them behind, one
 * each millisecond.
 */
export async function seedBacklog(seed: Seed, conversations: number, deliveries: number): Promise<void> {
  const templates = await makeTemplates(seed);
  withDatabase(seed.dataDir, (sqlite) => {
    const insertNotification = prepareInsert(sqlite, 'notifications', templates.notifications);
    const insertDelivery = prepareInsert(sqlite, 'deliveries', templates.deliveries);
    const insertLane = prepareInsert(sqlite, 'lanes', templates.lanes);
    const numbers = Array.from({ length: deliveries }, (_, index) => index);
    inChunks(sqlite, numbers, (number) => {
      const index = number % conversations;
      const id = idOf(seed, index);
      const notificationId = createId();
      const age = deliveries - number;
      insertNotification({ ...older(adapt(templates.notifications, index), age), id: notificationId });
      const deliveryId = deliveryIdOf(notificationId, id);
      const delivery = { id: deliveryId, notification_id: notificationId, conversation_id: id };
      insertDelivery({ ...older(templates.deliveries, age), ...delivery });
      if (number < conversations) insertLane({ ...older(templates.lanes, age), conversation_id: id });
    });
  });
}

/** The row as it would be, had it been stored so many milliseconds before. */
function older(row: Row, ms: number): Row {
  const times = ['accepted_at', 'created_at', 'run_at', 'expires_at'].filter((column) => column in row);
  return { ...row, ...Object.fromEntries(times.map((column) => [column, Number(row[column]) - ms])) };
}

const templateIndex = 99_999_999;

/** One of each row, as the service stores it; they are gone from the database afterwards. */
async function makeTemplates(seed: Seed): Promise<Templates> {
  const db = await openDatabase({ dataDir: seed.dataDir });
  const conversation = createConversation(seed, templateIndex);
  const now = Date.now();
  const subject = externalIdOf(templateIndex);
  await saveConversation(db, conversation);
  await subscribe(db, { conversationId: conversation.id, subject, once: false, createdAt: now });
  const content = { message: { text: 'Your order has been shipped.', textFormat: 'markdown' as const } };
  await acceptNotification(
    db,
    'bench',
    {
      to: { subject },
      content,
      result: undefined,
      keepOpen: true,
      sendAt: undefined,
      expiresAt: now + lifeMs,
      metadata: undefined,
    },
    now,
  );
  await db.destroy();
  const sqlite = new Libsql(join(seed.dataDir, 'copilot-notify.db'));
  const take = (table: string, column: string): Row => {
    const where = `from ${table} where ${column} = ?`;
    const id = column === 'subject' ? subject : conversation.id;
    // Not get(): it adds a property of its own.
    const row = sqlite.prepare(`select * ${where}`).all(id)[0] as Row;
    sqlite.prepare(`delete ${where}`).run(id);
    return row;
  };
  const templates = {
    conversations: take('conversations', 'id'),
    subscriptions: take('subscriptions', 'conversation_id'),
    notifications: take('notifications', 'subject'),
    deliveries: take('deliveries', 'conversation_id'),
    lanes: take('lanes', 'conversation_id'),
  };
  sqlite.close();
  return templates;
}

/** Everything in the row that names the template's conversation or user names those of this index instead. */
function adapt(template: Row, index: number): Row {
  const replacements = [
    [externalIdOf(templateIndex), externalIdOf(index)],
    [objectIdOf(templateIndex), objectIdOf(index)],
    [userIdOf(templateIndex), userIdOf(index)],
  ] as const;
  const adapted = Object.entries(template).map(([column, value]) => [
    column,
    typeof value === 'string' ? replacements.reduce((text, [from, to]) => text.replaceAll(from, to), value) : value,
  ]);
  return Object.fromEntries(adapted) as Row;
}

function createConversation({ parent, skillAppId }: Seed, index: number): Conversation {
  const { serviceUrl, tenantId, agentAppId } = parent;
  const key = keyOf(parent, index);
  return {
    id: conversationIdOf(key),
    ...key,
    userKey: objectIdOf(index),
    userId: userIdOf(index),
    serviceUrl,
    audience: agentAppId,
    reference: {
      serviceUrl,
      channelId: key.channelId,
      conversation: { id: key.externalId, isGroup: false, conversationType: 'personal', name: '' },
      user: { id: userIdOf(index), name: '', aadObjectId: objectIdOf(index) },
      bot: { id: skillAppId, name: '' },
    },
    claims: {
      aud: skillAppId,
      ver: '1.0',
      appid: agentAppId,
      tid: tenantId,
      iss: `https://sts.windows.net/${tenantId}/`,
    },
    deliveryMode: 'normal',
    reachability: 'push',
    reachabilityReason: 'An action is open and waits.',
    locale: 'en-US',
    lastSeenAt: Date.now(),
  };
}

function keyOf({ agentAppId, tenantId }: ParentAddress, index: number) {
  return { callerAppId: agentAppId, tenantId, channelId: 'msteams', externalId: externalIdOf(index) };
}

function idOf({ parent }: Seed, index: number): string {
  return conversationIdOf(keyOf(parent, index));
}

/** Without syncs and without indexes but the keys: they are made anew at the end. */
function withDatabase(dataDir: string, work: (sqlite: Libsql.Database) => void): void {
  const sqlite = new Libsql(join(dataDir, 'copilot-notify.db'));
  try {
    for (const pragma of ['journal_mode = MEMORY', 'synchronous = OFF', 'cache_size = -262144']) sqlite.pragma(pragma);
    const indexes = sqlite
      .prepare(`select name, sql from sqlite_master where type = 'index' and sql is not null`)
      .all() as { name: string; sql: string }[];
    for (const { name } of indexes) sqlite.exec(`drop index "${name}"`);
    work(sqlite);
    for (const { sql } of indexes) sqlite.exec(sql);
  } finally {
    sqlite.close();
  }
}

function prepareInsert(sqlite: Libsql.Database, table: string, template: Row): (row: Row) => void {
  const columns = Object.keys(template).filter((column) => column !== 'seq');
  const statement = sqlite.prepare(
    `insert into ${table} (${columns.map((column) => `"${column}"`).join()}) values (${columns.map(() => '?').join()})`,
  );
  return (row) => void statement.run(columns.map((column) => row[column] ?? null));
}

function inChunks<T>(sqlite: Libsql.Database, items: readonly T[], insert: (item: T) => void): void {
  for (let start = 0; start < items.length; start += rowsPerCommit) {
    sqlite.exec('begin');
    for (const item of items.slice(start, start + rowsPerCommit)) insert(item);
    sqlite.exec('commit');
  }
}
