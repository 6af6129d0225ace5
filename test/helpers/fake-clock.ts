// A clock that stands still until a test moves it.

import type { Clock } from '../../src/clock.ts';

export type FakeClock = Clock & {
  /** Moves time on and wakes whoever slept until then. */
  advance(ms: number): void;
};

/** Starts at the real time, so that tokens of libraries that only know the real clock are valid too. */
export function createFakeClock(startAt: number = Date.now()): FakeClock {
  let time = startAt;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    now: () => time,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const sleeper = {
          at: time + ms,
          wake: () => {
            sleepers.delete(sleeper);
            signal.removeEventListener('abort', sleeper.wake);
            resolve();
          },
        };
        if (ms <= 0 || signal.aborted) resolve();
        else {
          sleepers.add(sleeper);
          signal.addEventListener('abort', sleeper.wake, { once: true });
        }
      }),
    advance: (ms) => {
      time += ms;
      for (const sleeper of sleepers) if (sleeper.at <= time) sleeper.wake();
    },
  };
}
