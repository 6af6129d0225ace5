// What an operator does with deliveries that went nowhere: try them again, or throw them away.

import { isNotDelivered } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import type { DeliveryRow } from '../storage/schema.ts';
import { isPostgres, lockRows } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';
import { type DeliveryFilter, filterDeliveries } from './delivery-view.ts';
import { lockLanes } from './lane-store.ts';
import { wakeLanes } from './wake-lanes.ts';

type Replay = {
  readonly now: number;
  /** What is nearly or wholly expired lives this much longer, in ms. */
  readonly lifeMs: number;
};

/** Bounds one transaction; a call works through as many as it takes. */
const rowsPerChunk = 500;

/**
 * Makes dead or held deliveries pending again, at the end of their conversation's queue, with the whole
 * schedule before them. They keep their ids and their attempts. Returns how many.
 */
export function retryDeliveries(db: Database, filter: DeliveryFilter, replay: Replay): Promise<number> {
  return forEachChunk(db, filter, ['dead', 'held'], async (trx, rows) => {
    // Out and in again: the place in the queue is given at the insert.
    await deleteRows(trx, rows);
    await trx
      .insertInto('deliveries')
      .values(rows.map((row) => renew(row, replay)))
      .execute();
    await wakeLanes(trx, [...new Set(rows.map((row) => row.conversation_id))], replay.now);
    return rows.length;
  });
}

/** Forgets dead and cancelled deliveries with their attempts. Returns how many. */
export function purgeDeliveries(db: Database, filter: DeliveryFilter): Promise<number> {
  return forEachChunk(db, filter, ['dead', 'cancelled'], async (trx, rows) => {
    await deleteRows(trx, rows);
    await trx
      .deleteFrom('attempts')
      .where(
        'delivery_id',
        'in',
        rows.map((row) => row.id),
      )
      .execute();
    return rows.length;
  });
}

async function forEachChunk(
  db: Database,
  filter: DeliveryFilter,
  states: readonly string[],
  change: (trx: Database, rows: readonly DeliveryRow[]) => Promise<number>,
): Promise<number> {
  let last = 0;
  let count = 0;
  // What is put at the end of the queue must not be come upon again.
  const end = await findLastSeq(db);
  for (;;) {
    const rows = await transact(db, async (trx) => {
      const wanted = filterDeliveries(trx, filter).where(isNotDelivered).where('state', 'in', states);
      const chunk = await wanted
        .where('seq', '>', last)
        .where('seq', '<=', end)
        .orderBy('seq')
        .limit(rowsPerChunk)
        .execute();
      const locked = chunk.length > 0 ? await lockChunk(trx, wanted, chunk) : [];
      count += locked.length > 0 ? await change(trx, locked) : 0;
      return chunk;
    });
    last = rows.at(-1)?.seq ?? end;
    if (rows.length < rowsPerChunk) return count;
  }
}

/** Those of the chunk that are still wanted once nobody else can change them. */
async function lockChunk(
  trx: Database,
  wanted: ReturnType<typeof filterDeliveries>,
  chunk: readonly DeliveryRow[],
): Promise<readonly DeliveryRow[]> {
  if (!isPostgres(trx)) return chunk;
  await lockLanes(trx, [...new Set(chunk.map((row) => row.conversation_id))]);
  const seqs = chunk.map((row) => row.seq);
  return lockRows(trx, wanted.where('seq', 'in', seqs).orderBy('seq')).execute();
}

async function findLastSeq(db: Database): Promise<number> {
  const row = await db.selectFrom('deliveries').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst();
  return row?.seq ?? 0;
}

async function deleteRows(trx: Database, rows: readonly DeliveryRow[]): Promise<void> {
  await trx
    .deleteFrom('deliveries')
    .where(
      'id',
      'in',
      rows.map((row) => row.id),
    )
    .execute();
}

function renew({ seq: _seq, ...row }: DeliveryRow, { now, lifeMs }: Replay) {
  return {
    ...row,
    state: 'pending',
    open: 1,
    forced: 1,
    attempts_before: row.attempts,
    interruptions: 0,
    reason: null,
    reason_text: null,
    settled_at: null,
    send_at: Math.min(row.send_at, now),
    run_at: now,
    expires_at: Math.max(row.expires_at, now + lifeMs),
  };
}
