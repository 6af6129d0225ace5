// From a notification to its deliveries, page by page. How far it has come is kept with the notification, so that memory
// stays flat however many recipients there are, and a crash in the middle changes nothing.

import { AppError } from '../errors.ts';
import type { Database } from '../storage/database.ts';
import { transact } from '../storage/transact.ts';
import { findDelivered, insertDeliveries } from './enqueue.ts';
import { wakeLanes } from './wake-lanes.ts';
import type { Notification } from './notification.ts';
import type { Recipient } from './notify-request.ts';
import { listUnexpanded, saveExpansion, type Unexpanded } from './notification-store.ts';
import { keepNamed, listNamed, listPeople, pickForPerson, recipientsPerPage } from './recipients.ts';

/** Deliveries made, and where to go on: null when everybody has theirs. */
export type Expanded = { readonly recipients: number; readonly expandedTo: string | null };

/** More broadcasts that are being spread at once than this are not accepted: each newer one has to look at them all. */
const mostUnexpanded = 20;

/**
 * The first page of a notification that is being accepted: mostly all there is. To be called in its transaction. Throws
 * AppError `unavailable` (503) when too many broadcasts are being spread already.
 */
export async function expandFirst(trx: Database, notification: Notification, now: number): Promise<Expanded> {
  const ids = await listNamed(trx, notification.to, '');
  if (ids.length === 0) return { recipients: 0, expandedTo: null };
  const older = await listUnexpanded(trx, mostUnexpanded);
  const expandedTo = findCursor(ids);
  if (expandedTo !== null && older.length >= mostUnexpanded) {
    const words = `${mostUnexpanded} broadcasts are being spread. Try again later: nothing was accepted.`;
    throw new AppError('unavailable', words, { headers: { 'Retry-After': '5' } });
  }
  if (older.length > 0) await letOlderPass(trx, ids, { older, now });
  return { recipients: await addRecipients(trx, notification, ids, { now, isNew: true }), expandedTo };
}

/** A page of a broadcast: how many deliveries it has brought. */
export type Page = { readonly notificationId: string; readonly recipients: number };

/** One further page of the oldest notification that has not reached everybody. Undefined when there is none. */
export async function expandNext(db: Database, now: number): Promise<Page | undefined> {
  // Mostly there is none, and every round of the worker asks: a transaction would make each wait for a commit.
  if ((await listUnexpanded(db, 1)).length === 0) return undefined;
  return transact(db, async (trx) => {
    const [oldest] = await listUnexpanded(trx, 1);
    if (!oldest) return undefined;
    const { notification, expandedTo } = oldest;
    const ids = await listNamed(trx, notification.to, expandedTo);
    const recipients = await addRecipients(trx, notification, ids, { now, isBulk: true });
    await saveExpansion(trx, notification.id, { recipients, expandedTo: findCursor(ids) });
    return { notificationId: notification.id, recipients };
  });
}

/**
 * Order of acceptance in each conversation: what was accepted earlier and has not reached these people yet does so now,
 * before something newer overtakes it. For all of their conversations, oldest first: then no other order can arise.
 */
async function letOlderPass(
  trx: Database,
  conversationIds: readonly string[],
  { older, now }: { readonly older: readonly Unexpanded[]; readonly now: number },
): Promise<void> {
  const everybody: Recipient = { all: true };
  const people = await listPeople(trx, everybody, conversationIds);
  const theirs = people.flat().map(({ id }) => id);
  for (const { notification: earlier, expandedTo } of older) {
    const named = await keepNamed(trx, earlier.to, theirs);
    const recipients = await addRecipients(trx, earlier, named, { now, isBulk: true });
    if (recipients > 0) await saveExpansion(trx, earlier.id, { recipients, expandedTo });
  }
}

/** Gives the people behind these conversations their deliveries. Returns how many were made. */
async function addRecipients(
  trx: Database,
  notification: Notification,
  conversationIds: readonly string[],
  { now, isBulk = false, isNew = false }: { readonly now: number; readonly isBulk?: boolean; readonly isNew?: boolean },
): Promise<number> {
  if (conversationIds.length === 0) return 0;
  const people = await listPeople(trx, notification.to, conversationIds);
  // Who has got theirs with another conversation, on an earlier page, is not told again. The first has none before it.
  const all = isNew ? [] : people.flat().map(({ id }) => id);
  const known = await findDelivered(trx, notification.id, all);
  const picked = people.filter((candidates) => !candidates.some(({ id }) => known.has(id))).flatMap(pickForPerson);
  await insertDeliveries(trx, [{ notification, conversationIds: picked }], now, { isBulk });
  await wakeLanes(trx, picked, notification.sendAt ?? now);
  return picked.length;
}

function findCursor(ids: readonly string[]): string | null {
  return ids.length < recipientsPerPage ? null : (ids.at(-1) ?? null);
}
