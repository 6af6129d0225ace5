// One attempt of one delivery: sent, judged, and recorded.

import { endOnceSubscriptions, endWait, holdUnlessWaiting } from '../conversations/subscription-store.ts';
import { type AttemptRecord, findFailures } from './attempt-store.ts';
import { type DeliveryChange, settleDelivery } from './delivery-store.ts';
import type { LaneDesk } from './lane-desk.ts';
import type { LaneStep, Trial } from './lane-step.ts';
import { holdsLease, type Lease, leaseMs } from './lane-store.ts';
import type { LaneWork } from './lane-work.ts';
import {
  type Delivery,
  endsWait,
  explainOutcome,
  notifiedOutputs,
  type Push,
  type SendOutcome,
} from './notification.ts';
import { decideRetry, isThrottled, readSign, type RetryDecision } from './retry-policy.ts';

/**
 * What the attempt came to, as it is stored: undefined when the delivery was no longer ours, and nothing was changed. And the
 * next step, where that was found with it.
 */
type Made = { readonly change: DeliveryChange | undefined; readonly next?: LaneStep | undefined };

/** Makes one attempt: one HTTP request. */
export async function attemptDelivery(work: LaneWork, desk: LaneDesk, lease: Lease, trial: Trial): Promise<Made> {
  const { clock, gates, stopping, onRoom } = work;
  const { conversation, delivery } = trial;
  const { parent } = lease;
  if (stopping.aborted || !gates.begin(parent, conversation.id, clock.now())) return putBack(work, lease, delivery);
  const startedAt = clock.now();
  const outcome = await work.send(conversation, pushOf(trial));
  const durationMs = clock.now() - startedAt;
  const attempt = { via: 'push' as const, conversationId: conversation.id, startedAt, durationMs, outcome };
  logAttempt(work, delivery, durationMs, outcome);
  tellGate(work, lease, outcome);
  if (outcome.kind === 'delivered' && !hasEnd(trial)) {
    const { isSettled, next } = await patiently(work, lease, delivery, () => desk.settle({ lease, trial, attempt }));
    return { change: isSettled ? { state: 'delivered' } : undefined, next };
  }
  // The parent has answered: the next one need not wait until that is judged and stored.
  gates.leave(parent, conversation.id);
  onRoom();
  return settleJudged(work, lease, trial, attempt);
}

/** What an attempt teaches about the delivery and about its conversation. */
async function settleJudged(work: LaneWork, lease: Lease, trial: Trial, attempt: AttemptRecord): Promise<Made> {
  const { db, clock } = work;
  const { delivery } = trial;
  const decision = await patiently(work, lease, delivery, () => decide(work, lease, delivery, attempt.outcome));
  const settlement = {
    from: 'sending' as const,
    change: changeAfter(decision, clock.now(), trial, attempt.outcome),
    now: clock.now(),
    attempt,
  };
  const change = await patiently(work, lease, delivery, () => settleDelivery(db, lease, delivery, settlement));
  if (change) await applyToConversation(work, trial, change, decision);
  return { change };
}

/** The worker stops, or another one was quicker at the gate of the parent, after this one had been marked. */
async function putBack({ db, clock, gates }: LaneWork, lease: Lease, delivery: Delivery): Promise<Made> {
  gates.leave(lease.parent, lease.conversationId);
  const change = { state: 'pending' as const, runAt: delivery.runAt };
  return { change: await settleDelivery(db, lease, delivery, { from: 'sending', change, now: clock.now() }) };
}

/** Whether the end of an action is told with this, or after it. */
function hasEnd({ delivery, notification, wait }: Trial): boolean {
  return delivery.step === 'end' || (wait !== undefined && endsWait(notification, wait));
}

async function applyToConversation(
  { db }: LaneWork,
  { conversation, delivery, notification, wait }: Trial,
  change: DeliveryChange,
  decision: RetryDecision,
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

/**
 * The parent has been asked, and what it said must not be lost to a full disk: the attempt would be made again, and the
 * user told again. Tried until it is stored, another one has the lane, or the process stops.
 */
async function patiently<T>(work: LaneWork, lease: Lease, delivery: Delivery, store: () => Promise<T>): Promise<T> {
  const { db, clock, logger, stopping } = work;
  for (;;) {
    try {
      const stored = await store();
      lease.isSettling = false;
      return stored;
    } catch (error) {
      if (stopping.aborted) throw error;
      lease.isSettling = true;
      logger.error({ err: error, deliveryId: delivery.id }, 'the result of an attempt could not be stored');
      await clock.sleep(settleAgainMs, stopping);
      // Fails as well while nothing can be written; then the worker leases the lane anew for this work.
      await holdsLease(db, lease, clock.now() + leaseMs).catch(() => undefined);
    }
  }
}

/** Far below the length of a lease. */
const settleAgainMs = 1_000;

/** What the outcome shows of the parent. A circuit that opens or closes is told loudly: it concerns every conversation. */
export function tellGate({ gates, clock, logger, onParentBack }: LaneWork, lease: Lease, outcome: SendOutcome): void {
  if (outcome.kind === 'delivered') gates.noteTaken(lease.parent, clock.now());
  const sign = readSign(outcome, clock.now());
  if (!sign) return gates.abandon(lease.parent, lease.conversationId);
  const changed = gates.record(lease.parent, lease.conversationId, sign, clock.now());
  if (changed === 'opened' && sign.kind !== 'fine') {
    const probeAt = new Date(gates.trouble(lease.parent)?.probeAt ?? clock.now()).toISOString();
    logger.error(
      { parent: lease.parent, cause: sign.kind, detail: sign.words, probeAt },
      'parent left alone: nothing is lost, what is pending waits',
    );
  }
  if (changed === 'closed') {
    logger.warn({ parent: lease.parent }, 'parent takes pushes again');
    onParentBack(lease.parent);
  }
}

async function decide(work: LaneWork, lease: Lease, delivery: Delivery, outcome: SendOutcome): Promise<RetryDecision> {
  const { db, clock, gates } = work;
  if (outcome.kind === 'delivered') return { kind: 'delivered' };
  const now = clock.now();
  const before = await findFailures(db, delivery);
  const is401 = outcome.kind === 'refused' && outcome.status === 401;
  const isInternal = outcome.kind === 'notSent' && outcome.errorClass === 'internal';
  return decideRetry(outcome, {
    attempts: delivery.attempts - delivery.attemptsBefore + 1,
    internalFailures: before.internal + (isInternal ? 1 : 0),
    unauthorized: before.unauthorized + (is401 ? 1 : 0),
    othersAuthorized:
      before.lastUnauthorizedAt !== undefined && gates.takenAt(lease.parent) > before.lastUnauthorizedAt,
    throttled: before.throttled + (isThrottled(outcome, now) ? 1 : 0),
    isLeftAlone: gates.trouble(lease.parent) !== undefined,
    now,
    expiresAt: delivery.step === 'end' ? Number.MAX_SAFE_INTEGER : delivery.expiresAt,
    random: work.random(),
  });
}

function pushOf({ delivery, notification, wait }: Trial): Push {
  if (delivery.step === 'message' || !wait) {
    return { kind: 'message', notification, attempt: delivery.attempts + 1 };
  }
  const outputs = notifiedOutputs(notification, wait.subject);
  return { kind: 'endOfAction', code: 'completedSuccessfully', outputs, notificationId: notification.id };
}

function changeAfter(
  decision: RetryDecision,
  now: number,
  { delivery, notification, wait }: Trial,
  outcome: SendOutcome,
): DeliveryChange {
  const detail = explainOutcome(outcome);
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

function logAttempt(work: LaneWork, delivery: Delivery, durationMs: number, outcome: SendOutcome): void {
  work.logger.info(
    {
      notificationId: delivery.notificationId,
      deliveryId: delivery.id,
      conversationId: delivery.conversationId,
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
