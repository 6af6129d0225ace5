// What could not be pushed, given inside the user's own turn: held deliveries of the person, and notifications that came
// before anybody waited for their subject. Taken under the same leases as a push, so that a worker and a turn, or two
// turns, never give the same delivery.

import type { Conversation } from '../conversations/conversation.ts';
import { endOnceSubscriptions } from '../conversations/subscription-store.ts';
import type { Database } from '../storage/database.ts';
import { beginAttempt, insertDeliveries, listHeld, settleDelivery, type Settlement } from './delivery-store.ts';
import { claimLane, type Lease, releaseLane, wakeLanes } from './lane-store.ts';
import type { Delivery, Notification, SendOutcome } from './notification.ts';
import { claimNotification, getNotification, listUnclaimed } from './notification-store.ts';

/** One delivery taken for this turn. It must be ended by `given` or `putBack`. */
export type InboxItem = {
  readonly delivery: Delivery;
  readonly notification: Notification;
  /** The user has it: records the attempt and settles the delivery. */
  given(outcome: SendOutcome & { kind: 'delivered' }): Promise<void>;
  /** The turn could not give it: it stays held. `outcome` when the parent was asked and did not take it. */
  putBack(outcome?: SendOutcome): Promise<void>;
};

export type Inbox = {
  /** Takes what is held for the person of this conversation, oldest first. */
  take(conversation: Conversation, wanted: Wanted): Promise<InboxItem[]>;
};

/**
 * With `subject`, only what was sent to that subject, and also what came before anybody waited for it; with
 * `exceptSubject`, all but that.
 */
type Wanted = {
  readonly subject?: string | undefined;
  readonly exceptSubject?: string | undefined;
  readonly limit: number;
};

const mostUnclaimed = 50;

/** Builds the inbox over the stored deliveries. `now` in epoch ms. */
export function createInbox(db: Database, now: () => number): Inbox {
  return {
    take: async (conversation, wanted) => {
      if (wanted.subject !== undefined) await adoptUnclaimed(db, conversation, wanted.subject, now());
      const { limit, ...subjects } = wanted;
      const held = await listHeld(db, { ...conversation, ...subjects, conversationId: conversation.id }, now(), limit);
      const items: InboxItem[] = [];
      const leases = new Map<string, SharedLease | undefined>();
      for (const delivery of held) {
        const lease = await leaseOnce(db, leases, delivery.conversationId, now());
        if (lease && (await beginAttempt(db, lease.lease, delivery, now()))) {
          const notification = await getNotification(db, delivery.notificationId);
          items.push(createItem({ db, now, conversation, lease }, delivery, notification));
        }
      }
      await releaseUnused(db, leases, now());
      return items;
    },
  };
}

/** Several items of one turn may lie in one lane: it is let go when the last of them has ended. */
type SharedLease = { readonly lease: Lease; users: number };

async function leaseOnce(
  db: Database,
  leases: Map<string, SharedLease | undefined>,
  conversationId: string,
  now: number,
): Promise<SharedLease | undefined> {
  if (!leases.has(conversationId)) {
    const lease = await claimLane(db, conversationId, now);
    leases.set(conversationId, lease && { lease, users: 0 });
  }
  return leases.get(conversationId);
}

/** A delivery may be gone between the list and the lease: a lane without an item is let go at once. */
async function releaseUnused(
  db: Database,
  leases: ReadonlyMap<string, SharedLease | undefined>,
  now: number,
): Promise<void> {
  for (const shared of leases.values()) if (shared?.users === 0) await releaseLane(db, shared.lease, now);
}

type Taken = {
  readonly db: Database;
  readonly now: () => number;
  /** Where it is given; it may have been held in another conversation of the same person. */
  readonly conversation: Conversation;
  readonly lease: SharedLease;
};

function createItem(taken: Taken, delivery: Delivery, notification: Notification): InboxItem {
  const { db, now, conversation, lease: shared } = taken;
  const startedAt = now();
  shared.users += 1;
  const recordOf = (outcome: SendOutcome) => ({
    via: 'turn' as const,
    startedAt,
    durationMs: now() - startedAt,
    outcome,
  });
  const settle = async (settlement: Omit<Settlement, 'now'>): Promise<void> => {
    await settleDelivery(db, shared.lease, delivery, { ...settlement, now: now() });
    shared.users -= 1;
    if (shared.users === 0) await releaseLane(db, shared.lease, now());
  };
  return {
    delivery,
    notification,
    given: async (outcome) => {
      await settle({ change: { state: 'delivered' }, attempt: recordOf(outcome) });
      if ('subject' in notification.to) await endOnceSubscriptions(db, conversation, notification.to.subject);
    },
    putBack: (outcome) => {
      const reasonText = 'The turn in which it was given failed; it is given again at the next one.';
      const change = { state: 'held' as const, reason: 'turn_failed', reasonText };
      return settle(outcome ? { change, attempt: recordOf(outcome) } : { change });
    },
  };
}

/**
 * The job is often done before the topic reaches its wait: what came too early becomes this conversation's. What is to
 * be sent later is pushed at its time, all else is held and taken at once.
 */
async function adoptUnclaimed(db: Database, conversation: Conversation, subject: string, now: number): Promise<void> {
  for (const notification of await listUnclaimed(db, subject, now, mostUnclaimed)) {
    const { sendAt } = notification;
    const early = { reason: 'came_early', reasonText: 'Nobody waited for the subject when it came.' };
    await db.transaction().execute(async (trx) => {
      if (!(await claimNotification(trx, notification.id))) return;
      const later = sendAt !== undefined && sendAt > now;
      await insertDeliveries(trx, notification, [conversation.id], now, later ? undefined : early);
      if (later) await wakeLanes(trx, [conversation.id], sendAt);
    });
  }
}
