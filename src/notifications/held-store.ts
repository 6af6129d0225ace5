// Deliveries that could not be pushed: found for a turn of the user, opened again for a wait, ended at their expiry.

import { isHeld, isOpen } from '../storage/conditions.ts';
import { sql } from 'kysely';
import type { Database } from '../storage/database.ts';
import { isPostgres } from '../storage/locks.ts';
import { prepared } from '../storage/prepared.ts';
import { transact } from '../storage/transact.ts';
import { tableOf } from '../storage/values.ts';
import { parseDelivery } from './delivery-store.ts';
import { holdsLease, type Lease } from './lane-store.ts';
import type { Delivery } from './notification.ts';

/** A person at a parent, in one of their conversations. */
export type PersonHere = {
  readonly conversationId: string;
  readonly callerAppId: string;
  readonly tenantId: string;
  readonly userKey: string;
};

type HeldFor = PersonHere & {
  /** Only what was sent to this subject. */
  readonly subject?: string | undefined;
  /** All but what was sent to this subject. */
  readonly exceptSubject?: string | undefined;
};

/** Held deliveries of a person at a parent, in whichever conversation they were held, oldest first. */
export async function listHeld(db: Database, wanted: HeldFor, now: number, limit: number): Promise<Delivery[]> {
  const held = selectOf(db, wanted, now).where(isHeld);
  // What the worker would hold in a moment, had it come to it.
  const unreachable = selectOf(db, wanted, now)
    .where(isOpen)
    .where('deliveries.state', '=', 'pending')
    .where('conversations.reachability', '!=', 'push');
  const rows = [
    ...(await held.orderBy('deliveries.seq').limit(limit).execute()),
    ...(await unreachable.orderBy('deliveries.seq').limit(limit).execute()),
  ];
  return rows
    .toSorted((a, b) => a.seq - b.seq)
    .slice(0, limit)
    .map(parseDelivery);
}

/**
 * Whether there may be anything for listHeld: for each of these people, in the same order. Mostly there is nothing, and the
 * queries that tell what it is would cost a turn more than all the rest.
 */
export async function haveAny(db: Database, people: readonly PersonHere[]): Promise<boolean[]> {
  const texts = people.map(({ conversationId, userKey, callerAppId, tenantId }) =>
    JSON.stringify([conversationId, userKey, callerAppId, tenantId]),
  );
  const { rows } = await lookForAny(db, { texts });
  const some = new Set(rows.map(({ person }) => person));
  return texts.map((text) => some.has(text));
}

/** Four ways, each by its index: with both sets of conversations in one, SQLite would first write it down. */
const lookForAny = prepared((db, { texts }: { readonly texts: readonly string[] }) => {
  const text = isPostgres(db) ? sql`k.value::jsonb` : sql`k.value`;
  const here = sql`select 1 from deliveries where conversation_id = ${text} ->> 0`;
  const elsewhere = sql`
    select 1 from conversations join deliveries on deliveries.conversation_id = conversations.id
    where user_key = ${text} ->> 1 and caller_app_id = ${text} ->> 2 and tenant_id = ${text} ->> 3`;
  return sql<{ person: string }>`
    select k.value as person from ${tableOf(db, texts)}
    where exists (${here} and ${isHeld}) or exists (${here} and ${isOpen})
      or exists (${elsewhere} and ${isHeld}) or exists (${elsewhere} and ${isOpen})`.compile(db);
});

function selectOf(db: Database, wanted: HeldFor, now: number) {
  // Two ways to the conversations, each by its index.
  const conversations = db
    .selectFrom('conversations')
    .select('id')
    .where('id', '=', wanted.conversationId)
    .union(
      db
        .selectFrom('conversations')
        .select('id')
        .where('user_key', '=', wanted.userKey)
        .where('caller_app_id', '=', wanted.callerAppId)
        .where('tenant_id', '=', wanted.tenantId),
    );
  let query = db
    .selectFrom('deliveries')
    .innerJoin('conversations', 'conversations.id', 'deliveries.conversation_id')
    .innerJoin('notifications', 'notifications.id', 'deliveries.notification_id')
    .selectAll('deliveries')
    .where('deliveries.conversation_id', 'in', conversations)
    .where('deliveries.expires_at', '>', now)
    .where('deliveries.send_at', '<=', now)
    .where('notifications.cancelled_at', 'is', null);
  const { subject, exceptSubject } = wanted;
  if (subject !== undefined) query = query.where('notifications.subject', '=', subject);
  if (exceptSubject !== undefined) {
    query = query.where((where) =>
      where.or([where('notifications.subject', 'is', null), where('notifications.subject', '!=', exceptSubject)]),
    );
  }
  return query;
}

/** Opens again what was held in this conversation for this subject: a wait has been opened for it. */
export async function reopenForWait(db: Database, conversationId: string, subject: string, now: number): Promise<void> {
  await db
    .updateTable('deliveries')
    .set({ state: 'pending', open: 1, run_at: now, reason: null, reason_text: null })
    .where('conversation_id', '=', conversationId)
    .where(isHeld)
    .where('expires_at', '>', now)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('notifications')
          .select('id')
          .whereRef('notifications.id', '=', 'deliveries.notification_id')
          .where('subject', '=', subject),
      ),
    )
    .execute();
}

/** Opens again what was just settled as held. False when the lease is lost or a turn has taken it. */
export async function reopenHeld(db: Database, lease: Lease, delivery: Delivery, now: number): Promise<boolean> {
  return transact(db, async (trx) => {
    if (!(await holdsLease(trx, lease))) return false;
    const { numUpdatedRows } = await trx
      .updateTable('deliveries')
      .set({ state: 'pending', open: 1, run_at: now, reason: null, reason_text: null })
      .where('id', '=', delivery.id)
      .where(isHeld)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  });
}
