// Who wants to hear of a subject: open waits (an action that stays open) and subscriptions.

import { sql } from 'kysely';
import { isOnce } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import type { WaitRow } from '../storage/schema.ts';
import { lock } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';
import { prepared } from '../storage/prepared.ts';
import { integer, listOf, tableOf } from '../storage/values.ts';
import type { Wait } from './conversation.ts';
import { setReachability } from './conversation-store.ts';

/**
 * Opens a wait; one that was open in the same conversation is replaced, as the parent has left that action. False when the
 * conversation is gone: it has been erased in the middle of its turn, and must not come back with it.
 */
export async function openWait(db: Database, wait: Wait): Promise<boolean> {
  const row = {
    id: wait.id,
    action: wait.action,
    subject: wait.subject,
    opened_at: wait.openedAt,
    deadline_at: wait.deadlineAt,
    attempts: wait.attempts,
  };
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('waits')
    .columns(['conversation_id', 'id', 'action', 'subject', 'opened_at', 'deadline_at', 'attempts'])
    .expression(
      db
        .selectFrom('conversations')
        .select(({ val }) => [
          'id as conversation_id',
          val(row.id).as('id'),
          val(row.action).as('action'),
          val(row.subject).as('subject'),
          integer(row.opened_at).as('opened_at'),
          integer(row.deadline_at).as('deadline_at'),
          integer(row.attempts).as('attempts'),
        ])
        .where('conversations.id', '=', wait.conversationId),
    )
    .onConflict((conflict) => conflict.column('conversation_id').doUpdateSet(row))
    .executeTakeFirst();
  return (numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** The open wait of the conversation, or undefined. */
export async function findWait(db: Database, conversationId: string): Promise<Wait | undefined> {
  const row = await db.selectFrom('waits').selectAll().where('conversation_id', '=', conversationId).executeTakeFirst();
  return row && parseWait(row);
}

/** The open waits of these conversations, by conversation. */
export async function findWaits(db: Database, conversationIds: readonly string[]): Promise<Map<string, Wait>> {
  const { rows } = await selectWaits(db, { conversationIds });
  return new Map(rows.map((row) => [row.conversation_id, parseWait(row)]));
}

const selectWaits = prepared((db, { conversationIds }: { readonly conversationIds: readonly string[] }) =>
  db.selectFrom('waits').selectAll().where('conversation_id', 'in', listOf(db, conversationIds)).compile(),
);

/**
 * Ends just this wait; its conversation then takes no push. Does nothing when it is no longer the open one: a topic that
 * loops opens its next wait as soon as it is told the end of the last, often before we hear that it was told.
 */
export async function endWait(db: Database, wait: Pick<Wait, 'conversationId' | 'id'>, reason: string): Promise<void> {
  await transact(db, async (trx) => {
    await lock(trx, 'conversation', wait.conversationId);
    const { numDeletedRows } = await trx
      .deleteFrom('waits')
      .where('conversation_id', '=', wait.conversationId)
      .where('id', '=', wait.id)
      .executeTakeFirst();
    if (numDeletedRows > 0n) await setReachability(trx, wait.conversationId, 'held', reason);
  });
}

/** A push was refused while no wait was known; one that was opened meanwhile can still be pushed to. */
export async function holdUnlessWaiting(db: Database, conversationId: string, reason: string): Promise<void> {
  await transact(db, async (trx) => {
    await lock(trx, 'conversation', conversationId);
    if (!(await findWait(trx, conversationId))) await setReachability(trx, conversationId, 'held', reason);
  });
}

/** The parent has ended whatever was open. */
export async function dropWait(db: Database, conversationId: string): Promise<void> {
  await db.deleteFrom('waits').where('conversation_id', '=', conversationId).execute();
}

/** Notes one more attempt to tell the parent that the wait is over, and when to try again. */
export async function postponeWait(db: Database, wait: Wait, deadlineAt: number): Promise<void> {
  await db
    .updateTable('waits')
    .set({ attempts: wait.attempts + 1, deadline_at: deadlineAt })
    .where('conversation_id', '=', wait.conversationId)
    .where('id', '=', wait.id)
    .execute();
}

/**
 * Subscribes the conversation, as long as it is there. A lasting subscription is never weakened into one that ends with its
 * first notification.
 */
export async function subscribe(
  db: Database,
  subscription: {
    readonly conversationId: string;
    readonly subject: string;
    readonly once: boolean;
    readonly createdAt: number;
  },
): Promise<void> {
  await db
    .insertInto('subscriptions')
    .columns(['conversation_id', 'subject', 'once', 'created_at'])
    .expression(
      db
        .selectFrom('conversations')
        .select(({ val }) => [
          'id',
          val(subscription.subject).as('subject'),
          integer(subscription.once ? 1 : 0).as('once'),
          integer(subscription.createdAt).as('created_at'),
        ])
        .where('id', '=', subscription.conversationId),
    )
    .onConflict((conflict) => {
      const key = conflict.columns(['conversation_id', 'subject']);
      return subscription.once ? key.doNothing() : key.doUpdateSet({ once: 0 });
    })
    .execute();
}

type Person = { readonly callerAppId: string; readonly tenantId: string; readonly userKey: string };

/**
 * Ends subscriptions to `subject` (`*`: to all) of this person at this parent, in whichever conversation they were
 * made: the maker's topic cannot know in which one the user said yes. Returns how many ended.
 */
export async function unsubscribe(db: Database, person: Person, subject: string): Promise<number> {
  let query = db.deleteFrom('subscriptions').where('conversation_id', 'in', conversationsOf(db, person));
  if (subject !== '*') query = query.where('subject', '=', subject);
  const { numDeletedRows } = await query.executeTakeFirst();
  return Number(numDeletedRows);
}

/** The person has been told about `subject`: what a wait had left behind for it, in any conversation, has done its job. */
export async function endOnceSubscriptions(db: Database, person: Person, subject: string): Promise<void> {
  await db
    .deleteFrom('subscriptions')
    .where('conversation_id', 'in', conversationsOf(db, person))
    .where('subject', '=', subject)
    .where('once', '=', 1)
    .execute();
}

/** Those of these subjects for which waits have left something behind, for anybody. */
export async function listOnceSubjects(db: Database, subjects: readonly string[]): Promise<Set<string>> {
  if (subjects.length === 0) return new Set();
  const { rows } = await selectOnce(db, { subjects: [...new Set(subjects)] });
  return new Set(rows.map((row) => row.subject));
}

const selectOnce = prepared((db, { subjects }: { readonly subjects: readonly string[] }) =>
  sql<{ subject: string }>`
    select k.value as subject from ${tableOf(db, subjects)}
    where exists (select 1 from subscriptions where subscriptions.subject = k.value and ${isOnce})`.compile(db),
);

/** Ends what waits of this conversation had left behind, for any subject. */
export async function dropOnceSubscriptions(db: Database, conversationId: string): Promise<void> {
  await db.deleteFrom('subscriptions').where('conversation_id', '=', conversationId).where('once', '=', 1).execute();
}

function conversationsOf(db: Database, person: Person) {
  return db
    .selectFrom('conversations')
    .select('id')
    .where('user_key', '=', person.userKey)
    .where('caller_app_id', '=', person.callerAppId)
    .where('tenant_id', '=', person.tenantId);
}

function parseWait(row: WaitRow): Wait {
  return {
    conversationId: row.conversation_id,
    id: row.id,
    action: row.action,
    subject: row.subject,
    openedAt: row.opened_at,
    deadlineAt: row.deadline_at,
    attempts: row.attempts,
  };
}
