// What could not be pushed before is given at the user's next turn, whatever that turn is about.

import { mostGivenInTurn, type SkillTurn } from '../skill-turn.ts';

/**
 * Gives what is held for the user as messages, oldest first. What was sent to `exceptSubject` is left: the action of
 * this turn wants it as its result. Returns how many were given.
 */
export async function giveHeld(turn: SkillTurn, exceptSubject?: string): Promise<number> {
  const items = await turn.take({ exceptSubject, limit: mostGivenInTurn });
  for (const item of items) await turn.give(item);
  return items.length;
}
