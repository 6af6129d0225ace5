// Waits for something that another part of the system is about to do.

import { setTimeout as delay } from 'node:timers/promises';

/** Asks until `check` gives something other than undefined or false; rejects with `what` after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  const endsAt = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > endsAt) throw new Error(`did not happen within ${timeoutMs} ms: ${what}`);
    await delay(5);
  }
}
