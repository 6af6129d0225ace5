// subscribe and unsubscribe: the action ends at once; what comes later is given at the user's next turn.

import { z } from 'zod';
import { unsubscribe as endSubscriptions } from '../../conversations/subscription-store.ts';
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
  const count = await endSubscriptions(turn.services.db, turn.conversation, subject);
  await turn.giveHeld({});
  await turn.end({ status: 'unsubscribed', count });
}
