// What is stored about one person: shown, or erased.

import type { Target } from '../service-client.ts';
import { callService } from './notify.ts';

export type PeopleArguments = { readonly yes?: boolean | undefined };

const usage = `Give one of:
  people export ID
  people erase ID --yes
ID is the user's Entra object id, or channel:id as the list of conversations shows it.
`;

/** There may be very much about one person. */
const withinMs = 15 * 60_000;

/** Does what the words say. Returns the exit code: 0 done, 1 refused, 2 wrong arguments. */
export async function managePeople(
  target: Target,
  words: readonly string[],
  given: PeopleArguments,
  write: (text: string) => void,
): Promise<number> {
  const [action, id] = words;
  const path = id === undefined || words.length > 2 ? undefined : `/api/users/${encodeURIComponent(id)}`;
  if (action === 'export' && path !== undefined) return callService(target, path, write, { isStream: true, withinMs });
  if (action === 'erase' && path !== undefined) {
    if (given.yes === true) return callService(target, path, write, { method: 'DELETE', withinMs });
    write('This cannot be undone: give --yes as well.\n');
    return 2;
  }
  write(usage);
  return 2;
}
