// One attempt of one delivery: marked before, sent, judged and recorded after.

import type { Conversation, Wait } from '../conversations/conversation.ts';
import { findFailures } from './attempt-store.ts';
import { beginAttempt, type DeliveryChange, settleDelivery, type Settlement } from './delivery-store.ts';
import { holdsLease, type Lease, leaseMs } from './lane-store.ts';
import type { LaneWork } from './lane-work.ts';
import {
  type Delivery,
  endsWait,
  explainOutcome,
  type Notification,
  notifiedOutputs,
  type Push,
  type SendOutcome,
} from './notification.ts';
import { decideRetry, isThrottled, readSign, type RetryDecision } from './retry-policy.ts';

/** What is attempted. */
export type Trial = {
  readonly conversation: Conversation;
  readonly delivery: Delivery;
  readonly notification: Notification;
  readonly wait: Wait | undefined;
};

/** What the attempt came to, as it is stored. */
export type Judged = { readonly change: DeliveryChange; readonly decision: RetryDecision };

/**
 * Makes one attempt: one HTTP request, if the parent may be sent to now. Undefined when it was not made, or the lease was
 * lost meanwhile: then nothing has been changed, and the lane has nothing more to do under this lease.
 */
export async function attemptDelivery(work: LaneWork, lease: Lease, trial: Trial): Promise<Judged | undefined> {
  const { db, clock, gates } = work;
  const { conversation, delivery } = trial;
  if (!gates.begin(lease.parent, conversation.id, clock.now())) return undefined;
  if (!(await beginAttempt(db, lease, delivery, clock.now()))) return undefined;
  const startedAt = clock.now();
  const outcome = await work.send(conversation, pushOf(trial));
  const attempt = {
    via: 'push' as const,
    conversationId: conversation.id,
    startedAt,
    durationMs: clock.now() - startedAt,
    outcome,
  };
  logAttempt(work, delivery, attempt.durationMs, outcome);
  tellGate(work, lease, outcome);
  const decision = await decide(work, lease, delivery, outcome);
  const change = changeAfter(decision, clock.now(), trial, outcome);
  const stored = await settlePatiently(work, lease, delivery, { from: 'sending', change, now: clock.now(), attempt });
  return stored && { change: stored, decision };
}

/**
 * The parent has been asked, and what it said must not be lost to a full disk: the attempt would be made again, and the
 * user told again. Tried until it is stored, another one has the lane, or the process stops.
 */
async function settlePatiently(
  work: LaneWork,
  lease: Lease,
  delivery: Delivery,
  settlement: Settlement,
): Promise<DeliveryChange | undefined> {
  const { db, clock, logger, stopping } = work;
  for (;;) {
    try {
      const stored = await settleDelivery(db, lease, delivery, settlement);
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
