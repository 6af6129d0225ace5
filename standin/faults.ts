// Answers that a test wants given to the next callbacks instead of handling them.

import type { FaultAnswer } from './types.ts';

export type FaultQueue = {
  /** The next `times` (default 1) callbacks get this answer. */
  answerNext(answer: FaultAnswer, times?: number): void;
  take(): FaultAnswer | undefined;
  clear(): void;
};

/** An empty queue. */
export function createFaultQueue(): FaultQueue {
  let queue: FaultAnswer[] = [];
  return {
    answerNext(answer, times = 1) {
      queue.push(...Array.from({ length: times }, () => answer));
    },
    take: () => queue.shift(),
    clear() {
      queue = [];
    },
  };
}
