// Counts of requests that all replicas share: whoever counts takes some of them at once, so that few requests cost a
// statement.

import { sql } from 'kysely';
import type { Database } from './database.ts';
import { databaseNow } from './database-clock.ts';

/** How many of those asked for were left, and when the count begins anew. */
type Taken = { readonly count: number; readonly msLeft: number };

/** Takes up to `count` of the `most` that `key` has in `windowMs`. */
export type TakeRequests = (key: string, count: number, most: number, windowMs: number) => Promise<Taken>;

/** For PostgreSQL alone. */
export function createTakeRequests(db: Database): TakeRequests {
  return async (key, count, most, windowMs) => {
    // What is taken beyond `most` is not given, and needs no bound: nobody asks again before the count begins anew.
    const { rows } = await sql<{ taken: number; ms_left: number }>`
      insert into request_counts as counts (key, taken, ends_at) values (${key}, ${count}, ${databaseNow} + ${windowMs})
      on conflict (key) do update set
        taken = excluded.taken + case when counts.ends_at <= ${databaseNow} then 0 else counts.taken end,
        ends_at = case when counts.ends_at <= ${databaseNow} then excluded.ends_at else counts.ends_at end
      returning taken, ends_at - ${databaseNow} as ms_left`.execute(db);
    const { taken = 0, ms_left: msLeft = 0 } = rows[0] ?? {};
    return { count: Math.max(0, Math.min(count, most - (taken - count))), msLeft };
  };
}

/** Forgets counts that are over. */
export async function forgetRequestCounts(db: Database): Promise<void> {
  await sql`delete from request_counts where ends_at <= ${databaseNow}`.execute(db);
}
