// What a lane has to do next: decided from what the database shows of it, and stored with the decision. For many lanes in
// one transaction: each of its statements serves all of them.

import type { Addressee, Wait } from '../conversations/conversation.ts';
import { findAddressees } from '../conversations/conversation-store.ts';
import type { Database } from '../storage/database.ts';
import { findNextSendTimes } from './attempt-store.ts';
import { cancelled, type DeliveryChange, markSending, postponeDelivery, settleDelivery } from './delivery-store.ts';
import { type LaneLook, lookAtLanes, nextRunAt } from './lane-look-store.ts';
import { freeLanes, type Lease, markInterrupted } from './lane-store.ts';
import type { LaneWork } from './lane-work.ts';
import type { Delivery, Pushed } from './notification.ts';
import { findPushed } from './notification-store.ts';

/** What is attempted. */
export type Trial = {
  readonly conversation: Addressee;
  readonly delivery: Delivery;
  readonly notification: Pushed;
  readonly wait: Wait | undefined;
};

export type LaneStep =
  /** Marked in the database: to be made now. */
  | { readonly kind: 'attempt'; readonly trial: Trial }
  /** Settled without an attempt; the lane is still leased. */
  | { readonly kind: 'settled'; readonly delivery: Delivery; readonly change: DeliveryChange }
  /** Nothing has come before the deadline of its wait; the lane is still leased. */
  | { readonly kind: 'overdue'; readonly conversation: Addressee; readonly wait: Wait }
  /** Its worker was cut off in the middle of an attempt, which is open again; the lane is still leased. */
  | { readonly kind: 'interrupted' }
  /** Let go of until then; undefined when nothing is open in it. */
  | { readonly kind: 'freed'; readonly runAt: number | undefined };

/** A delivery that has been interrupted this often is most likely what brings the process down. */
const mostInterruptions = 5;
const lookAgainMs = 1_000;

/**
 * The next step of each of these leases, in the same order. They hold, and are locked in `trx`. Each attempt has taken a slot of
 * its parent: what fails later must give it back.
 */
export async function stepLanes(trx: Database, work: LaneWork, leases: readonly Lease[]): Promise<LaneStep[]> {
  const steps = await decideAll(trx, work, leases);
  const attempts = steps.flatMap((step) => (step.kind === 'attempt' ? [step.trial.delivery.seq] : []));
  const marked = await markSending(trx, attempts);
  const freed = [];
  for (const [index, lease] of leases.entries()) {
    const step = await storeStep(trx, work, lease, steps[index] ?? { kind: 'freed', runAt: undefined }, marked);
    steps[index] = step;
    if (step.kind === 'freed') freed.push({ conversationId: lease.conversationId, runAt: step.runAt });
  }
  await freeLanes(trx, freed);
  return steps;
}

/** What a step changes in its own lane alone. */
async function storeStep(
  trx: Database,
  { clock, gates }: LaneWork,
  lease: Lease,
  step: LaneStep,
  marked: ReadonlySet<number>,
): Promise<LaneStep> {
  const now = clock.now();
  if (step.kind === 'interrupted') await markInterrupted(trx, now, lease.conversationId);
  if (step.kind === 'settled') {
    const { delivery, change } = step;
    const stored = await settleDelivery(trx, lease, delivery, { from: delivery.state, change, now });
    return stored ? { ...step, change: stored } : { kind: 'freed', runAt: now };
  }
  // It has been given, cancelled or erased since it was read.
  if (step.kind === 'attempt' && !marked.has(step.trial.delivery.seq)) {
    gates.leave(lease.parent, lease.conversationId);
    return { kind: 'freed', runAt: now };
  }
  return step;
}

async function decideAll(trx: Database, work: LaneWork, leases: readonly Lease[]): Promise<LaneStep[]> {
  const { clock, gates, rates, stopping } = work;
  const now = clock.now();
  const looks = await lookAtLanes(
    trx,
    leases.map(({ conversationId }) => conversationId),
    now,
  );
  // Mostly a lane that has just been worked in has nothing more: nobody need be known for that.
  const busy = looks.filter(({ head, wait }) => head !== undefined || wait !== undefined);
  const ids = busy.map(({ conversationId }) => conversationId);
  const conversations = await findAddressees(trx, ids);
  const heads = busy.flatMap(({ head }) => head ?? []);
  const notifications = await findPushed(
    trx,
    heads.map(({ notificationId }) => notificationId),
  );
  const nextSends = await findNextSendTimes(trx, ids, rates, now);
  const room = new Map<string, number>();
  const steps: LaneStep[] = [];
  for (const [index, { parent, conversationId }] of leases.entries()) {
    const look = looks[index];
    if (!look || stopping.aborted) {
      steps.push({ kind: 'freed', runAt: look && nextRunAt(look) });
      continue;
    }
    const conversation = conversations.get(conversationId);
    const notification = look.head && notifications.get(look.head.notificationId);
    let step = decide(work, look, conversation, notification, now);
    if (step.kind === 'attempt') {
      const nextAt = nextSends.get(conversationId) ?? now;
      const left = room.get(parent) ?? gates.free(parent, now);
      if (nextAt > now) step = await postpone(trx, look, step.trial.delivery, nextAt);
      else if (left <= 0) step = { kind: 'freed', runAt: nextRunAt(look) };
      else {
        room.set(parent, left - 1);
        // At once: others decide while this one waits for the database.
        gates.enter(parent, conversationId);
      }
    }
    steps.push(step);
  }
  return steps;
}

/** The conversation has been sent as much as its channel takes: its head waits for its turn. */
async function postpone(trx: Database, look: LaneLook, head: Delivery, runAt: number): Promise<LaneStep> {
  await postponeDelivery(trx, head, runAt);
  return { kind: 'freed', runAt: nextRunAt({ ...look, head: { ...head, runAt } }) };
}

/** One step of one lane. */
function decide(
  work: LaneWork,
  look: LaneLook,
  conversation: Addressee | undefined,
  notification: Pushed | undefined,
  now: number,
): LaneStep {
  const { head, wait } = look;
  if (!conversation) return { kind: 'freed', runAt: nextRunAt(look) };
  if (!head || (head.runAt > now && !hasExpired(head, now))) {
    // Where something did come in time, the end that tells so is on its way.
    const isOver = wait && wait.deadlineAt <= now && !(head?.step === 'end' && head.waitId === wait.id);
    return isOver ? { kind: 'overdue', conversation, wait } : { kind: 'freed', runAt: nextRunAt(look) };
  }
  // Its worker is dead or has lost the lease; or we have.
  if (head.state === 'sending') return { kind: 'interrupted' };
  // On PostgreSQL they may have been erased between the two statements, and both are then gone.
  if (!notification) return { kind: 'freed', runAt: now + lookAgainMs };
  const change = decideWithoutSending(work, conversation, head, now) ?? decideByNotification(notification, head, wait);
  if (change) return { kind: 'settled', delivery: head, change };
  return { kind: 'attempt', trial: { conversation, delivery: head, notification, wait } };
}

/** What needs no attempt: it has expired, cannot be pushed, or has brought the process down before. */
function decideWithoutSending(
  work: LaneWork,
  conversation: Addressee,
  delivery: Delivery,
  now: number,
): DeliveryChange | undefined {
  if (hasExpired(delivery, now)) {
    return { state: 'dead', reason: 'expired', reasonText: 'It expired before it could be delivered.' };
  }
  const triesClosed = (work.pushWhenClosed || delivery.isForced) && conversation.deliveryMode === 'normal';
  if (conversation.reachability !== 'push' && delivery.step === 'message' && !triesClosed) {
    return { state: 'held', reason: 'not_reachable', reasonText: conversation.reachabilityReason };
  }
  if (delivery.interruptions >= mostInterruptions) {
    // The message has been taken; the wait is left to its deadline.
    if (delivery.step === 'end') return { state: 'delivered' };
    const reasonText = 'Each of its attempts was cut off before its result could be stored.';
    return { state: 'dead', reason: 'poison', reasonText };
  }
  return undefined;
}

function decideByNotification(
  notification: Pushed,
  delivery: Delivery,
  wait: Wait | undefined,
): DeliveryChange | undefined {
  if (delivery.step === 'message') return notification.isCancelled ? cancelled : undefined;
  // That action has ended some other way after the message had arrived; a wait opened since then is another one.
  return wait?.id === delivery.waitId ? undefined : { state: 'delivered' };
}

/** An end is told whenever it can be told: its message has been taken, so nothing of it can come too late. */
function hasExpired(delivery: Delivery, now: number): boolean {
  return delivery.step === 'message' && delivery.expiresAt <= now;
}
