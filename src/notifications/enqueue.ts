// New deliveries.

import { hash } from 'node:crypto';
import type { Database } from '../storage/database.ts';
import { insertRows } from '../storage/insert-rows.ts';
import type { Notification } from './notification.ts';

/**
 * The same notification to the same conversation is always the same delivery, whoever enqueues it, however often. It begins
 * with the time of the notification (RFC 9562 section 5.7), so that what comes together is stored side by side: at random
 * places each would be a page of its own to write.
 */
export function deliveryIdOf(notificationId: string, conversationId: string): string {
  const time = notificationId.replaceAll('-', '').slice(0, 12);
  return time + hash('sha256', `${notificationId} ${conversationId}`, 'base64url').slice(0, 20);
}

type InsertOptions = {
  /** Held from the start, for this reason. */
  readonly held?: { readonly reason: string; readonly reasonText: string } | undefined;
  /** Of a further page of a broadcast. */
  readonly isBulk?: boolean;
};

/** A notification, and the conversations that it is for. */
type Addressed = { readonly notification: Notification; readonly conversationIds: readonly string[] };

/** Adds one delivery for each conversation, in this order; one that is there stays as it is. */
export async function insertDeliveries(
  db: Database,
  addressed: readonly Addressed[],
  now: number,
  { held, isBulk = false }: InsertOptions = {},
): Promise<void> {
  const rows = addressed.flatMap(({ notification, conversationIds }) =>
    conversationIds.map((conversationId) => ({
      id: deliveryIdOf(notification.id, conversationId),
      notification_id: notification.id,
      conversation_id: conversationId,
      state: held ? 'held' : 'pending',
      open: held ? 0 : 1,
      step: 'message',
      reason: held?.reason ?? null,
      reason_text: held?.reasonText ?? null,
      send_at: notification.sendAt ?? 0,
      run_at: notification.sendAt ?? now,
      expires_at: notification.expiresAt,
      created_at: now,
      bulk: isBulk ? 1 : 0,
    })),
  );
  await insertRows(db, 'deliveries', rows, '(id) do nothing');
}

/** Those of these conversations that have a delivery of this notification, whatever its state. */
export async function findDelivered(
  db: Database,
  notificationId: string,
  conversationIds: readonly string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  for (let start = 0; start < conversationIds.length; start += idsPerQuery) {
    const ids = conversationIds.slice(start, start + idsPerQuery).map((id) => deliveryIdOf(notificationId, id));
    const rows = await db.selectFrom('deliveries').select('conversation_id').where('id', 'in', ids).execute();
    for (const row of rows) found.add(row.conversation_id);
  }
  return found;
}

/** Below SQLite's limit of variables in a statement (32,766). */
const idsPerQuery = 5_000;
