// Takes a notification: stores it with the deliveries to its first recipients in one transaction. When this returns, the
// commit is on disk; further recipients are found by the worker (expand-notification.ts).

import { v7 as createId } from 'uuid';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/database.ts';
import { lock } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';
import { expandFirst } from './expand-notification.ts';
import { acceptOnce, type RepeatableRequest } from './idempotency.ts';
import type { Notification } from './notification.ts';
import { insertNotification } from './notification-store.ts';
import type { NotifyRequest, Recipient } from './notify-request.ts';

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

type AcceptOptions = {
  readonly repeat?: Repeat | undefined;
  /** Told of the deliveries before they are stored; what it throws is the answer. */
  readonly reserve?: (deliveries: number) => void;
};

/**
 * Accepts a notification of `sender` (the name of its credential). `now` in epoch ms. With `repeat`, the same key and
 * body get the first answer again; another body under the key throws AppError `idempotency_key_reused` (422).
 */
export async function acceptNotification(
  db: Database,
  sender: string,
  request: NotifyRequest,
  now: number,
  { repeat, reserve = () => undefined }: AcceptOptions = {},
): Promise<AcceptedNotification & { readonly replayed: boolean }> {
  const notification: Notification = { ...request, id: createId(), sender, acceptedAt: now };
  return transact(db, async (trx) => {
    if (repeat) await lock(trx, 'idempotency', sender, repeat.key);
    if ('subject' in request.to) await lock(trx, 'subject', request.to.subject);
    const first = (): Promise<AcceptedNotification> => store(trx, notification, now, reserve);
    if (!repeat) return { ...(await first()), replayed: false };
    const { answer, replayed } = await acceptOnce(trx, { credential: sender, ...repeat }, now, first);
    return { ...answer, replayed };
  });
}

async function store(
  trx: Database,
  notification: Notification,
  now: number,
  reserve: (deliveries: number) => void,
): Promise<AcceptedNotification> {
  const { recipients, expandedTo } = await expandFirst(trx, notification, now);
  if (recipients === 0 && !('subject' in notification.to)) throw unknownRecipient(notification.to);
  reserve(Math.max(1, recipients));
  await insertNotification(trx, notification, { recipients, expandedTo });
  return {
    id: notification.id,
    status: recipients === 0 ? 'waiting' : 'pending',
    recipients: expandedTo === null ? recipients : null,
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
