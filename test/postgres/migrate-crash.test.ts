// The copy is killed at its worst moments: nobody finds half of it, and it can be run again.

import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPatiently } from '../../src/storage/database.ts';
import { tableNames } from '../../src/storage/table-keys.ts';
import { eventually } from '../helpers/eventually.ts';
import { startCommand } from '../helpers/service-process.ts';
import { createMigrationBench, type MigrationBench } from './migration-bench.ts';

let bench: MigrationBench;
beforeAll(async () => {
  bench = await createMigrationBench();
});
afterAll(() => bench.remove());

/** Where a trigger waits for it, so that the test decides how far the copy gets. */
const gate = 7_000_007;

it.each([
  ['the first row', 'conversations', 'insert'],
  ['the middle', 'deliveries', 'insert'],
  ['the last change, when all is compared', 'lanes', 'update'],
] as const)('killed at %s, it has stored nothing; the next run stores all', async (_, table, event) => {
  await bench.begin();
  await bench.withSource((db) => sql`update lanes set token = 'of the dead'`.execute(db));
  await bench.onWrite(table, `perform pg_advisory_xact_lock(${gate})`, event);
  const waiting = async (): Promise<boolean> => {
    const { rows } = await sql`select 1 from pg_locks where locktype = 'advisory' and not granted`.execute(
      bench.target,
    );
    return rows.length > 0;
  };

  const keeper = await openPatiently(bench.url);
  await sql`select pg_advisory_lock(${gate})`.execute(keeper);
  const copy = startCommand(['migrate', 'sqlite-to-postgres'], { DATA_DIR: bench.dataDir, DATABASE_URL: bench.url });
  await eventually('the copy is there', waiting);
  await expect(readImpatiently(), 'a service that is started now waits').rejects.toThrow(/takes nothing now/);
  copy.kill('SIGKILL');
  expect(await copy.exited).toBe('SIGKILL');
  await keeper.destroy();

  await sql`drop function meddle cascade`.execute(bench.target);
  expect(await bench.countTarget()).toBe(0);
  const { code, out } = await bench.run();
  expect(out.match(/equal$/gm)).toHaveLength(tableNames.length);
  expect([code, await bench.countTarget()]).toEqual([0, 3 * tableNames.length]);
});

async function readImpatiently(): Promise<void> {
  await bench.target.transaction().execute(async (trx) => {
    await sql`set local statement_timeout = '100ms'`.execute(trx);
    await sql`select 1 from conversations`.execute(trx);
  });
}

it('a connection that ends at any moment is told in words, and leaves nothing', async () => {
  await bench.begin();
  // The server ends the session in which this runs, as at a restart.
  await bench.onWrite('attempts', 'perform pg_terminate_backend(pg_backend_pid())');
  const { code, out } = await bench.run();
  expect(out).toMatch(/The database of DATABASE_URL cannot be reached.*\nNothing was stored/);
  expect([code, await bench.countTarget()]).toEqual([1, 0]);
});
