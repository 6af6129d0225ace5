// waitForNotification and chatUntilNotified: the action stays open until something comes for its subject, the deadline
// passes, or the user says that he no longer wants to wait.

import { v4 as createId } from 'uuid';
import { z } from 'zod';
import { endWait, findWait, subscribe } from '../../conversations/subscription-store.ts';
import { notifiedOutputs, waitOutputs } from '../../notifications/notification.ts';
import type { SkillTurn } from '../skill-turn.ts';
import { isCancelWord } from '../texts.ts';
import { minutesInput, parseInputs, subjectInput } from './inputs.ts';

const inputs = z.object({ subject: subjectInput, timeoutMinutes: minutesInput });
/** Names of the inputs of a wait. */
export const waitInputs: ReadonlySet<string> = new Set(Object.keys(inputs.shape));
const pollInTurnMs = 250;
const minuteMs = 60_000;

/** Runs `action`, one of those that wait. */
export async function waitForNotification(turn: SkillTurn, action: string): Promise<void> {
  const { subject, timeoutMinutes } = parseInputs(inputs, turn.context.activity.value);
  const earlier = await findWait(turn.services.db, turn.conversation.id);
  if (earlier) await endWait(turn.services.db, earlier, 'The parent has called the action anew.');
  await turn.giveHeld({ exceptSubject: subject });
  if (await giveResult(turn, subject)) return;
  if (turn.repliesInAnswer) await waitInTurn(turn, subject);
  else await keepOpen(turn, { action, subject, timeoutMinutes });
}

/** A user message while an action is open: never left without an answer. */
export async function answerWhileWaiting(turn: SkillTurn): Promise<boolean> {
  const wait = await findWait(turn.services.db, turn.conversation.id);
  if (!wait) return false;
  turn.action = wait.action;
  await turn.giveHeld({ exceptSubject: wait.subject });
  if (isCancelWord(turn.context.activity.text ?? '')) {
    await endWait(turn.services.db, wait, 'The user has cancelled: no action is open.');
    await turn.end(waitOutputs('cancelled', wait.subject));
    return true;
  }
  const minutes = Math.max(1, Math.ceil((wait.deadlineAt - turn.services.clock.now()) / minuteMs));
  await turn.say(turn.texts.stillWaiting(wait.subject, minutes));
  return true;
}

/** Gives the oldest notification of the subject, and ends the action with it. False when there is none. */
async function giveResult(turn: SkillTurn, subject: string): Promise<boolean> {
  const [item] = await turn.take({ subject, limit: 1 });
  if (!item || !(await turn.give(item))) return false;
  await turn.end(notifiedOutputs(item.notification, subject), 'completedSuccessfully', item.notification.id);
  return true;
}

/** Nothing can be pushed later: wait as long as the parent waits for its answer, then say so honestly. */
async function waitInTurn(turn: SkillTurn, subject: string): Promise<void> {
  const { clock, db, waitInTurnMs } = turn.services;
  // Left behind on purpose: what comes later is then held for this user instead of for whoever asks first.
  await subscribe(db, { conversationId: turn.conversation.id, subject, once: true, createdAt: clock.now() });
  const endsAt = clock.now() + waitInTurnMs;
  const never = new AbortController().signal;
  while (clock.now() < endsAt) {
    await clock.sleep(Math.min(pollInTurnMs, endsAt - clock.now()), never);
    if (await giveResult(turn, subject)) return;
  }
  await turn.end(waitOutputs('pushUnavailable', subject, turn.texts.noLaterMessage));
}

async function keepOpen(
  turn: SkillTurn,
  wanted: { readonly action: string; readonly subject: string; readonly timeoutMinutes: number | undefined },
): Promise<void> {
  const { action, subject, timeoutMinutes } = wanted;
  const { clock, waitMaxMinutes, openWait } = turn.services;
  // An event action that gets no reply at all blocks its topic (CopilotStudioSamples skill-handoff, CopilotStudioAgent.cs).
  await turn.say(turn.texts.willTell(subject));
  const now = clock.now();
  const isOpen = await openWait({
    conversationId: turn.conversation.id,
    id: createId(),
    action,
    subject,
    openedAt: now,
    deadlineAt: now + Math.min(timeoutMinutes ?? waitMaxMinutes, waitMaxMinutes) * minuteMs,
    attempts: 0,
  });
  if (!isOpen) await turn.end(waitOutputs('cancelled', subject));
}
