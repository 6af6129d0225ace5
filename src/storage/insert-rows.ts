// Many rows in one statement. Its text depends on how many there are, and is made once for each number: Kysely would build
// and compile each value of each row.

import { CompiledQuery } from 'kysely';
import type { Database } from './database.ts';
import { isPostgres } from './locks.ts';
import type { Schema } from './schema.ts';

type Value = string | number | null;
/** Rows of a table, each with the same columns. */
type Rows<Table extends keyof Schema> = readonly Partial<Record<keyof Schema[Table] & string, Value>>[];

/** In sizes that are powers of two, so that few statements are made and kept. */
const mostRows = 64;
const texts = new Map<string, string>();

/** Inserts the rows, in this order. `onConflict`: what follows `on conflict`; gives what that returns, if it does. */
export async function insertRows<Table extends keyof Schema>(
  db: Database,
  table: Table,
  rows: Rows<Table>,
  onConflict?: string,
): Promise<Record<string, unknown>[]> {
  const [first] = rows;
  const returned: Record<string, unknown>[] = [];
  if (!first) return returned;
  const columns = Object.keys(first) as (keyof Schema[Table] & string)[];
  for (const some of inPowersOfTwo(rows)) {
    const text = textOf(db, table, columns, some.length, onConflict);
    const values: Value[] = [];
    for (const row of some) for (const column of columns) values.push(row[column] ?? null);
    const result = await db.executeQuery<Record<string, unknown>>(CompiledQuery.raw(text, values));
    for (const row of result.rows) returned.push(row);
  }
  return returned;
}

function* inPowersOfTwo<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let start = 0, size = mostRows; start < rows.length; start += size) {
    while (size > rows.length - start) size /= 2;
    yield rows.slice(start, start + size);
  }
}

function textOf(db: Database, table: string, columns: readonly string[], count: number, onConflict = ''): string {
  const key = `${isPostgres(db) ? 'postgres' : 'sqlite'} ${table} ${count} ${columns.join()} ${onConflict}`;
  let text = texts.get(key);
  if (text === undefined) {
    const place = isPostgres(db) ? (index: number) => `$${index + 1}` : () => '?';
    const rows = Array.from({ length: count }, (_, row) => {
      const places = columns.map((_column, index) => place(row * columns.length + index));
      return `(${places.join(', ')})`;
    });
    const tail = onConflict === '' ? '' : ` on conflict ${onConflict}`;
    text = `insert into ${table} (${columns.join(', ')}) values ${rows.join(', ')}${tail}`;
    texts.set(key, text);
  }
  return text;
}
