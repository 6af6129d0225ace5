// What goes on in the background of a battery until it is over.

import { onTestFinished } from 'vitest';

/** Does `step` again and again, one after the other, until `stop`, which waits for the last. */
export function repeat(step: () => Promise<void>): { stop(): Promise<void> } {
  const stopping = new AbortController();
  // Also where the test has failed.
  onTestFinished(() => stopping.abort());
  const work = (async () => {
    while (!stopping.signal.aborted) await step();
  })();
  return {
    stop: async () => {
      stopping.abort();
      await work;
    },
  };
}
