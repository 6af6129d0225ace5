// docs/data.md is what people are told about their data: it must name every stored field.

import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { openTestDatabase } from '../helpers/database.ts';
import { listDataLines } from './data-lines.ts';

const lines = listDataLines();
/** Tables of PostgreSQL alone: test/postgres/data-doc.test.ts. */
const isShared = (field: string): boolean => /^(?:replicas|circuits|request_counts)\./.test(field);
const fields = lines.map(({ field }) => field).filter((field) => !isShared(field));

it('docs/data.md has one line for every column of every table, and no line too many', async () => {
  const db = await openTestDatabase();
  const { rows } = await sql<{ field: string }>`
    select tables.name || '.' || columns.name as field
    from sqlite_master as tables join pragma_table_info(tables.name) as columns
    where tables.type = 'table' and tables.name not like 'sqlite%' and tables.name not like 'kysely%'`.execute(db);
  expect(rows.length).toBeGreaterThan(90);
  expect(fields.toSorted()).toEqual(rows.map(({ field }) => field).toSorted());
});

it('each line tells what the field is for, and how long it is kept', () => {
  const vague = lines.filter(({ purpose, kept }) => purpose === '' || kept === '');
  expect(vague).toEqual([]);
});
