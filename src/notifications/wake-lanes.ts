// When a worker is wanted in a lane that nobody works on.

import { isOpen } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { prepared } from '../storage/prepared.ts';
import { integer, listOf } from '../storage/values.ts';

/** Wakes the lanes of these conversations at `runAt`. A leased lane is left alone: its holder looks again when it lets go. */
export async function wakeLanes(db: Database, conversationIds: readonly string[], runAt: number): Promise<void> {
  if (conversationIds.length > 0) await wake(db, { conversationIds, runAt });
}

const wake = prepared(
  (db, { conversationIds, runAt }: { readonly conversationIds: readonly string[]; readonly runAt: number }) =>
    db
      .insertInto('lanes')
      .columns(['conversation_id', 'parent', 'run_at'])
      .expression(
        db
          .selectFrom('conversations')
          .select(['id', 'parent', integer(runAt).as('run_at')])
          .where('id', 'in', listOf(db, conversationIds))
          // In one order, so that two transactions that wake the same lanes cannot wait for each other.
          .orderBy('id'),
      )
      .onConflict((conflict) =>
        conflict
          .column('conversation_id')
          .doUpdateSet({ run_at: runAt })
          .where('lanes.token', 'is', null)
          .where('lanes.run_at', '>', runAt),
      )
      .compile(),
);

/**
 * The parent is there (it has just called): what waits for its next attempt is tried now, and what can no longer be
 * pushed is found out now.
 */
export async function hastenLane(db: Database, conversationId: string, now: number): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('deliveries')
    // With the schedule anew: otherwise a talkative user would use it up while the parent is in trouble.
    .set(({ ref }) => ({ run_at: now, attempts_before: ref('attempts') }))
    .where('conversation_id', '=', conversationId)
    .where(isOpen)
    .where('state', '=', 'pending')
    .where('send_at', '<=', now)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) await wakeLanes(db, [conversationId], now);
}
