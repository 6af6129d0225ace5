// Transactions that share their commit. A commit costs a sync of the disk whatever is in it, so transactions that are
// asked for together are run one after another inside one.

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { CompiledQuery } from 'kysely';
import type { Database } from './database.ts';
import { isPostgres } from './locks.ts';

type Work<T> = (trx: Database) => Promise<T>;
type Job = { readonly work: Work<unknown>; readonly end: (outcome: Outcome) => void };
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Bounds what a failing disk takes down together. */
const mostPerCommit = 64;
/** Bounds how long one commit keeps the event loop; the work that is begun by then is done. */
const longestGroupMs = 20;

const groups = new WeakMap<Database, CommitGroup>();

/**
 * Runs `work` in a transaction and resolves once its commit is on disk. Rejects with what `work` threw, and then nothing
 * of it is kept; or with the storage's error, and then nothing of any of those that shared the commit is. `work` runs
 * alone, as if there were no other, and must wait for nothing but the database. Inside a transaction it joins that one.
 */
export function transact<T>(db: Database, work: Work<T>): Promise<T> {
  if (db.isTransaction) return work(db);
  if (isPostgres(db)) return runAgainWhenRefused(db, work);
  let group = groups.get(db);
  if (!group) {
    group = new CommitGroup(db);
    groups.set(db, group);
  }
  return group.run(work);
}

/** Runs `work`, which only reads, and shows it the database as it is at one moment. */
export function readTogether<T>(db: Database, work: Work<T>): Promise<T> {
  if (db.isTransaction || !isPostgres(db)) return transact(db, work);
  return db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(work);
}

/** PostgreSQL syncs the commits of several connections together by itself. */
async function runAgainWhenRefused<T>(db: Database, work: Work<T>): Promise<T> {
  for (let run = 1; ; run += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (run === mostRuns || !isRefused(error)) throw error;
      // Whoever it was that we waited for and that waited for us, has its turn.
      await sleep(Math.random() * 20 * run);
    }
  }
}

const mostRuns = 5;

/**
 * A deadlock, or a conversation that was erased, or came to be needed, in the middle of it (foreign key): nothing was done,
 * and the same work finds now what it did not find before.
 */
function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '40P01' || error.code === '23503');
}

class CommitGroup {
  readonly #db: Database;
  readonly #waiting: Job[] = [];
  #isRunning = false;

  constructor(db: Database) {
    this.#db = db;
  }

  run<T>(work: Work<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = (outcome: Outcome): void => {
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.value as T);
      };
      this.#waiting.push({ work, end });
      if (!this.#isRunning) void this.#runAll();
    });
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      // SQLite's calls are synchronous: without this turn of the event loop, what has arrived on other sockets could
      // never join, and every commit would be of one.
      await nextTurn();
      await commitTogether(this.#db, this.#waiting);
    }
    this.#isRunning = false;
  }
}

/** Takes what it does from the front of `waiting`. */
async function commitTogether(db: Database, waiting: Job[]): Promise<void> {
  const taken: Job[] = [];
  const take = (): Job | undefined => {
    const job = waiting.shift();
    if (job) taken.push(job);
    return job;
  };
  try {
    const outcomes = waiting.length === 1 ? [await runAlone(db, take()?.work)] : await runAll(db, take);
    for (const [index, job] of taken.entries())
      job.end(outcomes[index] ?? { error: new Error('transaction was lost') });
  } catch (error) {
    for (const job of taken) job.end({ error });
  }
}

async function runAlone(db: Database, work: Work<unknown> | undefined): Promise<Outcome> {
  return { value: await db.transaction().execute(async (trx) => work?.(trx)) };
}

async function runAll(db: Database, take: () => Job | undefined): Promise<Outcome[]> {
  const trx = await db.startTransaction().execute();
  const endsAt = performance.now() + longestGroupMs;
  try {
    const outcomes: Outcome[] = [];
    while (outcomes.length < mostPerCommit && performance.now() < endsAt) {
      const job = take();
      if (!job) break;
      outcomes.push(await runGuarded(trx, job.work));
    }
    await trx.commit().execute();
    return outcomes;
  } catch (error) {
    // A full disk makes SQLite roll back by itself (sqlite.org/lang_transaction.html): this one may then fail.
    await trx
      .rollback()
      .execute()
      .catch(() => undefined);
    throw error;
  }
}

// Compiled once: Kysely's own savepoints build and compile each anew, with a transaction object around it.
const savepoint = CompiledQuery.raw('savepoint job');
const release = CompiledQuery.raw('release savepoint job');
const rollbackToSavepoint = CompiledQuery.raw('rollback to savepoint job');

/** One job among others: when it throws, only what it did is undone. */
async function runGuarded(trx: Database, work: Work<unknown>): Promise<Outcome> {
  await trx.executeQuery(savepoint);
  try {
    const value = await work(trx);
    await trx.executeQuery(release);
    return { value };
  } catch (error) {
    // Throws when the whole transaction is gone already, and then all of its jobs have failed.
    await trx.executeQuery(rollbackToSavepoint).catch(() => {
      throw error;
    });
    return { error };
  }
}
