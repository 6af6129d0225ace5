// What could not be pushed, given inside the user's own turn: held deliveries of the person, and notifications that came
// before anybody waited for their subject. Taken under the same leases as a push, so that a worker and a turn, or two
// turns, never give the same delivery.

import type { Conversation } from '../conversations/conversation.ts';
import { findConversation } from '../conversations/conversation-store.ts';
import { endOnceSubscriptions } from '../conversations/subscription-store.ts';
import type { Database } from '../storage/database.ts';
import { lock } from '../storage/locks.ts';
import { together } from '../storage/together.ts';
import { transact } from '../storage/transact.ts';
import { beginAttempt, settleDelivery, type Settlement } from './delivery-store.ts';
import { insertDeliveries } from './enqueue.ts';
import { haveAny, listHeld, type PersonHere } from './held-store.ts';
import { claimLane, holdsLease, type Lease, leaseMs } from './lane-store.ts';
import { wakeLanes } from './wake-lanes.ts';
import type { Delivery, Notification, SendOutcome } from './notification.ts';
import { claimNotification, findNotification, listUnclaimed } from './notification-store.ts';
import { releaseLane } from './release-lane.ts';

/** One delivery taken for this turn. It must be ended by `given` or `putBack`. */
export type InboxItem = {
  readonly delivery: Delivery;
  readonly notification: Notification;
  /** Before it is given: false when the turn has taken so long that a worker may have it; it must then not be given. */
  renew(): Promise<boolean>;
  /** The user has it: records the attempt and settles the delivery. */
  given(outcome: SendOutcome & { kind: 'delivered' }): Promise<void>;
  /** The turn could not give it: it stays held. `outcome` when the parent was asked and did not take it. */
  putBack(outcome?: SendOutcome): Promise<void>;
};

/** The inbox of one turn. What it has leased stays leased for all of the turn. */
export type TurnInbox = {
  /** Takes what is held for the person of this conversation, oldest first. */
  take(wanted: Wanted): Promise<InboxItem[]>;
};

export type OpenInbox = (conversation: Conversation) => TurnInbox;

/**
 * With `subject`, only what was sent to that subject, and also what came before anybody waited for it; with
 * `exceptSubject`, all but that.
 */
export type Wanted = {
  readonly subject?: string | undefined;
  readonly exceptSubject?: string | undefined;
  readonly limit: number;
};

const mostUnclaimed = 50;

type InboxOptions = {
  readonly db: Database;
  /** Epoch ms. */
  readonly now: () => number;
  /** Told of each notification that a turn has given. */
  readonly onSettled: (notificationId: string) => void;
};

/** Builds the inboxes over the stored deliveries. */
export function createInbox({ db, now, onSettled }: InboxOptions): OpenInbox {
  const hasAny = together(db, haveAny);
  return (conversation) => {
    const leases: Leases = new Map();
    return { take: (wanted) => take({ db, now, onSettled, hasAny, conversation, leases }, wanted) };
  };
}

/** Several items of one turn may lie in one lane: it is let go when the last of them has ended. */
type SharedLease = { readonly lease: Lease; users: number };
type Leases = Map<string, SharedLease>;

type TurnScope = InboxOptions & {
  /** For turns that come at the same time, in one look. */
  readonly hasAny: (person: PersonHere) => Promise<boolean>;
  readonly conversation: Conversation;
  readonly leases: Leases;
};

async function take(scope: TurnScope, { limit, ...subjects }: Wanted): Promise<InboxItem[]> {
  const { db, now, conversation, leases } = scope;
  const { subject } = subjects;
  if (subject !== undefined) {
    await transact(db, (trx) => adoptUnclaimed(trx, conversation.id, subject, now(), cameEarly));
  }
  const { id: conversationId, callerAppId, tenantId, userKey } = conversation;
  const person = { conversationId, callerAppId, tenantId, userKey };
  if (!(await scope.hasAny(person))) return [];
  const held = await listHeld(db, { ...person, ...subjects }, now(), limit);
  const items: InboxItem[] = [];
  for (const delivery of held) {
    const notification = await findNotification(db, delivery.notificationId);
    if (!notification || notification.isCancelled) continue;
    const shared = await leaseOnce(scope, delivery.conversationId);
    if (shared && (await beginAttempt(db, shared.lease, delivery, now()))) {
      items.push(createItem({ ...scope, shared }, delivery, notification));
    }
  }
  // A delivery may be gone between the list and the lease: a lane without an item is let go at once.
  for (const shared of leases.values()) await releaseWhenUnused(scope, shared);
  return items;
}

async function leaseOnce({ db, now, leases }: TurnScope, conversationId: string): Promise<SharedLease | undefined> {
  const known = leases.get(conversationId);
  if (known) return known;
  const lease = await claimLane(db, conversationId, now());
  if (!lease) return undefined;
  const shared = { lease, users: 0 };
  leases.set(conversationId, shared);
  return shared;
}

async function releaseWhenUnused({ db, now, leases }: TurnScope, shared: SharedLease): Promise<void> {
  if (shared.users > 0) return;
  leases.delete(shared.lease.conversationId);
  await releaseLane(db, shared.lease, now());
}

type TakenScope = TurnScope & { readonly shared: SharedLease };

function createItem(scope: TakenScope, delivery: Delivery, notification: Notification): InboxItem {
  const { db, now, onSettled, conversation, shared } = scope;
  const startedAt = now();
  shared.users += 1;
  const recordOf = (outcome: SendOutcome) => ({
    via: 'turn' as const,
    conversationId: conversation.id,
    startedAt,
    durationMs: now() - startedAt,
    outcome,
  });
  const settle = async (settlement: Omit<Settlement, 'now' | 'from'>): Promise<void> => {
    await settleDelivery(db, shared.lease, delivery, { ...settlement, from: 'sending', now: now() });
    shared.users -= 1;
    await releaseWhenUnused(scope, shared);
  };
  return {
    delivery,
    notification,
    renew: () => holdsLease(db, shared.lease, now() + leaseMs),
    given: async (outcome) => {
      await settle({ change: { state: 'delivered' }, attempt: recordOf(outcome) });
      onSettled(notification.id);
      if ('subject' in notification.to) await endOnceSubscriptions(db, conversation, notification.to.subject);
    },
    putBack: (outcome) => {
      const reasonText = 'The turn in which it was given failed; it is given again at the next one.';
      const change = { state: 'held' as const, reason: 'turn_failed', reasonText };
      return settle(outcome ? { change, attempt: recordOf(outcome) } : { change });
    },
  };
}

/** Why a notification is held that came before anybody waited for its subject. */
export const cameEarly = { reason: 'came_early', reasonText: 'Nobody waited for the subject when it came.' };

/**
 * The job is often done before the topic reaches its wait: what came before anybody waited for `subject` becomes this
 * conversation's. Held for the turn that asks when `held` says why, else pushed; what is to be sent later is pushed at
 * its time in any case. To be called in a transaction.
 */
export async function adoptUnclaimed(
  trx: Database,
  conversationId: string,
  subject: string,
  now: number,
  held?: { readonly reason: string; readonly reasonText: string },
): Promise<void> {
  // Erased in the middle of its turn: what nobody has yet is left to whoever comes next.
  if (!(await findConversation(trx, conversationId))) return;
  await lock(trx, 'subject', subject);
  for (const notification of await listUnclaimed(trx, subject, now, mostUnclaimed)) {
    if (!(await claimNotification(trx, notification.id))) continue;
    const at = notification.sendAt ?? now;
    const heldNow = at <= now ? held : undefined;
    await insertDeliveries(trx, [{ notification, conversationIds: [conversationId] }], now, { held: heldNow });
    if (!heldNow) await wakeLanes(trx, [conversationId], at);
  }
}
