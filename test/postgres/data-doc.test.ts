// docs/data.md names every stored field of PostgreSQL as well, whose tables are more than those of SQLite.

import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { openTestDatabase } from '../helpers/database.ts';
import { listDataLines } from '../rules/data-lines.ts';

it('docs/data.md has one line for every column of every table on PostgreSQL, and no line too many', async () => {
  const db = await openTestDatabase();
  const { rows } = await sql<{ field: string }>`
    select table_name || '.' || column_name as field from information_schema.columns
    where table_schema = 'public' and table_name not like 'kysely%'`.execute(db);
  expect(rows.length).toBeGreaterThan(100);
  const fields = listDataLines().map(({ field }) => field);
  expect(fields.toSorted()).toEqual(rows.map(({ field }) => field).toSorted());
});
