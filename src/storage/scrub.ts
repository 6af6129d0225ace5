// What is deleted must be gone from the file too. `secure_delete` overwrites what a statement deletes; but where SQLite
// moves rows from one page to another (balancing), their old bytes stay in the free middle of the page they came from, and
// a later delete does not come by there. The log holds earlier versions of pages as well, until it is emptied.
// VACUUM would do it too, but keeps everybody waiting while it writes the whole file anew.

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { isPostgres } from './locks.ts';
import { inTurn } from './log-turns.ts';
import { transact } from './transact.ts';

/** Read in well below a millisecond. */
const pagesPerChunk = 64;

type Pace = {
  /** Between two chunks, where nobody waits for the end. */
  readonly pauseMs?: number;
  /** Ends it early. */
  readonly stopping?: AbortSignal;
};

/** The driver gives several rows' blobs as bare memory. */
type Page = { readonly pgno: number; readonly data: ArrayBuffer };

/**
 * Overwrites all that has been deleted by now, and empties the log. Chunk by chunk, others have their turn between two; a
 * crash in the middle changes nothing. A backup that is being made is waited for. On PostgreSQL that is autovacuum's to do.
 */
export async function scrubFile(db: Database, { pauseMs = 0, stopping }: Pace = {}): Promise<void> {
  if (isPostgres(db)) return;
  const { rows } = await sql<{ count: number }>`select page_count as count from pragma_page_count`.execute(db);
  const count = rows[0]?.count ?? 0;
  for (let first = 1; first <= count; first += pagesPerChunk) {
    if (stopping?.aborted) return;
    await transact(db, (trx) => scrubPages(trx, first, Math.min(first + pagesPerChunk - 1, count)));
    await (pauseMs > 0 ? sleep(pauseMs) : nextTurn());
  }
  await inTurn(db, () => sql`pragma wal_checkpoint(truncate)`.execute(db));
}

/** Through SQLite's own page cache and log (sqlite.org/dbpage.html), so that it is as safe as any other write. */
async function scrubPages(trx: Database, first: number, last: number): Promise<void> {
  const { rows } = await sql<Page>`
    with recursive wanted (pgno) as (select ${first} union all select pgno + 1 from wanted where pgno < ${last})
    select sqlite_dbpage.pgno, data from wanted join sqlite_dbpage on sqlite_dbpage.pgno = wanted.pgno`.execute(trx);
  for (const { pgno, data } of rows) {
    const page = Buffer.from(data);
    const [start, end] = findFreeMiddle(page, pgno === 1 ? fileHeaderBytes : 0);
    const middle = page.subarray(start, end);
    if (middle.every((byte) => byte === 0)) continue;
    middle.fill(0);
    await sql`update sqlite_dbpage set data = ${page} where pgno = ${pgno}`.execute(trx);
  }
}

const fileHeaderBytes = 100;
/** Length of the page header by the type of the page: interior pages of indexes and tables, then leaves. */
const headerBytes: ReadonlyMap<number, number> = new Map([
  [2, 12],
  [5, 12],
  [10, 8],
  [13, 8],
]);

/**
 * Between the list of cells and the first cell, which SQLite never reads (sqlite.org/fileformat2.html section 1.6). Other
 * pages begin with the number of a page below 2 ** 25, so with a byte that is no type: their content is overwritten by
 * `secure_delete`.
 */
function findFreeMiddle(page: Buffer, at: number): [start: number, end: number] {
  const header = headerBytes.get(page[at] ?? 0);
  if (header === undefined) return [0, 0];
  const cells = page.readUInt16BE(at + 3);
  // 0 stands for 65,536.
  const end = page.readUInt16BE(at + 5) || 65_536;
  const start = at + header + 2 * cells;
  return end <= page.length && start < end ? [start, end] : [0, 0];
}
