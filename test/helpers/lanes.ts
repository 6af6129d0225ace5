// The lanes of the test conversation's parent.

import { parentOf } from '../../src/conversations/conversation.ts';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { lookAtLanes } from '../../src/notifications/lane-look-store.ts';
import { claimLanes, type Lease } from '../../src/notifications/lane-store.ts';
import type { Delivery } from '../../src/notifications/notification.ts';
import { listDueParents } from '../../src/notifications/parent-lanes-store.ts';
import type { Database } from '../../src/storage/database.ts';
import { conversation } from './conversation.ts';

/** Leases what is due, as a worker does. */
export function claimDue(db: Database, limit: number, now: number): Promise<Lease[]> {
  return claimLanes(db, [{ parent: parentOf(conversation), limit }], now);
}

/** The delivery whose turn it is, as a worker sees it. */
export async function findHead(db: Database, conversationId: string, now: number): Promise<Delivery | undefined> {
  const [look] = await lookAtLanes(db, [conversationId], now);
  return look?.head;
}

/** When the earliest lane wants a worker, or undefined when no lane is open. */
export async function findNextLaneAt(db: Database): Promise<number | undefined> {
  const parents = await listDueParents(db);
  return parents.length === 0 ? undefined : Math.min(...parents.map(({ runAt }) => runAt));
}

/** Stores conversations with these ids, all of one person with one parent. */
export async function saveConversations(db: Database, ids: readonly string[]): Promise<void> {
  for (const id of ids) await saveConversation(db, { ...conversation, id });
}
