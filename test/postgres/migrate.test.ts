// The copy from SQLite to PostgreSQL: of every table every row, all of it or nothing. MIGRATE_SEED=<number> repeats a run.

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { migrate } from '../../src/cli/migrate.ts';
import type { Database } from '../../src/storage/database.ts';
import { tableKeys, type TableName, tableNames } from '../../src/storage/table-keys.ts';
import { runCommand } from '../helpers/service-process.ts';
import { createMigrationBench, type MigrationBench } from './migration-bench.ts';

let bench: MigrationBench;
beforeAll(async () => {
  bench = await createMigrationBench();
});
beforeEach(() => bench.begin());
afterAll(() => bench.remove());

const seed = Number(process.env['MIGRATE_SEED'] ?? Date.now() % 2 ** 31);

describe('the copy', () => {
  it('knows every table of the database', async () => {
    const { rows } = await bench.withSource((db) =>
      sql<{ name: string }>`
        select name from sqlite_master
        where type = 'table' and name not like 'sqlite%' and name not like 'kysely%'`.execute(db),
    );
    expect([...tableNames].toSorted()).toEqual(rows.map(({ name }) => name).toSorted());
  });

  it('has every value of every row in the end, over several pages, and says so', async () => {
    const count = 600;
    await bench.begin({ rows: count, seed });
    // What a stopped service may leave of these, the copy settles; everything else is as it was.
    const before = await bench.withSource(async (db) => {
      await sql`update lanes set token = null`.execute(db);
      return readAll(db);
    });
    const { code, out } = await bench.run();
    expect(out.match(/equal$/gm)).toHaveLength(tableNames.length);
    expect(out).toMatch(/^deliveries +600 +600 {2}equal$/m);
    expect(out).toContain('All is there.');
    expect(code).toBe(0);
    const after = await readAll(bench.target);
    expect(after).toEqual(before);
    const values = after.flatMap(([, rows]) => rows.flatMap((row) => Object.values(row)));
    console.log(`copy: seed ${seed}, ${tableNames.length} tables, ${count} rows each, ${values.length} values`);
  });

  it('goes on counting where SQLite was', async () => {
    await bench.withSource((db) => sql`update deliveries set seq = 5000000000 where seq = 3`.execute(db));
    expect((await bench.run()).code).toBe(0);
    const { rows } = await sql<{ next: number }>`
      select nextval(pg_get_serial_sequence('deliveries', 'seq')) as next`.execute(bench.target);
    expect(rows).toEqual([{ next: 5_000_000_001 }]);
  });

  it('counts from 1 where there was no delivery yet', async () => {
    await bench.begin({ rows: 0 });
    expect((await bench.run()).code).toBe(0);
    const { rows } = await sql<{ next: number }>`
      select nextval(pg_get_serial_sequence('deliveries', 'seq')) as next`.execute(bench.target);
    expect(rows).toEqual([{ next: 1 }]);
  });

  it('gives back what the killed service had leased, and opens what it was sending', async () => {
    await bench.withSource(async (db) => {
      const far = Date.now() + 60_000_000;
      await sql`update lanes set token = 'of the dead', run_at = ${far}`.execute(db);
      await sql`update deliveries set state = 'sending', open = 1, interruptions = seq - 1`.execute(db);
      await sql`update deliveries set run_at = ${far}`.execute(db);
      await sql`update deliveries set state = 'dead', open = 0 where seq = 3`.execute(db);
    });
    expect((await bench.run()).code).toBe(0);
    const lanes = await sql<{ token: string | null; run_at: number }>`select token, run_at from lanes`.execute(
      bench.target,
    );
    const deliveries = await sql<{ state: string; interruptions: number; run_at: number }>`
      select state, interruptions, run_at from deliveries order by seq`.execute(bench.target);
    expect(lanes.rows).toEqual(Array.from({ length: 3 }, () => ({ token: null, run_at: runsWithin(10_000) })));
    expect(deliveries.rows).toMatchObject([
      { state: 'pending', interruptions: 1, run_at: runsWithin(10_000) },
      { state: 'pending', interruptions: 2, run_at: runsWithin(15_000) },
      { state: 'dead', interruptions: 2 },
    ]);
  });

  it('leaves the file of a stopped service as it is, byte by byte', async () => {
    const before = digestFiles(bench.dataDir);
    expect((await bench.run()).code).toBe(0);
    expect(digestFiles(bench.dataDir)).toEqual(before);
    // A refused one does too.
    expect((await bench.run()).code).toBe(1);
    expect(digestFiles(bench.dataDir)).toEqual(before);
  });
});

describe('what is written and not read back', () => {
  it.each(tableNames)('is seen in %s: a row too few', async (table) => {
    await bench.onWrite(table, `if new.${tableKeys[table][0]}::text like '%2%' then return null; end if`);
    const { code, out } = await bench.run();
    expect(out).toMatch(new RegExp(`^${table} +3 +[12] {2}DIFFERENT$`, 'm'));
    expect(out).toContain(`what was written to ${table} is not what is read back`);
    expect([code, await bench.countTarget()]).toEqual([1, 0]);
  });

  it.each(tableNames)('is seen in %s: another value', async (table) => {
    await bench.onWrite(table, `new.${await findLastColumn(table)} := '77'`);
    const { code, out } = await bench.run();
    expect(out).toMatch(new RegExp(`^${table} +3 +3 {2}DIFFERENT$`, 'm'));
    expect([code, await bench.countTarget()]).toEqual([1, 0]);
  });
});

describe('the copy is refused, and nothing is stored, when', () => {
  it.each(tableNames)('%s has a row already', async (table) => {
    await putRow(table);
    const { code, out } = await bench.run();
    expect(out).toContain(`DATABASE_URL: ${table} has rows already`);
    expect([code, await bench.countTarget()]).toEqual([1, 1]);
  });

  it('the service runs on the source', async () => {
    const { code, out } = await bench.withSource(() => bench.run());
    expect(out).toMatch(/DATA_DIR: .*copilot-notify\.db is in use by another process/);
    expect([code, await bench.countTarget()]).toEqual([1, 0]);
  });

  it('there is no source, and makes none', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'copilot-notify-migrate-'));
    onTestFinished(() => rmSync(empty, { recursive: true }));
    let out = '';
    const places = { dataDir: empty, databaseUrl: bench.url };
    expect(await migrate(places, ['sqlite-to-postgres'], (text) => (out += text))).toBe(1);
    expect(out).toContain('DATA_DIR: there is no file');
    expect(readdirSync(empty)).toEqual([]);
  });

  it('another version has written the source', async () => {
    await bench.withSource((db) =>
      sql`insert into kysely_migration (name, timestamp) values ('9999-future', '2030')`.execute(db),
    );
    const { code, out } = await bench.run();
    expect(out).toMatch(/DATA_DIR: another version has written/);
    expect([code, await bench.countTarget()]).toEqual([1, 0]);
  });

  it('a text holds U+0000, and names its row and field', async () => {
    await bench.withSource((db) =>
      sql`update attempts set delivery_id = 'd', detail = 'a' || char(0) || 'b' where number = 2`.execute(db),
    );
    const { code, out } = await bench.run();
    expect(out).toContain('DATA_DIR: attempts.detail of delivery_id d, number 2 has a character U+0000');
    expect([code, await bench.countTarget()]).toEqual([1, 0]);
  });

  it('a row belongs to a conversation that is not there, and names it', async () => {
    await bench.withSource((db) => sql`update deliveries set conversation_id = 'gone' where seq = 2`.execute(db));
    const { code, out } = await bench.run();
    expect(out).toContain('deliveries could not be written: Key (conversation_id)=(gone) is not present');
    expect([code, await bench.countTarget()]).toEqual([1, 0]);
  });

  it('a service is in the middle of something on the target', async () => {
    const ended = bench.target.transaction().execute(async (trx) => {
      await sql`lock table deliveries in row exclusive mode`.execute(trx);
      return bench.run();
    });
    const { code, out } = await ended;
    expect(out).toContain('DATABASE_URL: somebody uses the tables');
    expect([code, await bench.countTarget()]).toEqual([1, 0]);
  });

  it('the target cannot be reached, and tells no password', async () => {
    let out = '';
    const databaseUrl = 'postgres://user:canary@127.0.0.1:1/none';
    expect(await migrate({ ...bench, databaseUrl }, ['sqlite-to-postgres'], (text) => (out += text))).toBe(1);
    expect(out).toMatch(/DATABASE_URL: .*ECONNREFUSED/);
    expect(out).not.toContain('canary');
  });
});

describe('copilot-notify migrate', () => {
  it('reads DATA_DIR and DATABASE_URL, and no other setting', async () => {
    const settings = { DATA_DIR: bench.dataDir, DATABASE_URL: bench.url };
    const { code, out } = await runCommand(['migrate', 'sqlite-to-postgres'], settings);
    expect(out).toContain('All is there.');
    expect([code, await bench.countTarget()]).toEqual([0, 3 * tableNames.length]);
  });

  it.each([
    [['migrate'], { DATABASE_URL: 'postgres://h/d' }, 'Give: migrate sqlite-to-postgres'],
    [['migrate', 'postgres-to-sqlite'], { DATABASE_URL: 'postgres://h/d' }, 'Give: migrate sqlite-to-postgres'],
    [['migrate', 'sqlite-to-postgres'], {}, 'DATABASE_URL is not set'],
    [
      ['migrate', 'sqlite-to-postgres'],
      { DATABASE_URL: 'mysql://h/d' },
      'DATABASE_URL: must have the form postgres://',
    ],
  ])('%j with %j says how it is used', async (words, settings, says) => {
    const { code, out } = await runCommand(words, settings);
    expect([code, out]).toEqual([2, expect.stringContaining(says)]);
  });
});

function runsWithin(ms: number) {
  return expect.toSatisfy((at: number) => Math.abs(at - Date.now()) <= ms);
}

async function findLastColumn(table: TableName): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select column_name as name from information_schema.columns
    where table_name = ${table} order by ordinal_position desc limit 1`.execute(bench.target);
  return rows[0]?.name ?? '';
}

/** One row of the source in the same table of the target, whatever it refers to. */
async function putRow(table: TableName): Promise<void> {
  const rows = await bench.withSource((db) => sql`select * from ${sql.table(table)} limit 1`.execute(db));
  await bench.target.transaction().execute(async (trx) => {
    await sql`set local session_replication_role = replica`.execute(trx);
    await sql`
      insert into ${sql.table(table)} select * from
      json_populate_recordset(null::${sql.table(table)}, ${JSON.stringify(rows.rows)}::json)`.execute(trx);
  });
}

async function readAll(db: Database) {
  const tables: [table: string, rows: Record<string, unknown>[]][] = [];
  for (const table of tableNames) {
    const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(db);
    tables.push([table, rows.map((row) => ({ ...row })).toSorted(byText)]);
  }
  return tables;
}

function byText(a: object, b: object): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

function digestFiles(folder: string): string[] {
  const digestOf = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  return readdirSync(folder).map((name) => `${name} ${digestOf(name)}`);
}
