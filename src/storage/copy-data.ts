// Copies all data from SQLite to PostgreSQL in one transaction: at every moment the target holds nothing of it, or all.
// What was copied is read back and compared before the commit.

import { sql } from 'kysely';
import { askTime } from './database-clock.ts';
import type { Database } from './database.ts';
import { type TableName, tableNames } from './table-keys.ts';
import { readPages, type Row, sumTable, TableSummer } from './table-pages.ts';
import { requireNoNul } from './nul-check.ts';

/** One table on both sides, once it is copied. */
export type TableComparison = {
  readonly table: TableName;
  readonly sourceRows: number;
  readonly targetRows: number;
  /** Every value of every row is the same. */
  readonly isEqual: boolean;
};

type CopyOptions = {
  readonly onTable: (comparison: TableComparison) => void;
  /** What is still to be done before the commit. `now` is the target's time. */
  readonly finish: (trx: Database, now: number) => Promise<void>;
};

/** The answer to the commit did not come: the target holds all, or nothing. After any other error it holds nothing. */
export class CommitLost extends Error {
  override readonly name = 'CommitLost';
}

/**
 * Copies every table, in flat memory. Rejects with words for an operator when the target is not empty, somebody uses it, or
 * it holds other rows in the end than the source: then nothing is stored. A process that is killed in the middle leaves
 * nothing either.
 */
export async function copyData(source: Database, target: Database, options: CopyOptions): Promise<void> {
  await requireNoNul(source);
  let isWhole = false;
  try {
    await target.transaction().execute(async (trx) => {
      await lockTables(trx);
      await requireEmpty(trx);
      await copyTables(source, trx, options.onTable);
      await continueSequence(trx);
      await options.finish(trx, Math.round(await askTime(trx)));
      isWhole = true;
    });
  } catch (error) {
    if (!isWhole) throw error;
    throw new CommitLost('DATABASE_URL: the answer to the commit did not come', { cause: error });
  }
  await refreshStatistics(target);
}

async function copyTables(source: Database, trx: Database, onTable: CopyOptions['onTable']): Promise<void> {
  for (const table of tableNames) {
    const comparison = await copyTable(source, trx, table);
    onTable(comparison);
    if (!comparison.isEqual) throw new Error(`DATABASE_URL: what was written to ${table} is not what is read back`);
  }
}

/** Without them the first statements of the service would read whole tables, until autovacuum has come by. */
async function refreshStatistics(target: Database): Promise<void> {
  const tables = sql.join(tableNames.map((table) => sql.table(table)));
  // The copy is stored by now, and whole without them.
  await sql`analyze ${tables}`.execute(target).catch(() => undefined);
}

/** A service that is started on the target meanwhile must wait for what is there in the end, or give up. */
async function lockTables(trx: Database): Promise<void> {
  await sql`set local lock_timeout = '1s'`.execute(trx);
  const tables = sql.join(tableNames.map((table) => sql.table(table)));
  try {
    await sql`lock table ${tables} in access exclusive mode`.execute(trx);
  } catch (error) {
    // lock_not_available (postgresql.org/docs/current/errcodes-appendix.html)
    if (!(error instanceof Error) || !('code' in error) || error.code !== '55P03') throw error;
    throw new Error('DATABASE_URL: somebody uses the tables: a service, or another copy', { cause: error });
  }
}

async function requireEmpty(trx: Database): Promise<void> {
  for (const table of tableNames) {
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(trx);
    if (rows.length > 0) {
      throw new Error(
        `DATABASE_URL: ${table} has rows already. A copy that was cut off leaves none: a whole copy, or a service, has been here. Name an empty database`,
      );
    }
  }
}

async function copyTable(source: Database, trx: Database, table: TableName): Promise<TableComparison> {
  const summer = new TableSummer();
  for await (const rows of readPages(source, table)) {
    summer.add(rows);
    await insert(trx, table, rows);
  }
  const read = summer.end();
  const found = await sumTable(trx, table);
  const isEqual = read.rows === found.rows && read.digest === found.digest;
  return { table, sourceRows: read.rows, targetRows: found.rows, isEqual };
}

/** As one parameter: a statement with one for each value would have to be built anew for each page. */
async function insert(trx: Database, table: TableName, rows: readonly Row[]): Promise<void> {
  try {
    await sql`
      insert into ${sql.table(table)}
      select * from json_populate_recordset(null::${sql.table(table)}, ${JSON.stringify(rows)}::json)`.execute(trx);
  } catch (error) {
    // foreign_key_violation: SQLite has no such keys. Its detail holds the id that is missing, nothing else.
    const isOrphan = error instanceof Error && 'code' in error && error.code === '23503' && 'detail' in error;
    if (!isOrphan) throw error;
    throw new Error(`DATABASE_URL: ${table} could not be written: ${String(error.detail)}`, { cause: error });
  }
}

/** What is accepted from now on comes after all that was copied. */
async function continueSequence(trx: Database): Promise<void> {
  await sql`
    select setval(pg_get_serial_sequence('deliveries', 'seq'), coalesce(max(seq), 0) + 1, false)
    from deliveries`.execute(trx);
}
