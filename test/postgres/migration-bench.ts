// A SQLite file of a stopped service with rows in every table, and an empty PostgreSQL database to copy them to.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { inject } from 'vitest';
import { migrate } from '../../src/cli/migrate.ts';
import { type Database, openDatabase, openPatiently } from '../../src/storage/database.ts';
import { type TableName, tableNames } from '../../src/storage/table-keys.ts';
import { fillTables } from '../helpers/fill-tables.ts';
import { createTestDatabase } from '../helpers/postgres.ts';

type Filling = { readonly rows?: number; readonly seed?: number };

export type MigrationBench = {
  readonly dataDir: string;
  readonly url: string;
  /** The target, with its tables, over a connection of the test. */
  readonly target: Database;
  /** The source anew, with this many rows in each table; the target empty. */
  begin(filling?: Filling): Promise<void>;
  /** Does something to the source as a service would have. */
  withSource<T>(use: (db: Database) => Promise<T>): Promise<T>;
  run(): Promise<{ readonly code: number; readonly out: string }>;
  /** Has this done to each row of the table that is written: PL/pgSQL, in which `new` is the row. */
  onWrite(table: TableName, body: string, event?: 'insert' | 'update'): Promise<void>;
  /** How many rows there are in all tables of the target. */
  countTarget(): Promise<number>;
  remove(): Promise<void>;
};

export async function createMigrationBench(): Promise<MigrationBench> {
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-migrate-'));
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  const target = await openPatiently(url);
  const withSource = async <T>(use: (db: Database) => Promise<T>): Promise<T> => {
    const db = await openDatabase({ dataDir });
    try {
      return await use(db);
    } finally {
      await db.destroy();
    }
  };
  const fill = async ({ rows = 3, seed = 1 }: Filling): Promise<void> => {
    rmSync(dataDir, { recursive: true, force: true });
    await withSource((db) => fillTables(db, rows, seed));
  };
  // A copy leaves the source as it was: most tests need no new one.
  let isFresh = false;
  const run = async (statement: string): Promise<void> => void (await sql.raw(statement).execute(target));
  return {
    dataDir,
    url,
    target,
    begin: async (wanted = {}) => {
      await run('drop function if exists meddle cascade');
      // Of a few rows faster than truncate, which makes new files.
      await run(
        tableNames
          .toReversed()
          .map((table) => `delete from ${table}`)
          .join(';'),
      );
      const isAsWanted = isFresh && Object.keys(wanted).length === 0;
      if (!isAsWanted) await fill(wanted);
      isFresh = Object.keys(wanted).length === 0;
    },
    withSource: (use) => {
      isFresh = false;
      return withSource(use);
    },
    run: async () => {
      let out = '';
      const code = await migrate({ dataDir, databaseUrl: url }, ['sqlite-to-postgres'], (text) => (out += text));
      return { code, out };
    },
    onWrite: async (table, body, event = 'insert') => {
      await run(`create function meddle() returns trigger language plpgsql as $$ begin ${body}; return new; end $$`);
      await run(`create trigger meddle before ${event} on ${table} for each row execute function meddle()`);
    },
    countTarget: async () => {
      const counts = sql.join(
        tableNames.map((table) => sql`(select count(*) from ${sql.table(table)})`),
        sql` + `,
      );
      const { rows } = await sql<{ count: number }>`select ${counts} as count`.execute(target);
      return rows[0]?.count ?? Number.NaN;
    },
    remove: async () => {
      await target.destroy();
      await drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
