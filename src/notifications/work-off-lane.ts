// One lease of a lane: its deliveries in order, one in flight; then the wait whose deadline has passed.

import type { Conversation } from '../conversations/conversation.ts';
import { findConversation } from '../conversations/conversation-store.ts';
import { endOnceSubscriptions, endWait, findWait, holdUnlessWaiting } from '../conversations/subscription-store.ts';
import { attemptDelivery, type Judged, type Trial } from './attempt-delivery.ts';
import { cancelled, type DeliveryChange, findHead, settleDelivery } from './delivery-store.ts';
import { endOverdueWait } from './end-overdue-wait.ts';
import { reopenHeld } from './held-store.ts';
import { holdsLease, type Lease, markInterrupted } from './lane-store.ts';
import type { LaneWork } from './lane-work.ts';
import type { Delivery } from './notification.ts';
import { findNotification } from './notification-store.ts';
import { findNextSendAt } from './send-rate.ts';

/** A delivery that has been interrupted this often is most likely what brings the process down. */
const mostInterruptions = 5;

/** Works off the lane until nothing is due in it, its parent may not be sent to, its lease is lost, or the worker stops. */
export async function workOffLane(work: LaneWork, lease: Lease): Promise<void> {
  while (!work.stopping.aborted) {
    const conversation = await findConversation(work.db, lease.conversationId);
    if (!conversation) return;
    const delivery = await findHead(work.db, lease.conversationId, work.clock.now());
    if (delivery && (hasExpired(delivery, work.clock.now()) || delivery.runAt <= work.clock.now())) {
      if (!(await deliver(work, lease, conversation, delivery))) return;
    } else {
      await endOverdueWait(work, lease, conversation, delivery);
      return;
    }
  }
}

/** One step of one delivery. False when the lane has nothing more to do under this lease. */
async function deliver(work: LaneWork, lease: Lease, conversation: Conversation, delivery: Delivery): Promise<boolean> {
  const { db, clock } = work;
  if (delivery.state === 'sending') {
    // Its worker is dead or has lost the lease; or we have.
    if (!(await holdsLease(db, lease))) return false;
    await markInterrupted(db, clock.now(), lease.conversationId);
    return true;
  }
  const early = decideWithoutSending(work, conversation, delivery);
  if (early) return settleWithoutSending(work, lease, delivery, early);
  const notification = await findNotification(db, delivery.notificationId);
  // Erased since the delivery was read: both are gone, and with them the lease, or the lane goes on with what is left.
  if (!notification) return false;
  if (notification.isCancelled && delivery.step === 'message') {
    return settleWithoutSending(work, lease, delivery, cancelled);
  }
  const wait = await findWait(db, conversation.id);
  if (delivery.step === 'end' && wait?.id !== delivery.waitId) {
    // That action has ended some other way after the message had arrived; a wait opened since then is another one.
    return settleWithoutSending(work, lease, delivery, { state: 'delivered' });
  }
  const nextSendAt = await findNextSendAt(db, conversation.id, work.rates, clock.now());
  if (nextSendAt > clock.now()) {
    await settleDelivery(db, lease, delivery, {
      from: delivery.state,
      change: { state: 'pending', runAt: nextSendAt },
      now: clock.now(),
    });
    return false;
  }
  const trial = { conversation, delivery, notification, wait };
  const judged = await attemptDelivery(work, lease, trial);
  if (!judged) return false;
  const { change } = judged;
  await applyToConversation(work, trial, judged);
  if (change.state === 'held') await reopenIfReachable(work, lease, delivery);
  if (change.state !== 'pending') tellSettled(work, delivery, change);
  return change.state !== 'pending' || change.runAt <= clock.now();
}

/** What needs no attempt: it has expired, cannot be pushed, or has brought the process down before. */
function decideWithoutSending(
  work: LaneWork,
  conversation: Conversation,
  delivery: Delivery,
): DeliveryChange | undefined {
  if (hasExpired(delivery, work.clock.now())) {
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

/** An end is told whenever it can be told: its message has been taken, so nothing of it can come too late. */
function hasExpired(delivery: Delivery, now: number): boolean {
  return delivery.step === 'message' && delivery.expiresAt <= now;
}

async function settleWithoutSending(
  work: LaneWork,
  lease: Lease,
  delivery: Delivery,
  change: DeliveryChange,
): Promise<boolean> {
  if (!(await settleDelivery(work.db, lease, delivery, { from: delivery.state, change, now: work.clock.now() })))
    return false;
  if (change.state === 'held') await reopenIfReachable(work, lease, delivery);
  tellSettled(work, delivery, change);
  return true;
}

/** What went nowhere is worth a line of its own: without the reason in words, which may hold what the parent said. */
function tellSettled({ logger, onSettled }: LaneWork, delivery: Delivery, change: DeliveryChange): void {
  const { id: deliveryId, notificationId, conversationId } = delivery;
  if ('reason' in change) {
    const line = { deliveryId, notificationId, conversationId, reason: change.reason };
    if (change.state === 'dead') logger.warn(line, 'delivery is dead');
    else logger.info(line, `delivery is ${change.state}`);
  }
  onSettled(notificationId);
}

/** What was held because nothing could be pushed is open again when a wait has been opened meanwhile. */
async function reopenIfReachable({ db, clock }: LaneWork, lease: Lease, delivery: Delivery): Promise<void> {
  const conversation = await findConversation(db, delivery.conversationId);
  if (conversation?.reachability === 'push') await reopenHeld(db, lease, delivery, clock.now());
}

/** What the attempt has taught about the conversation itself. */
async function applyToConversation(
  { db }: LaneWork,
  { conversation, delivery, notification, wait }: Trial,
  { change, decision }: Judged,
): Promise<void> {
  if (change.state === 'held') {
    const reason = `No push is taken here: ${change.reasonText}`;
    if (wait) await endWait(db, wait, reason);
    else await holdUnlessWaiting(db, conversation.id, reason);
  }
  // An end that the parent never took leaves its wait to the deadline: the user must not stay in the action.
  const hasEnded = decision.kind === 'delivered' || decision.kind === 'gone';
  if (delivery.step === 'end' && wait && hasEnded) {
    await endWait(db, wait, 'The action has ended: no action is open.');
  }
  const told = decision.kind === 'delivered' && delivery.step === 'message';
  if (told && 'subject' in notification.to) await endOnceSubscriptions(db, conversation, notification.to.subject);
}
