// What is asked for at the same time and done at once: a statement for all of them costs little more than for one.

import { AppError } from '../errors.ts';
import type { Database } from './database.ts';
import { isPostgres } from './locks.ts';
import { transact } from './transact.ts';

/** What work throws that can be told the outcome of one, and not of several: each of them is then done alone. */
export class OneByOne extends Error {}

type Waiting<I, O> = {
  readonly item: I;
  readonly resolve: (outcome: O) => void;
  readonly reject: (error: unknown) => void;
};

/** Bounds how long one of them keeps the event loop, and what a failure makes to be done again. */
const mostTogether = 128;
/** PostgreSQL does several at once; while these are on their way, the next ones gather. */
const mostRunning = 2;

/**
 * Hands `work` what has gathered, in a transaction, and expects as many outcomes in the same order. When it throws, each of
 * them is done once more in a transaction of its own, so that no fault of one is that of another; but not where the storage
 * has failed: whether something is stored may be unknown then, and must not be done twice. `work` may be run again after a
 * run that was undone.
 */
export function together<I, O>(
  db: Database,
  work: (trx: Database, items: readonly I[]) => Promise<readonly O[]>,
): (item: I) => Promise<O> {
  const waiting: Waiting<I, O>[] = [];
  let running = 0;
  const isFull = (): boolean => running >= (isPostgres(db) ? mostRunning : 1);

  const runSome = async (): Promise<void> => {
    let taken: Waiting<I, O>[] = [];
    try {
      const outcomes = await transact(db, async (trx) => {
        // On SQLite the transactions before this one have let more of them gather.
        if (taken.length === 0) taken = waiting.splice(0, mostTogether);
        return work(
          trx,
          taken.map(({ item }) => item),
        );
      });
      for (const [index, { resolve }] of taken.entries()) resolve(outcomes[index] as O);
    } catch (error) {
      // No transaction could be begun: whoever waits is told, or it would be tried again without end.
      if (taken.length === 0) taken = waiting.splice(0);
      if (taken.length === 1 || isUnavailable(error)) for (const { reject } of taken) reject(error);
      else await Promise.all(taken.map(runAlone));
    }
  };
  const runAlone = async ({ item, resolve, reject }: Waiting<I, O>): Promise<void> => {
    try {
      const [outcome] = await transact(db, (trx) => work(trx, [item]));
      resolve(outcome as O);
    } catch (error) {
      reject(error);
    }
  };
  const runAll = async (): Promise<void> => {
    running += 1;
    while (waiting.length > 0) await runSome();
    running -= 1;
  };

  return (item) =>
    new Promise<O>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!isFull()) void runAll();
    });
}

function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === 'unavailable';
}
