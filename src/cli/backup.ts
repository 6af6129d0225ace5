// A backup of a running service: it makes the file itself, in its own DATA_DIR.

import type { Target } from '../service-client.ts';
import { callService } from './notify.ts';

/** A large file takes its time. */
const withinMs = 60 * 60_000;

/** Has a backup made, and writes where it is. Returns the exit code: 0 made, 1 refused, 2 wrong arguments. */
export async function backUp(target: Target, words: readonly string[], write: (text: string) => void): Promise<number> {
  const [name] = words;
  if (words.length > 1) {
    write('Give at most the name that the backup is to have, without a folder.\n');
    return 2;
  }
  return callService(target, '/api/backup', write, { body: JSON.stringify({ name }), withinMs });
}
