// Takes notifications: stores each with the deliveries to its first recipients. What is asked for at the same time is decided
// one after the other and stored in one transaction. When this returns, the commit is on disk; further recipients are found
// by the worker (expand-notification.ts).

import { v7 as createId } from 'uuid';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/database.ts';
import { lockAll } from '../storage/locks.ts';
import { OneByOne } from '../storage/together.ts';
import { transact } from '../storage/transact.ts';
import { insertDeliveries } from './enqueue.ts';
import { type Expanded, expandFirst } from './expand-notification.ts';
import { AnswerBook, findAnswers, insertAnswers, type RepeatableRequest } from './idempotency.ts';
import { wakeLanes } from './wake-lanes.ts';
import type { Notification } from './notification.ts';
import { hasUnexpanded, insertNotifications } from './notification-store.ts';
import type { NotifyRequest, Recipient } from './notify-request.ts';
import { findFewRecipients } from './recipients.ts';

export type AcceptedNotification = {
  readonly id: string;
  /** `waiting`: nobody waits for the subject yet; it is kept and given to the first who does. */
  readonly status: 'pending' | 'waiting';
  /** Null while there are more than could be counted at once. */
  readonly recipients: number | null;
  readonly expiresAt: number;
};

/** The sender's key for this request, and the fingerprint of its body. */
export type Repeat = Pick<RepeatableRequest, 'key' | 'fingerprint'>;

/** What one sender asks for. */
export type Ask = {
  /** Name of its credential. */
  readonly sender: string;
  readonly request: NotifyRequest;
  /** The same key and body get the first answer again. */
  readonly repeat?: Repeat | undefined;
  /** Told of the deliveries before they are stored; what it throws is the answer. */
  readonly reserve?: ((deliveries: number) => void) | undefined;
};

export type Answer = AcceptedNotification & { readonly replayed: boolean };
type Outcome = { readonly answer: Answer } | { readonly refusal: unknown };

/**
 * Accepts one notification. `now` in epoch ms. Throws AppError `idempotency_key_reused` (422) for another body under the same
 * key, `invalid_notification` (422) where nobody is meant, `unavailable` (503) where there is too much.
 */
export async function acceptNotification(
  db: Database,
  sender: string,
  request: NotifyRequest,
  now: number,
  more: Pick<Ask, 'repeat' | 'reserve'> = {},
): Promise<Answer> {
  return transact(db, async (trx) => {
    const [outcome] = await acceptAll(trx, [{ sender, request, ...more }], now);
    return answerOf(outcome);
  });
}

/** The answer, or throws the refusal. */
export function answerOf(outcome: Outcome | undefined): Answer {
  if (outcome && 'answer' in outcome) return outcome.answer;
  throw outcome?.refusal ?? new Error('nothing was decided');
}

/** Accepts these, in this order: what one of them is refused for concerns no other. When it throws, they are to be asked one by one. */
export async function acceptAll(trx: Database, asks: readonly Ask[], now: number): Promise<Outcome[]> {
  await lockAll(
    trx,
    'idempotency',
    asks.flatMap(({ sender, repeat }) => (repeat ? [[sender, repeat.key]] : [])),
  );
  await lockAll(
    trx,
    'subject',
    asks.flatMap(({ request: { to } }) => ('subject' in to ? [[to.subject]] : [])),
  );
  // While a broadcast is being spread, and for one, each has to look at what the one before it has stored.
  const few = (await hasUnexpanded(trx))
    ? undefined
    : await findFewRecipients(
        trx,
        asks.map(({ request }) => request.to),
      );
  if (few) return acceptFew(trx, asks, few, now);
  const [ask] = asks;
  if (!ask || asks.length > 1) throw new OneByOne();
  return [await acceptSlowly(trx, ask, now)];
}

/** All of their recipients are known, and nothing that one of them stores concerns the next. */
async function acceptFew(
  trx: Database,
  asks: readonly Ask[],
  recipients: readonly (readonly string[])[],
  now: number,
): Promise<Outcome[]> {
  const book = new AnswerBook<AcceptedNotification>(await findAnswers(trx, asks.flatMap(repeatOf), now));
  const stored: Stored[] = [];
  const outcomes = asks.map((ask, index): Outcome => {
    const conversationIds = recipients[index] ?? [];
    const first = (): AcceptedNotification => {
      const notification = create(ask, now);
      const accepted = decide(ask, notification, { recipients: conversationIds.length, expandedTo: null });
      stored.push({ notification, conversationIds });
      return accepted;
    };
    try {
      return { answer: book.once(repeatOf(ask)[0], first) };
    } catch (error) {
      return { refusal: error };
    }
  });
  await insertDeliveries(trx, stored, now);
  await wakeAll(trx, stored, now);
  const spread = stored.map(({ notification, conversationIds }) => {
    return { notification, recipients: conversationIds.length, expandedTo: null };
  });
  await insertNotifications(trx, spread);
  await insertAnswers(trx, book.added, now);
  return outcomes;
}

/** One whose recipients come page by page, or that must overtake none that do. Throws: then nothing of it may be kept. */
async function acceptSlowly(trx: Database, ask: Ask, now: number): Promise<Outcome> {
  const repeats = repeatOf(ask);
  const known = await findAnswers<AcceptedNotification>(trx, repeats, now);
  const book = new AnswerBook(known);
  const notification = create(ask, now);
  const expanded = known.size > 0 ? nobody : await expandFirst(trx, notification, now);
  const answer = book.once(repeats[0], () => decide(ask, notification, expanded));
  if (!answer.replayed) await insertNotifications(trx, [{ notification, ...expanded }]);
  await insertAnswers(trx, book.added, now);
  return { answer };
}

const nobody: Expanded = { recipients: 0, expandedTo: null };

function create({ request, sender }: Ask, now: number): Notification {
  return { id: createId(), sender, acceptedAt: now, ...request };
}

function repeatOf({ sender, repeat }: Ask): RepeatableRequest[] {
  return repeat ? [{ credential: sender, ...repeat }] : [];
}

/** Throws what it is refused for. */
function decide(ask: Ask, notification: Notification, { recipients, expandedTo }: Expanded): AcceptedNotification {
  if (recipients === 0 && !('subject' in notification.to)) throw unknownRecipient(notification.to);
  ask.reserve?.(Math.max(1, recipients));
  return {
    id: notification.id,
    status: recipients === 0 ? 'waiting' : 'pending',
    recipients: expandedTo === null ? recipients : null,
    expiresAt: notification.expiresAt,
  };
}

type Stored = { readonly notification: Notification; readonly conversationIds: readonly string[] };

async function wakeAll(trx: Database, stored: readonly Stored[], now: number): Promise<void> {
  const byTime = new Map<number, Set<string>>();
  for (const { notification, conversationIds } of stored) {
    const runAt = notification.sendAt ?? now;
    const ids = byTime.get(runAt) ?? new Set();
    for (const id of conversationIds) ids.add(id);
    byTime.set(runAt, ids);
  }
  for (const [runAt, ids] of byTime) await wakeLanes(trx, [...ids], runAt);
}

/** Only a subject may be waited for later: who is addressed directly must be known, or the 202 would be a lie. */
function unknownRecipient(to: Recipient): AppError {
  const path = `to.${Object.keys(to).join()}`;
  const message = 'names nobody who has had a conversation with this skill';
  return new AppError('invalid_notification', `The notification cannot be accepted: ${path}: ${message}.`, {
    faults: [{ path, message }],
  });
}
