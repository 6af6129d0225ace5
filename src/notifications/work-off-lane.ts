// One lease of a lane: its deliveries in order, one in flight, each attempt marked before and recorded after; then the
// wait whose deadline has passed.

import type { Conversation, Wait } from '../conversations/conversation.ts';
import { findConversation, setReachability } from '../conversations/conversation-store.ts';
import { endOnceSubscriptions, endWait, findWait } from '../conversations/subscription-store.ts';
import {
  beginAttempt,
  countInternalFailures,
  type DeliveryChange,
  findHead,
  settleDelivery,
} from './delivery-store.ts';
import { endOverdueWait } from './end-overdue-wait.ts';
import { reopenHeld } from './held-store.ts';
import { holdsLease, type Lease, markInterrupted } from './lane-store.ts';
import type { LaneWork } from './lane-work.ts';
import {
  type Delivery,
  endsWait,
  type Notification,
  notifiedOutputs,
  type Push,
  type SendOutcome,
} from './notification.ts';
import { getNotification } from './notification-store.ts';
import { decideRetry, type RetryDecision } from './retry-policy.ts';

type Tried = {
  readonly delivery: Delivery;
  readonly notification: Notification;
  readonly wait: Wait | undefined;
  readonly outcome: SendOutcome;
};

type Settled = Omit<Tried, 'outcome'> & {
  readonly change: DeliveryChange;
  readonly decision: RetryDecision;
};

/** A delivery that has been interrupted this often is most likely what brings the process down. */
const mostInterruptions = 5;

/** Works off the lane until nothing is due in it, its lease is lost, or the worker stops. */
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

/** One step of one delivery. False when the lease is lost or the delivery sleeps: the lane has nothing more to do now. */
async function deliver(work: LaneWork, lease: Lease, conversation: Conversation, delivery: Delivery): Promise<boolean> {
  const { db, clock } = work;
  if (delivery.state === 'sending') {
    // Its worker is dead or has lost the lease; or we have.
    if (!(await holdsLease(db, lease))) return false;
    await markInterrupted(db, clock.now(), lease.conversationId);
    return true;
  }
  const early = decideWithoutSending(work, conversation, delivery);
  if (early) return settleEarly(work, lease, delivery, early);
  const notification = await getNotification(db, delivery.notificationId);
  const wait = await findWait(db, conversation.id);
  if (delivery.step === 'end' && wait?.id !== delivery.waitId) {
    // That action has ended some other way after the message had arrived; a wait opened since then is another one.
    return settleDelivery(db, lease, delivery, { change: { state: 'delivered' }, now: clock.now() });
  }
  if (!(await beginAttempt(db, lease, delivery, clock.now()))) return false;
  const startedAt = clock.now();
  const outcome = await work.send(conversation, pushOf(delivery, notification, wait));
  const attempt = { via: 'push' as const, startedAt, durationMs: clock.now() - startedAt, outcome };
  logAttempt(work, delivery, attempt.durationMs, outcome);
  const decision = await decide(work, delivery, outcome);
  const change = changeAfter(decision, clock.now(), { delivery, notification, wait, outcome });
  if (!(await settleDelivery(db, lease, delivery, { change, now: clock.now(), attempt }))) return false;
  await applyToConversation(work, conversation, { delivery, notification, wait, change, decision });
  if (change.state === 'held') await reopenIfReachable(work, lease, delivery);
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
  const triesClosed = work.pushWhenClosed && conversation.deliveryMode === 'normal';
  if (conversation.reachability !== 'push' && delivery.step === 'message' && !triesClosed) {
    return { state: 'held', reason: 'not_reachable', reasonText: conversation.reachabilityReason };
  }
  if (delivery.interruptions >= mostInterruptions) {
    return { state: 'dead', reason: 'poison', reasonText: 'The process ended in the middle of each of its attempts.' };
  }
  return undefined;
}

/** An end is told whenever it can be told: its message has been taken, so nothing of it can come too late. */
function hasExpired(delivery: Delivery, now: number): boolean {
  return delivery.step === 'message' && delivery.expiresAt <= now;
}

async function settleEarly(work: LaneWork, lease: Lease, delivery: Delivery, change: DeliveryChange): Promise<boolean> {
  if (!(await settleDelivery(work.db, lease, delivery, { change, now: work.clock.now() }))) return false;
  if (change.state === 'held') await reopenIfReachable(work, lease, delivery);
  return true;
}

/** What was held because nothing could be pushed is open again when a wait has been opened meanwhile. */
async function reopenIfReachable({ db, clock }: LaneWork, lease: Lease, delivery: Delivery): Promise<void> {
  const conversation = await findConversation(db, delivery.conversationId);
  if (conversation?.reachability === 'push') await reopenHeld(db, lease, delivery, clock.now());
}

/** What the outcome means for this delivery. */
async function decide(work: LaneWork, delivery: Delivery, outcome: SendOutcome): Promise<RetryDecision> {
  const isInternal = outcome.kind === 'notSent' && outcome.errorClass === 'internal';
  return decideRetry(outcome, {
    attempts: delivery.attempts + 1,
    internalFailures: isInternal ? (await countInternalFailures(work.db, delivery.id)) + 1 : 0,
    now: work.clock.now(),
    expiresAt: delivery.step === 'end' ? Number.MAX_SAFE_INTEGER : delivery.expiresAt,
    random: work.random(),
  });
}

function pushOf(delivery: Delivery, notification: Notification, wait: Wait | undefined): Push {
  if (delivery.step === 'message' || !wait) {
    return { kind: 'message', notification, attempt: delivery.attempts + 1 };
  }
  const outputs = notifiedOutputs(notification, wait.subject);
  return { kind: 'endOfAction', code: 'completedSuccessfully', outputs, notificationId: notification.id };
}

function changeAfter(
  decision: RetryDecision,
  now: number,
  { delivery, notification, wait, outcome }: Tried,
): DeliveryChange {
  const detail = 'detail' in outcome ? outcome.detail : '';
  // The message had been taken before: whatever becomes of the end of the action, the user has been told.
  if (delivery.step === 'end' && decision.kind !== 'retry') return { state: 'delivered' };
  switch (decision.kind) {
    case 'delivered':
      // From here on only the end of the action is repeated, never the message.
      if (wait && endsWait(notification, wait)) {
        return { state: 'pending', runAt: now, step: 'end', waitId: wait.id };
      }
      return { state: 'delivered' };
    case 'retry':
      return { state: 'pending', runAt: decision.at };
    case 'gone':
      return { state: 'held', reason: decision.reason, reasonText: detail };
    case 'dead':
      return { state: 'dead', reason: decision.reason, reasonText: detail };
  }
}

/** What the attempt has taught about the conversation itself. */
async function applyToConversation(
  { db }: LaneWork,
  conversation: Conversation,
  { delivery, notification, wait, change, decision }: Settled,
): Promise<void> {
  if (change.state === 'held') {
    const reason = `The parent takes no push here: ${change.reasonText}`;
    if (wait) await endWait(db, wait, reason);
    else await setReachability(db, conversation.id, 'held', reason);
  }
  // An end that the parent never took leaves its wait to the deadline: the user must not stay in the action.
  const hasEnded = decision.kind === 'delivered' || decision.kind === 'gone';
  if (delivery.step === 'end' && wait && hasEnded) {
    await endWait(db, wait, 'The action has ended: no action is open.');
  }
  const told = decision.kind === 'delivered' && delivery.step === 'message';
  if (told && 'subject' in notification.to) await endOnceSubscriptions(db, conversation, notification.to.subject);
}

function logAttempt(work: LaneWork, delivery: Delivery, durationMs: number, outcome: SendOutcome): void {
  work.logger.info(
    {
      notificationId: delivery.notificationId,
      deliveryId: delivery.id,
      attempt: delivery.attempts + 1,
      step: delivery.step,
      outcome: outcome.kind,
      ...('status' in outcome && { status: outcome.status }),
      ...('errorClass' in outcome && { errorClass: outcome.errorClass }),
      ms: Math.round(durationMs),
    },
    'attempt',
  );
}
