// From a notification to its deliveries, page by page. How far it has come is kept with the notification, so that memory
// stays flat however many recipients there are, and a crash in the middle changes nothing.

import type { Database } from '../storage/database.ts';
import { transact } from '../storage/transact.ts';
import { findDelivered, insertDeliveries } from './delivery-store.ts';
import { wakeLanes } from './lane-store.ts';
import type { Notification } from './notification.ts';
import { listUnexpanded, saveExpansion, type Unexpanded } from './notification-store.ts';
import { keepNamed, listNamed, listPeople, pickForPerson, recipientsPerPage } from './recipients.ts';

/** Deliveries made, and where to go on: null when everybody has theirs. */
export type Expanded = { readonly recipients: number; readonly expandedTo: string | null };

/** The first page of a notification that is being accepted: mostly all there is. To be called in its transaction. */
export async function expandFirst(trx: Database, notification: Notification, now: number): Promise<Expanded> {
  const ids = await listNamed(trx, notification.to, '');
  if (ids.length === 0) return { recipients: 0, expandedTo: null };
  const older = await listUnexpanded(trx, mostUnexpanded);
  const recipients = await addRecipients(trx, { notification, older, now }, ids);
  return { recipients, expandedTo: findCursor(ids) };
}

/** A page of a broadcast: how many deliveries it has brought. */
export type Page = { readonly notificationId: string; readonly recipients: number };

/** One further page of the oldest notification that has not reached everybody. Undefined when there is none. */
export async function expandNext(db: Database, now: number): Promise<Page | undefined> {
  return transact(db, async (trx) => {
    const [oldest] = await listUnexpanded(trx, 1);
    if (!oldest) return undefined;
    const { notification, expandedTo } = oldest;
    const ids = await listNamed(trx, notification.to, expandedTo);
    const recipients = ids.length === 0 ? 0 : await addRecipients(trx, { notification, older: [], now }, ids);
    await saveExpansion(trx, notification.id, { recipients, expandedTo: findCursor(ids) });
    return { notificationId: notification.id, recipients };
  });
}

/** Far more broadcasts than anybody has on their way at once. */
const mostUnexpanded = 100;

type Spread = {
  readonly notification: Notification;
  /** Accepted before it, and not with everybody yet; oldest first. */
  readonly older: readonly Unexpanded[];
  readonly now: number;
};

/** Gives the people behind these conversations their deliveries. Returns how many were made. */
async function addRecipients(trx: Database, spread: Spread, conversationIds: readonly string[]): Promise<number> {
  const { notification, now } = spread;
  if (conversationIds.length === 0) return 0;
  const people = await listPeople(trx, notification.to, conversationIds);
  // Who has got theirs with another conversation, on an earlier page, is not told again.
  const known = await findDelivered(
    trx,
    notification.id,
    people.flat().map(({ id }) => id),
  );
  const picked = people.filter((candidates) => !candidates.some(({ id }) => known.has(id))).flatMap(pickForPerson);
  await letOlderPass(trx, spread, picked);
  await insertDeliveries(trx, notification, picked, now);
  await wakeLanes(trx, picked, notification.sendAt ?? now);
  return picked.length;
}

/**
 * Order of acceptance in each conversation: what was accepted earlier and has not reached these conversations yet does so
 * now, before something newer overtakes it; each of those in turn lets pass what is older still.
 */
async function letOlderPass(trx: Database, { older, now }: Spread, conversationIds: readonly string[]): Promise<void> {
  for (const [index, { notification, expandedTo }] of older.entries()) {
    const ids = await keepNamed(trx, notification.to, conversationIds);
    const recipients = await addRecipients(trx, { notification, older: older.slice(0, index), now }, ids);
    if (recipients > 0) await saveExpansion(trx, notification.id, { recipients, expandedTo });
  }
}

function findCursor(ids: readonly string[]): string | null {
  return ids.length < recipientsPerPage ? null : (ids.at(-1) ?? null);
}
