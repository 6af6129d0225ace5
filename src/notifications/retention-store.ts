// What is kept only for a time. Each function does one bounded chunk and says how many rows it touched, so that the
// event loop is never kept for long however much has come together.

import { mayExpire } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { lockRows } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';

/** Rows of one chunk. */
export const rowsPerChunk = 500;

/** Ends deliveries whose time is over, held ones and those that never had their turn. Gives their notifications' ids. */
export async function expireDeliveries(db: Database, now: number): Promise<string[]> {
  const overdue = db
    .selectFrom('deliveries')
    .select('id')
    .where(mayExpire)
    .where('step', '=', 'message')
    .where('expires_at', '<=', now)
    .limit(rowsPerChunk);
  const rows = await db
    .updateTable('deliveries')
    .set({
      state: 'dead',
      open: 0,
      reason: 'expired',
      reason_text: 'It expired before it could be pushed, and before the user had a further turn.',
      settled_at: now,
    })
    .where('id', 'in', overdue)
    // Again: on PostgreSQL one may have been marked while this waited for it.
    .where(mayExpire)
    .returning('notification_id')
    .execute();
  return rows.map((row) => row.notification_id);
}

/** Forgets idempotency keys whose time is over. */
export async function expireKeys(db: Database, now: number): Promise<number> {
  const { numDeletedRows } = await db.deleteFrom('idempotency_keys').where('expires_at', '<=', now).executeTakeFirst();
  return Number(numDeletedRows);
}

/** Forgets deliveries settled before `before`, with their attempts. */
export function forgetDeliveries(db: Database, before: number): Promise<number> {
  return transact(db, async (trx) => {
    const rows = await trx
      .selectFrom('deliveries')
      .select('id')
      .where('settled_at', '<', before)
      .limit(rowsPerChunk)
      .execute();
    const ids = rows.map((row) => row.id);
    if (ids.length === 0) return 0;
    await keepActivity(trx, ids);
    await trx.deleteFrom('attempts').where('delivery_id', 'in', ids).execute();
    // Not what an operator tries again meanwhile.
    await trx.deleteFrom('deliveries').where('id', 'in', ids).where('settled_at', '<', before).execute();
    return ids.length;
  });
}

/** A conversation that was pushed to is alive, though what was pushed is forgotten. */
async function keepActivity(trx: Database, deliveryIds: readonly string[]): Promise<void> {
  const pushes = await trx
    .selectFrom('attempts')
    .select(['conversation_id', ({ fn }) => fn.max('started_at').as('at')])
    .where('delivery_id', 'in', deliveryIds)
    .where('outcome', '=', 'delivered')
    .groupBy('conversation_id')
    .execute();
  for (const { conversation_id: id, at } of pushes) {
    await trx
      .updateTable('conversations')
      .set({ active_at: at })
      .where('id', '=', id)
      .where('active_at', '<', at)
      .execute();
  }
}

/** A walk over the notifications in order of acceptance: how many were changed, and where to go on; null at its end. */
export type Walked = { readonly changed: number; readonly next: string | null };

/** Erases texts and results of notifications of which every delivery was delivered or cancelled before `before`. */
export async function eraseBodies(db: Database, before: number, after: string): Promise<Walked> {
  return walkNotifications(db, before, after, async (trx, ids) => {
    const { numUpdatedRows } = await trx
      .updateTable('notifications')
      .set({ content: '{}', result: null, metadata: null })
      .where('id', 'in', ids)
      .where('content', '!=', '{}')
      .where('expanded_to', 'is', null)
      .where(({ or, eb }) =>
        or([eb('recipients', '>', 0), eb('expires_at', '<', before), eb('cancelled_at', '<', before)]),
      )
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('deliveries')
              .select('id')
              .whereRef('notification_id', '=', 'notifications.id')
              .where(({ or, eb }) =>
                or([eb('state', 'not in', ['delivered', 'cancelled']), eb('settled_at', '>=', before)]),
              ),
          ),
        ),
      )
      .executeTakeFirst();
    return Number(numUpdatedRows);
  });
}

/** Forgets notifications that expired before `before` and have no delivery left. */
export async function forgetNotifications(db: Database, before: number, after: string): Promise<Walked> {
  return walkNotifications(db, before, after, async (trx, ids) => {
    const { numDeletedRows } = await trx
      .deleteFrom('notifications')
      .where('id', 'in', ids)
      .where('expires_at', '<', before)
      .where('expanded_to', 'is', null)
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('deliveries').select('id').whereRef('notification_id', '=', 'notifications.id'))),
      )
      .executeTakeFirst();
    return Number(numDeletedRows);
  });
}

/**
 * Forgets conversations in which nothing has happened since `before`, with what was subscribed to in them. Each of its
 * deliveries goes first: they are found by it when its person is to be shown or erased.
 */
export function forgetConversations(db: Database, before: number): Promise<number> {
  return transact(db, async (trx) => {
    const idle = trx
      .selectFrom('conversations')
      .select('id')
      .where('active_at', '<', before)
      .where('last_seen_at', '<', before)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('attempts')
              .select('number')
              .whereRef('conversation_id', '=', 'conversations.id')
              .where('started_at', '>=', before),
          ),
        ),
      )
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('lanes').select('run_at').whereRef('conversation_id', '=', 'conversations.id'))),
      )
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('deliveries').select('id').whereRef('conversation_id', '=', 'conversations.id'))),
      )
      .limit(rowsPerChunk);
    const rows = await lockRows(trx, idle).execute();
    const ids = rows.map((row) => row.id);
    if (ids.length === 0) return 0;
    for (const table of ['waits', 'subscriptions'] as const) {
      await trx.deleteFrom(table).where('conversation_id', 'in', ids).execute();
    }
    await trx.deleteFrom('conversations').where('id', 'in', ids).execute();
    return ids.length;
  });
}

function walkNotifications(
  db: Database,
  acceptedBefore: number,
  after: string,
  change: (trx: Database, ids: readonly string[]) => Promise<number>,
): Promise<Walked> {
  return transact(db, async (trx) => {
    const rows = await trx
      .selectFrom('notifications')
      .select('id')
      .where('id', '>', after)
      .where('accepted_at', '<', acceptedBefore)
      .orderBy('id')
      .limit(rowsPerChunk)
      .execute();
    const ids = rows.map((row) => row.id);
    const changed = ids.length === 0 ? 0 : await change(trx, ids);
    return { changed, next: ids.length < rowsPerChunk ? null : (ids.at(-1) ?? null) };
  });
}
