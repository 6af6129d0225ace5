// One lease of a lane: its deliveries in order, one in flight, each attempt counted before and recorded after; then the
// wait whose deadline has passed.

import type { Clock } from '../clock.ts';
import type { Conversation, Wait } from '../conversations/conversation.ts';
import { findConversation, setReachability } from '../conversations/conversation-store.ts';
import { endOnceSubscriptions, endWait, findWait, postponeWait } from '../conversations/subscription-store.ts';
import type { Logger } from '../logger.ts';
import type { Database } from '../storage/database.ts';
import { beginAttempt, type DeliveryChange, findHead, reopenHeld, settleDelivery } from './delivery-store.ts';
import { holdsLease, type Lease, leaseMs, markInterrupted } from './lane-store.ts';
import {
  type Delivery,
  endsWait,
  type Notification,
  notifiedOutputs,
  type Push,
  type SendOutcome,
  type SendToParent,
} from './notification.ts';
import { getNotification } from './notification-store.ts';
import { decideRetry } from './retry-policy.ts';

export type LaneWork = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly send: SendToParent;
  readonly pushWhenClosed: boolean;
  /** No further attempt is begun once this has fired. */
  readonly stopping: AbortSignal;
};

type Settled = {
  readonly delivery: Delivery;
  readonly notification: Notification;
  readonly wait: Wait | undefined;
  readonly change: DeliveryChange;
};

/** A delivery that has been interrupted this often is most likely what brings the process down. */
const mostInterruptions = 5;
/** Attempts to tell a parent that a wait is over, by the usual schedule: about an hour, which no action outlives. */
const mostTimeoutAttempts = 7;

/** Works off the lane until nothing is due in it, its lease is lost, or the worker stops. */
export async function workOffLane(work: LaneWork, lease: Lease): Promise<void> {
  while (!work.stopping.aborted) {
    const conversation = await findConversation(work.db, lease.conversationId);
    if (!conversation) return;
    const delivery = await findHead(work.db, lease.conversationId, work.clock.now());
    if (delivery && (delivery.expiresAt <= work.clock.now() || delivery.runAt <= work.clock.now())) {
      if (!(await deliver(work, lease, conversation, delivery))) return;
    } else {
      await endOverdueWait(work, lease, conversation);
      return;
    }
  }
}

/** One step of one delivery. False when the lease is lost or the delivery sleeps: the lane has nothing more to do now. */
async function deliver(work: LaneWork, lease: Lease, conversation: Conversation, delivery: Delivery): Promise<boolean> {
  const { db, clock } = work;
  if (delivery.state === 'sending') {
    // Its worker is dead or has lost the lease.
    if (await holdsLease(db, lease)) await markInterrupted(db, lease.conversationId);
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
  const change = changeAfter(work, delivery, notification, wait, outcome);
  if (!(await settleDelivery(db, lease, delivery, { change, now: clock.now(), attempt }))) return false;
  await applyToConversation(work, conversation, { delivery, notification, wait, change });
  return change.state !== 'pending' || change.runAt <= clock.now();
}

/** What needs no attempt: it has expired, cannot be pushed, or has brought the process down before. */
function decideWithoutSending(
  work: LaneWork,
  conversation: Conversation,
  delivery: Delivery,
): DeliveryChange | undefined {
  if (delivery.expiresAt <= work.clock.now()) {
    if (delivery.step === 'end') return { state: 'delivered' };
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

/** Settles without an attempt. Held only if the conversation still takes no push: a wait may just have been opened. */
async function settleEarly(work: LaneWork, lease: Lease, delivery: Delivery, change: DeliveryChange): Promise<boolean> {
  const { db, clock } = work;
  if (!(await settleDelivery(db, lease, delivery, { change, now: clock.now() }))) return false;
  if (change.state !== 'held') return true;
  const conversation = await findConversation(db, delivery.conversationId);
  if (conversation?.reachability === 'push') await reopenHeld(db, lease, delivery, clock.now());
  return true;
}

function pushOf(delivery: Delivery, notification: Notification, wait: Wait | undefined): Push {
  if (delivery.step === 'message' || !wait) {
    return { kind: 'message', notification, attempt: delivery.attempts + 1 };
  }
  const outputs = notifiedOutputs(notification, wait.subject);
  return { kind: 'endOfAction', code: 'completedSuccessfully', outputs, notificationId: notification.id };
}

function changeAfter(
  work: LaneWork,
  delivery: Delivery,
  notification: Notification,
  wait: Wait | undefined,
  outcome: SendOutcome,
): DeliveryChange {
  const now = work.clock.now();
  const decision = decideRetry(outcome, {
    attempts: delivery.attempts + 1,
    now,
    expiresAt: delivery.expiresAt,
    random: work.random(),
  });
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
  { delivery, notification, wait, change }: Settled,
): Promise<void> {
  if (change.state === 'held') {
    const reason = `The parent takes no push here: ${change.reasonText}`;
    if (wait) await endWait(db, wait, reason);
    else await setReachability(db, conversation.id, 'held', reason);
  }
  if (change.state !== 'delivered') return;
  if (delivery.step === 'end' && wait) await endWait(db, wait, 'The action has ended: no action is open.');
  if ('subject' in notification.to) await endOnceSubscriptions(db, conversation, notification.to.subject);
}

/** Tells the parent that nothing came in time, so that its topic goes on. */
async function endOverdueWait(work: LaneWork, lease: Lease, conversation: Conversation): Promise<void> {
  const { db, clock } = work;
  const wait = await findWait(db, conversation.id);
  if (!wait || wait.deadlineAt > clock.now() || !(await holdsLease(db, lease, clock.now() + leaseMs))) return;
  const outcome = await work.send(conversation, {
    kind: 'endOfAction',
    code: 'completedSuccessfully',
    outputs: { status: 'timeout', subject: wait.subject, text: '', notificationId: '', dataJson: '{}' },
    notificationId: undefined,
  });
  const decision = decideRetry(outcome, {
    attempts: wait.attempts + 1,
    now: clock.now(),
    expiresAt: Number.MAX_SAFE_INTEGER,
    random: work.random(),
  });
  work.logger.info({ conversationId: conversation.id, outcome: outcome.kind }, 'wait timed out');
  if (decision.kind === 'retry' && wait.attempts + 1 < mostTimeoutAttempts) {
    await postponeWait(db, wait, decision.at);
    return;
  }
  await endWait(db, wait, 'The wait has timed out: no action is open.');
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
