// Who wants to hear of a subject: open waits (an action that stays open) and subscriptions.

import type { Selectable } from 'kysely';
import type { Database } from '../storage/database.ts';
import type { Schema } from '../storage/schema.ts';
import type { Wait } from './conversation.ts';

/** Opens a wait; one that was open in the same conversation is replaced, as the parent has left that action. */
export async function openWait(db: Database, wait: Wait): Promise<void> {
  const row = {
    action: wait.action,
    subject: wait.subject,
    opened_at: wait.openedAt,
    deadline_at: wait.deadlineAt,
    attempts: wait.attempts,
  };
  await db
    .insertInto('waits')
    .values({ conversation_id: wait.conversationId, ...row })
    .onConflict((conflict) => conflict.column('conversation_id').doUpdateSet(row))
    .execute();
}

/** The open wait of the conversation, or undefined. */
export async function findWait(db: Database, conversationId: string): Promise<Wait | undefined> {
  const row = await db.selectFrom('waits').selectAll().where('conversation_id', '=', conversationId).executeTakeFirst();
  return row && parseWait(row);
}

/** Ends the wait of the conversation, if one is open. */
export async function closeWait(db: Database, conversationId: string): Promise<void> {
  await db.deleteFrom('waits').where('conversation_id', '=', conversationId).execute();
}

/** Notes one more attempt to tell the parent that the wait is over, and when to try again. */
export async function postponeWait(db: Database, wait: Wait, deadlineAt: number): Promise<void> {
  await db
    .updateTable('waits')
    .set({ attempts: wait.attempts + 1, deadline_at: deadlineAt })
    .where('conversation_id', '=', wait.conversationId)
    .where('opened_at', '=', wait.openedAt)
    .execute();
}

/** Subscribes the conversation. A lasting subscription is never weakened into one that ends with its first notification. */
export async function subscribe(
  db: Database,
  subscription: {
    readonly conversationId: string;
    readonly subject: string;
    readonly once: boolean;
    readonly createdAt: number;
  },
): Promise<void> {
  const insert = db.insertInto('subscriptions').values({
    conversation_id: subscription.conversationId,
    subject: subscription.subject,
    once: subscription.once ? 1 : 0,
    created_at: subscription.createdAt,
  });
  await insert
    .onConflict((conflict) => {
      const key = conflict.columns(['conversation_id', 'subject']);
      return subscription.once ? key.doNothing() : key.doUpdateSet({ once: 0 });
    })
    .execute();
}

/**
 * Ends subscriptions to `subject` (`*`: to all) of this person at this parent, in whichever conversation they were
 * made: the maker's topic cannot know in which one the user said yes. Returns how many ended.
 */
export async function unsubscribe(
  db: Database,
  person: { readonly callerAppId: string; readonly tenantId: string; readonly userKey: string },
  subject: string,
): Promise<number> {
  const conversations = db
    .selectFrom('conversations')
    .select('id')
    .where('user_key', '=', person.userKey)
    .where('caller_app_id', '=', person.callerAppId)
    .where('tenant_id', '=', person.tenantId);
  let query = db.deleteFrom('subscriptions').where('conversation_id', 'in', conversations);
  if (subject !== '*') query = query.where('subject', '=', subject);
  const { numDeletedRows } = await query.executeTakeFirst();
  return Number(numDeletedRows);
}

/** Ends what waits had left behind: `subject` undefined ends all of the conversation's. */
export async function endOnceSubscriptions(db: Database, conversationId: string, subject?: string): Promise<void> {
  let query = db.deleteFrom('subscriptions').where('conversation_id', '=', conversationId).where('once', '=', 1);
  if (subject !== undefined) query = query.where('subject', '=', subject);
  await query.execute();
}

function parseWait(row: Selectable<Schema['waits']>): Wait {
  return {
    conversationId: row.conversation_id,
    action: row.action,
    subject: row.subject,
    openedAt: row.opened_at,
    deadlineAt: row.deadline_at,
    attempts: row.attempts,
  };
}
