// Texts with the character U+0000, which PostgreSQL does not take, and which the driver of SQLite gives back only up to
// there. What comes in over HTTP is refused with it, so none should be found.

import { sql } from 'kysely';
import type { Database } from './database.ts';
import { tableKeys, type TableName, tableNames } from './table-keys.ts';

/** Throws an Error that names the first such row of SQLite by its key, and the field. */
export async function requireNoNul(db: Database): Promise<void> {
  for (const table of tableNames) {
    const found = await findNul(db, table);
    if (found) throw new Error(`DATA_DIR: ${found} has a character U+0000, which PostgreSQL does not take`);
  }
}

async function findNul(db: Database, table: TableName): Promise<string | undefined> {
  const columns = await sql<{ name: string }>`
    select name from pragma_table_info(${table}) where lower(type) = 'text'`.execute(db);
  const fields = columns.rows.map(({ name }) => sql`when instr(${sql.ref(name)}, char(0)) > 0 then ${sql.lit(name)}`);
  if (fields.length === 0) return undefined;
  const keys = tableKeys[table];
  const { rows } = await sql<Record<string, string | number>>`
    select * from (
      select ${sql.join(keys.map((name) => sql.ref(name)))}, case ${sql.join(fields, sql` `)} end as "found in"
      from ${sql.table(table)})
    where "found in" is not null limit 1`.execute(db);
  const row = rows[0];
  return row && `${table}.${row['found in']} of ${keys.map((name) => `${name} ${row[name]}`).join(', ')}`;
}
