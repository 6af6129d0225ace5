// Takes a notification: finds whom it goes to and stores it with its deliveries in one transaction. When this returns,
// the commit is on disk.

import { v7 as createId } from 'uuid';
import { parseObjectId } from '../conversations/conversation.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/database.ts';
import { insertDeliveries } from './delivery-store.ts';
import { acceptOnce, type RepeatableRequest } from './idempotency.ts';
import { wakeLanes } from './lane-store.ts';
import type { Notification } from './notification.ts';
import { insertNotification } from './notification-store.ts';
import type { NotifyRequest, Recipient } from './notify-request.ts';

export type AcceptedNotification = {
  readonly id: string;
  /** `waiting`: nobody waits for the subject yet; it is kept and given to the first who does. */
  readonly status: 'pending' | 'waiting';
  readonly recipients: number;
  readonly expiresAt: number;
};

/** The sender's key for this request, and the fingerprint of its body. */
export type Repeat = Pick<RepeatableRequest, 'key' | 'fingerprint'>;

const rowsPerInsert = 1_000;

/**
 * Accepts a notification of `sender` (the name of its credential). `now` in epoch ms. With `repeat`, the same key and
 * body get the first answer again; another body under the key throws AppError `idempotency_key_reused` (422).
 */
export async function acceptNotification(
  db: Database,
  sender: string,
  request: NotifyRequest,
  now: number,
  repeat?: Repeat,
): Promise<AcceptedNotification & { readonly replayed: boolean }> {
  const notification: Notification = { ...request, id: createId(), sender, acceptedAt: now };
  return db.transaction().execute(async (trx) => {
    if (!repeat) return { ...(await store(trx, notification, now)), replayed: false };
    const { answer, replayed } = await acceptOnce(trx, { credential: sender, ...repeat }, now, () =>
      store(trx, notification, now),
    );
    return { ...answer, replayed };
  });
}

async function store(trx: Database, notification: Notification, now: number): Promise<AcceptedNotification> {
  const conversationIds = await findRecipients(trx, notification.to);
  if (conversationIds.length === 0 && !('subject' in notification.to)) throw unknownRecipient(notification.to);
  await insertNotification(trx, notification, conversationIds.length);
  for (let start = 0; start < conversationIds.length; start += rowsPerInsert) {
    const chunk = conversationIds.slice(start, start + rowsPerInsert);
    await insertDeliveries(trx, notification, chunk, now);
    await wakeLanes(trx, chunk, notification.sendAt ?? now);
  }
  return {
    id: notification.id,
    status: conversationIds.length === 0 ? 'waiting' : 'pending',
    recipients: conversationIds.length,
    expiresAt: notification.expiresAt,
  };
}

/** Only a subject may be waited for later: who is addressed directly must be known, or the 202 would be a lie. */
function unknownRecipient(to: Recipient): AppError {
  const path = `to.${Object.keys(to).join()}`;
  const message = 'names nobody who has had a conversation with this skill';
  return new AppError('invalid_notification', `The notification cannot be accepted: ${path}: ${message}.`, {
    faults: [{ path, message }],
  });
}

async function findRecipients(db: Database, to: Recipient): Promise<string[]> {
  if ('subject' in to) return pickForEachPerson(await listFollowers(db, to.subject));
  if ('conversationId' in to) {
    const rows = await db.selectFrom('conversations').select('id').where('id', '=', to.conversationId).execute();
    return rows.map((row) => row.id);
  }
  if ('userId' in to) return pickForEachPerson(await listOfUser(db, to.userId));
  return pickForEachPerson(await candidates(db).execute());
}

type Candidate = {
  readonly id: string;
  readonly caller_app_id: string;
  readonly tenant_id: string;
  readonly user_key: string;
  readonly reachability: string;
  readonly last_seen_at: number;
};

function candidates(db: Database) {
  return db
    .selectFrom('conversations')
    .select(['id', 'caller_app_id', 'tenant_id', 'user_key', 'reachability', 'last_seen_at']);
}

function listFollowers(db: Database, subject: string): Promise<Candidate[]> {
  const waiting = db.selectFrom('waits').select('conversation_id').where('subject', '=', subject);
  const subscribed = db.selectFrom('subscriptions').select('conversation_id').where('subject', '=', subject);
  return candidates(db).where('id', 'in', waiting.union(subscribed)).execute();
}

function listOfUser(db: Database, userId: string): Promise<Candidate[]> {
  return candidates(db)
    .where('user_key', '=', parseObjectId(userId) ?? userId)
    .execute();
}

/**
 * A person often has several conversations with the same parent, most of them over. Each that can take a push gets the
 * notification; where none can, it is held once, in the one seen last, so that nobody is told the same thing twice.
 */
function pickForEachPerson(rows: readonly Candidate[]): string[] {
  const picked = new Map<string, Candidate[]>();
  for (const row of rows) {
    const person = JSON.stringify([row.caller_app_id, row.tenant_id, row.user_key]);
    const chosen = picked.get(person) ?? [];
    const best = chosen[0];
    if (best === undefined) picked.set(person, [row]);
    else if (row.reachability === 'push') {
      picked.set(person, best.reachability === 'push' ? [...chosen, row] : [row]);
    } else if (best.reachability !== 'push' && row.last_seen_at > best.last_seen_at) picked.set(person, [row]);
  }
  return [...picked.values()].flat().map((row) => row.id);
}
