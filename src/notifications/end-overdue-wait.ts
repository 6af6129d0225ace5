// A wait whose deadline has passed.

import type { Addressee, Wait } from '../conversations/conversation.ts';
import { endWait, postponeWait } from '../conversations/subscription-store.ts';
import { tellGate } from './attempt-delivery.ts';
import type { Lease } from './lane-store.ts';
import type { LaneWork } from './lane-work.ts';
import { waitOutputs } from './notification.ts';
import { decideRetry, isThrottled } from './retry-policy.ts';

/** Attempts to tell a parent that a wait is over, by the usual schedule: about an hour, which no action outlives. */
const mostTimeoutAttempts = 7;

/** Tells the parent that nothing came in time, so that its topic goes on. */
export async function endOverdueWait(work: LaneWork, lease: Lease, conversation: Addressee, wait: Wait): Promise<void> {
  const { db, clock, gates } = work;
  if (!gates.begin(lease.parent, conversation.id, clock.now())) return;
  gates.enter(lease.parent, conversation.id);
  const outcome = await work.send(conversation, {
    kind: 'endOfAction',
    code: 'completedSuccessfully',
    outputs: waitOutputs('timeout', wait.subject),
    notificationId: undefined,
  });
  tellGate(work, lease, outcome);
  gates.leave(lease.parent, conversation.id);
  const decision = decideRetry(outcome, {
    attempts: wait.attempts + 1,
    internalFailures: 0,
    unauthorized: 0,
    othersAuthorized: false,
    // As if it had asked often already: the few attempts are spread over the schedule, whatever it asks.
    throttled: isThrottled(outcome, clock.now()) ? wait.attempts + 6 : 0,
    isLeftAlone: false,
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
