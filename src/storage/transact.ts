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
  #stored = Promise.resolve();

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
      const group = await runGroup(this.#db, this.#waiting).catch((error: unknown) => this.#failAll(error));
      // One is being stored while the next is made: with more of them each would be small.
      const before = this.#stored;
      this.#stored = group.stored;
      await before;
    }
    this.#isRunning = false;
  }

  /** No transaction can be begun. */
  #failAll(reason: unknown): { readonly stored: Promise<void> } {
    for (const job of this.#waiting.splice(0)) job.end({ error: reason });
    return { stored: Promise.resolve() };
  }
}

/** Runs some of `waiting`, from the front, in one transaction. `stored`: each of them has been told its outcome. */
async function runGroup(db: Database, waiting: Job[]): Promise<{ readonly stored: Promise<void> }> {
  const trx = await db.startTransaction().execute();
  const taken: Job[] = [];
  const fail = async (reason: unknown): Promise<void> => {
    // A full disk makes SQLite roll back by itself (sqlite.org/lang_transaction.html): this one may then fail.
    await trx
      .rollback()
      .execute()
      .catch(() => undefined);
    for (const job of taken) job.end({ error: reason });
  };
  try {
    const outcomes = await runJobs(trx, waiting, taken);
    const tell = (): void => {
      for (const [index, job] of taken.entries())
        job.end(outcomes[index] ?? { error: new Error('transaction was lost') });
    };
    return { stored: trx.commit().execute().then(tell, fail) };
  } catch (error) {
    await fail(error);
    return { stored: Promise.resolve() };
  }
}

async function runJobs(trx: Database, waiting: Job[], taken: Job[]): Promise<Outcome[]> {
  const take = (): Job | undefined => {
    const job = waiting.shift();
    if (job) taken.push(job);
    return job;
  };
  // Nobody else's work is undone with it.
  if (waiting.length === 1) return [{ value: await take()?.work(trx) }];
  const endsAt = performance.now() + longestGroupMs;
  const outcomes: Outcome[] = [];
  while (outcomes.length < mostPerCommit && performance.now() < endsAt) {
    const job = take();
    if (!job) break;
    outcomes.push(await runGuarded(trx, job.work));
  }
  return outcomes;
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
