// Who counts on the write-ahead log of SQLite, one at a time: a backup, for which nothing of it may go into the file, and
// a scrub, after which nothing may be left in it.

import type { Database } from './database.ts';

const lastTurns = new WeakMap<Database, Promise<unknown>>();

/** Runs `work` when those that were asked for before it are over. */
export function inTurn<T>(db: Database, work: () => Promise<T>): Promise<T> {
  const turn = (lastTurns.get(db) ?? Promise.resolve()).then(work);
  lastTurns.set(
    db,
    turn.catch(() => undefined),
  );
  return turn;
}
