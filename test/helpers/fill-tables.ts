// Rows of any kind in every table, whatever columns it has: for what must hold of all data.

import { sql } from 'kysely';
import type { Database } from '../../src/storage/database.ts';
import { tableKeys, type TableName, tableNames } from '../../src/storage/table-keys.ts';
import { createRandom } from '../chaos/random.ts';

type Column = { readonly name: string; readonly type: string; readonly notnull: number; readonly pk: number };

/** What engines, drivers and JSON may read in their own way. The last two are in another order by code unit than by code point. */
const oddTexts = [
  '',
  ' ',
  'null',
  '\\N',
  '\\u0000',
  `'"\`;--`,
  '{"a":[1,2.50,"\\u00e9"]}',
  'line\r\nline\ttab\u0001\u001f\u007f',
  'e\u0301 é ß İ',
  '\ufffd\uffff',
  '\u{1f600}\u{10ffff}',
];
const bigints = [0, 1, -1, 1_700_000_000_000, 2 ** 53 - 1];
const integers = [0, 1, -1, 2 ** 31 - 1];

function listColumns(db: Database, table: TableName): Promise<readonly Column[]> {
  return sql<Column>`select name, lower(type) as type, "notnull", pk from pragma_table_info(${table})`
    .execute(db)
    .then(({ rows }) => rows);
}

/** Puts `count` rows into each table of SQLite; what belongs to a conversation belongs to one of them. */
export async function fillTables(db: Database, count: number, seed: number): Promise<void> {
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const conversationIds = Array.from({ length: count }, (_, index) => `${pick(oddTexts)}${index}`);
  const valueOf = ({ name, type, notnull, pk }: Column, isKey: boolean, index: number) => {
    if (name === 'conversation_id' || (name === 'id' && isKey && type === 'text')) return conversationIds[index];
    // No text of these is a state in which a delivery is open: a check of the table.
    if (name === 'open') return 0;
    if (name === 'name') return `name ${index}`;
    if (isKey || pk > 0) return type === 'text' ? `${pick(oddTexts)}${index}` : index + 1;
    if (notnull === 0 && random() < 0.3) return null;
    if (type === 'text') return pick(oddTexts);
    return pick(type === 'bigint' ? bigints : integers);
  };
  await db.transaction().execute(async (trx) => {
    for (const table of tableNames) {
      const columns = await listColumns(trx, table);
      const keys: readonly string[] = tableKeys[table];
      const names = sql.join(columns.map(({ name }) => sql.ref(name)));
      for (let index = 0; index < count; index += 1) {
        const values = columns.map((column) => {
          // `deliveries.id` is no key, but none is there twice.
          const isKey = keys.includes(column.name) || column.name === 'id';
          return valueOf(column, isKey, index);
        });
        await sql`insert into ${sql.table(table)} (${names}) values (${sql.join(values)})`.execute(trx);
      }
    }
  });
}
