// The time of the database, where several replicas share one: leases and due times must not hang on whose clock is wrong.

import { performance } from 'node:perf_hooks';
import { sql } from 'kysely';
import type { Clock } from '../clock.ts';
import type { Database } from './database.ts';

const askAgainMs = 30_000;

/** Epoch ms on PostgreSQL, as they are when the statement comes to it. */
export const databaseNow = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

export type DatabaseClock = Clock & { stop(): void };

/**
 * A clock that goes with the database's: asked for at first and every 30 s, and carried on by the monotonic clock of this
 * process, which no change of the wall clock moves. Right to half of a round trip. While the database is away it goes on.
 */
export async function createDatabaseClock(db: Database, sleep: Clock['sleep']): Promise<DatabaseClock> {
  let ahead = await measure(db);
  const timer = setInterval(() => {
    void measure(db).then(
      (measured) => (ahead = measured),
      () => undefined,
    );
  }, askAgainMs);
  timer.unref();
  return {
    now: () => Math.round(performance.now() + ahead),
    sleep,
    stop: () => clearInterval(timer),
  };
}

/** By how many ms the database's clock is ahead of the monotonic one of this process. */
async function measure(db: Database): Promise<number> {
  const askedAt = performance.now();
  const now = await askTime(db);
  const answeredAt = performance.now();
  return now - (askedAt + answeredAt) / 2;
}

/** What PostgreSQL's clock says, in epoch ms with fractions. */
export async function askTime(db: Database): Promise<number> {
  const { rows } = await sql<{ now: number }>`
    select (extract(epoch from clock_timestamp()) * 1000)::double precision as now`.execute(db);
  return rows[0]?.now ?? Number.NaN;
}
