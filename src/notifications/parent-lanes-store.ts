// The lanes of one parent, and the parents that have any: workers take lanes parent by parent.

import { sql } from 'kysely';
import { isOpen } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { prepared } from '../storage/prepared.ts';
import { transact } from '../storage/transact.ts';
import { wakeLanes } from './wake-lanes.ts';

/** Lanes that one chunk brings forward. */
const lanesPerChunk = 500;

/**
 * Brings a chunk of this parent's lanes forward that wait for the next attempt of a delivery: those that are due after
 * `after`, the earliest first. Gives where to go on, or undefined at the end.
 */
export function hastenParent(
  db: Database,
  parent: string,
  { after, now }: { readonly after: number; readonly now: number },
): Promise<number | undefined> {
  return transact(db, async (trx) => {
    const lanes = await trx
      .selectFrom('lanes')
      .select(['conversation_id', 'run_at'])
      .where('parent', '=', parent)
      .where('run_at', '>', after)
      .orderBy('run_at')
      .limit(lanesPerChunk)
      .execute();
    const ids = lanes.map((lane) => lane.conversation_id);
    if (ids.length === 0) return undefined;
    const rows = await trx
      .updateTable('deliveries')
      .set({ run_at: now })
      .where('conversation_id', 'in', ids)
      .where(isOpen)
      .where('state', '=', 'pending')
      .where('send_at', '<=', now)
      .where('run_at', '>', now)
      .returning('conversation_id')
      .execute();
    await wakeLanes(trx, [...new Set(rows.map((row) => row.conversation_id))], now);
    return ids.length < lanesPerChunk ? undefined : lanes.at(-1)?.run_at;
  });
}

export type DueParent = { readonly parent: string; readonly runAt: number };

/** Each parent with open lanes, and when its earliest one wants a worker. Costs two index look-ups a parent. */
export async function listDueParents(db: Database): Promise<DueParent[]> {
  const { rows } = await walkParents(db, {});
  return rows.map((row) => ({ parent: row.parent, runAt: row.run_at }));
}

const walkParents = prepared((db) =>
  // From one to the next: `distinct` and `group by` would read every lane.
  sql<{ parent: string; run_at: number }>`
    with recursive found (parent) as (
      select min(parent) from lanes
      union all
      select (select min(lanes.parent) from lanes where lanes.parent > found.parent)
      from found where found.parent is not null
    )
    select found.parent, (select min(lanes.run_at) from lanes where lanes.parent = found.parent) as run_at
    from found where found.parent is not null`.compile(db),
);
