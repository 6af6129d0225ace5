// subscribe and unsubscribe: the action ends at once; what comes later is given at the user's next turn.

import { z } from 'zod';
import { endWait, findWait, unsubscribe as endSubscriptions } from '../../conversations/subscription-store.ts';
import type { SkillTurn } from '../skill-turn.ts';
import { parseInputs, subjectInput } from './inputs.ts';

const inputs = z.object({ subject: subjectInput });

export async function subscribe(turn: SkillTurn): Promise<void> {
  const { subject } = parseInputs(inputs, turn.context.activity.value);
  await turn.services.follow(turn.conversation.id, subject);
  // What was held before, then what came early for this subject.
  await turn.giveHeld({ exceptSubject: subject });
  await turn.giveHeld({ subject });
  await turn.end({ status: turn.repliesInAnswer ? 'pushUnavailable' : 'subscribed', subject });
}

export async function unsubscribe(turn: SkillTurn): Promise<void> {
  const { subject } = parseInputs(inputs, turn.context.activity.value);
  const { db } = turn.services;
  // The topic by which a user leaves a wait calls this: its parent may never tell that the action is over.
  const wait = await findWait(db, turn.conversation.id);
  const leaves = wait !== undefined && (subject === '*' || subject === wait.subject);
  if (leaves) await endWait(db, wait, 'The user has stopped following: no action is open.');
  const count = (await endSubscriptions(db, turn.conversation, subject)) + (leaves ? 1 : 0);
  await turn.giveHeld({});
  await turn.end({ status: 'unsubscribed', count });
}
