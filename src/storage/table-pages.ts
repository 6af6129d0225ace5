// A whole table, row by row in the order of its key: the same statements, and the same digest, on SQLite and PostgreSQL.

import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { tableKeys, type TableName } from './table-keys.ts';

export type Row = Readonly<Record<string, string | number | null>>;

/** Notifications may have 64 KB and more: a page stays far below what a process has. */
const rowsPerPage = 250;

/** The table page by page. The order is that of code points on both engines (see migrations). */
export async function* readPages(db: Database, table: TableName): AsyncGenerator<readonly Row[]> {
  const keys = tableKeys[table];
  const key = sql.join(keys.map((name) => sql.ref(name)));
  let after = sql``;
  for (;;) {
    const { rows } = await sql<Row>`
      select * from ${sql.table(table)} ${after} order by ${key} limit ${rowsPerPage}`.execute(db);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (rows.length < rowsPerPage || !last) return;
    after = sql`where (${key}) > (${sql.join(keys.map((name) => last[name]))})`;
  }
}

export type TableSum = { readonly rows: number; readonly digest: string };

/** Counts rows, and digests all that is in them. */
export class TableSummer {
  readonly #hash = createHash('sha256');
  #columns: readonly string[] | undefined;
  #rows = 0;

  add(rows: readonly Row[]): void {
    // In one order, whatever the order of a table's columns: they may have been added later on one side.
    this.#columns ??= Object.keys(rows[0] ?? {}).toSorted();
    if (this.#rows === 0) this.#hash.update(JSON.stringify(this.#columns));
    for (const row of rows) this.#hash.update(`${JSON.stringify(this.#columns.map((column) => row[column]))}\n`);
    this.#rows += rows.length;
  }

  end(): TableSum {
    return { rows: this.#rows, digest: this.#hash.digest('hex') };
  }
}

export async function sumTable(db: Database, table: TableName): Promise<TableSum> {
  const summer = new TableSummer();
  for await (const rows of readPages(db, table)) summer.add(rows);
  return summer.end();
}
