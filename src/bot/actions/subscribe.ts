// subscribe and unsubscribe: the action ends at once; what comes later is given at the user's next turn.

import { z } from 'zod';
import {
  subscribe as addSubscription,
  unsubscribe as endSubscriptions,
} from '../../conversations/subscription-store.ts';
import { mostGivenInTurn, type SkillTurn } from '../skill-turn.ts';
import { giveHeld } from './give-held.ts';
import { parseInputs, subjectInput } from './inputs.ts';

const inputs = z.object({ subject: subjectInput });

export async function subscribe(turn: SkillTurn): Promise<void> {
  const { subject } = parseInputs(inputs, turn.context.activity.value);
  const { db, clock } = turn.services;
  await addSubscription(db, { conversationId: turn.conversation.id, subject, once: false, createdAt: clock.now() });
  await giveHeld(turn, subject);
  for (const item of await turn.take({ subject, limit: mostGivenInTurn })) await turn.give(item);
  await turn.end({ status: turn.repliesInAnswer ? 'pushUnavailable' : 'subscribed', subject });
}

export async function unsubscribe(turn: SkillTurn): Promise<void> {
  const { subject } = parseInputs(inputs, turn.context.activity.value);
  const count = await endSubscriptions(turn.services.db, turn.conversation, subject);
  await giveHeld(turn);
  await turn.end({ status: 'unsubscribed', count });
}
