// All that is stored about one person, or of one conversation, erased.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql, type SqlBool } from 'kysely';
import type { Database } from '../storage/database.ts';
import { lockRows } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';
import { lockLanes } from './lane-store.ts';
import { wakeLanes } from './wake-lanes.ts';
import { rowsPerChunk } from './retention-store.ts';
import { findKnown, idsOf, keepAddressed, selectConversations, walkAddressed, type Whose } from './whose-store.ts';

const nothing = { conversations: 0, waits: 0, subscriptions: 0, deliveries: 0, attempts: 0, notifications: 0 };

/** How many rows of each table. */
export type Erased = typeof nothing;

/**
 * Erases all that is stored about the person, and says how much that was. Chunk by chunk: after a crash the rest is found
 * by the next call, as a conversation goes after all that is found by it. What is in flight goes too, with the lease that
 * it is held under: its result is stored nowhere, and nothing is left that could be tried again.
 */
export function erasePerson(db: Database, userId: string, now: number): Promise<Erased> {
  return erase(db, { userId }, now);
}

/** Erases one conversation in the same way, with what was sent to just this one; undefined when there is none. */
export async function eraseConversation(db: Database, conversationId: string, now: number) {
  const whose = { conversationId };
  return (await findKnown(db, whose)) ? erase(db, whose, now) : undefined;
}

async function erase(db: Database, whose: Whose, now: number): Promise<Erased> {
  const total = { ...nothing };
  const repeat = async (chunk: (trx: Database) => Promise<Chunk>): Promise<void> => {
    for (let isLast = false; !isLast; await nextTurn()) {
      const { isLast: wasLast, ...counts } = await transact(db, chunk);
      for (const name of Object.keys(total) as (keyof Erased)[]) total[name] += counts[name] ?? 0;
      isLast = wasLast;
    }
  };
  // First what is found by its recipient: a conversation is known to be theirs only while it is there.
  for await (const ids of walkAddressed(db, whose)) await repeat((trx) => eraseNotifications(trx, whose, ids, now));
  await repeat((trx) => eraseConversations(trx, whose));
  return total;
}

type Chunk = Partial<Erased> & { readonly isLast: boolean };

async function eraseNotifications(trx: Database, whose: Whose, ids: readonly string[], now: number): Promise<Chunk> {
  const { rows, ...counts } = await eraseDeliveries(trx, 'notification_id', ids);
  if (rows.length > 0) await wakeOthers(trx, whose, [...new Set(rows.map((row) => row.conversation_id))], now);
  if (rows.length === rowsPerChunk) return { ...counts, isLast: false };
  const gone = await trx.deleteFrom('notifications').where('id', 'in', ids).executeTakeFirst();
  return { ...counts, notifications: Number(gone.numDeletedRows), isLast: true };
}

/** In a group that others go on with, what comes next need not wait for what was the head. */
async function wakeOthers(trx: Database, whose: Whose, conversationIds: readonly string[], now: number): Promise<void> {
  const theirs = selectConversations(trx, whose);
  const among = trx.selectFrom('conversations').select('id').where('id', 'in', conversationIds);
  const others = idsOf(await among.where('id', 'not in', theirs).execute());
  if (others.length > 0) await wakeLanes(trx, others, now);
}

async function eraseConversations(trx: Database, whose: Whose): Promise<Chunk> {
  // Locked before anything of theirs: who is about to store something for one of them waits, and then finds it gone.
  const some = selectConversations(trx, whose).orderBy('id').limit(rowsPerChunk);
  const ids = idsOf(await lockRows(trx, some).execute());
  if (ids.length === 0) return { isLast: true };
  // First what a worker goes by: from here on nothing is begun, and nothing that has been begun can be settled.
  await trx.deleteFrom('lanes').where('conversation_id', 'in', ids).execute();
  const waits = await trx.deleteFrom('waits').where('conversation_id', 'in', ids).executeTakeFirst();
  const { rows, ...gone } = await eraseDeliveries(trx, 'conversation_id', ids);
  const notifications = await eraseEmptied(trx, whose, [...new Set(rows.map((row) => row.notification_id))]);
  const counts = { ...gone, waits: Number(waits.numDeletedRows), notifications, isLast: false };
  if (rows.length === rowsPerChunk) return counts;
  const subscriptions = await eraseSubscriptions(trx, ids);
  if (subscriptions === rowsPerChunk) return { ...counts, subscriptions };
  const attempts = await eraseAttempts(trx, ids);
  if (attempts === rowsPerChunk) return { ...counts, subscriptions, attempts: counts.attempts + attempts };
  await trx.deleteFrom('conversations').where('id', 'in', ids).execute();
  return { ...counts, subscriptions, attempts: counts.attempts + attempts, conversations: ids.length };
}

/** One chunk of the deliveries of these, in every state, with their attempts. */
async function eraseDeliveries(trx: Database, of: 'conversation_id' | 'notification_id', ids: readonly string[]) {
  const found = trx.selectFrom('deliveries').select(['id', 'conversation_id', 'notification_id']);
  const rows = await found.where(of, 'in', ids).limit(rowsPerChunk).execute();
  if (rows.length === 0) return { rows, deliveries: 0, attempts: 0 };
  await lockLanes(trx, [...new Set(rows.map((row) => row.conversation_id))]);
  const attempts = await trx.deleteFrom('attempts').where('delivery_id', 'in', idsOf(rows)).executeTakeFirst();
  await trx.deleteFrom('deliveries').where('id', 'in', idsOf(rows)).execute();
  return { rows, deliveries: rows.length, attempts: Number(attempts.numDeletedRows) };
}

async function eraseSubscriptions(trx: Database, conversationIds: readonly string[]): Promise<number> {
  const chunk = trx
    .selectFrom('subscriptions')
    .select(['conversation_id', 'subject'])
    .where('conversation_id', 'in', conversationIds)
    .limit(rowsPerChunk);
  const among = sql<SqlBool>`(conversation_id, subject) in ${chunk}`;
  return Number((await trx.deleteFrom('subscriptions').where(among).executeTakeFirst()).numDeletedRows);
}

/** A turn in one conversation gives what was held in another, which may stay. */
async function eraseAttempts(trx: Database, conversationIds: readonly string[]): Promise<number> {
  const chunk = trx
    .selectFrom('attempts')
    .select(['delivery_id', 'number'])
    .where('conversation_id', 'in', conversationIds)
    .limit(rowsPerChunk);
  const among = sql<SqlBool>`(delivery_id, number) in ${chunk}`;
  return Number((await trx.deleteFrom('attempts').where(among).executeTakeFirst()).numDeletedRows);
}

/** Those of these notifications that nobody has any more, and nobody else is still to get. */
async function eraseEmptied(trx: Database, whose: Whose, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const kept = trx.selectFrom('deliveries').select('notification_id').where('notification_id', 'in', ids);
  const known = trx.selectFrom('notifications').select(['id', 'recipient', 'expanded_to']).where('id', 'in', ids);
  const emptied = await known.where('id', 'not in', kept).execute();
  const addressed = new Set(await keepAddressed(trx, whose, emptied));
  const gone = emptied.filter((row) => row.expanded_to === null || addressed.has(row.id));
  if (gone.length > 0) await trx.deleteFrom('notifications').where('id', 'in', idsOf(gone)).execute();
  return gone.length;
}
