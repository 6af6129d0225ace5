// The storage check of the doctor on PostgreSQL, where no service answers.

import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { runDoctor } from '../../src/doctor/run-doctor.ts';
import { makePlace } from '../helpers/database.ts';

async function lookAt(databaseUrl: string) {
  const { checks } = await runDoctor({
    env: { DATABASE_URL: databaseUrl },
    readFile: () => '',
    fetch,
    now: () => Date.now(),
    target: { url: 'http://127.0.0.1:9', key: '' },
    only: ['storage'],
  });
  return checks[0];
}

async function makeDatabase(): Promise<string> {
  const { place, remove } = await makePlace();
  onTestFinished(remove);
  return place.url ?? '';
}

it('a database that lets us in passes, and is left without tables: making them is for a start', async () => {
  const url = await makeDatabase();
  expect(await lookAt(url)).toMatchObject({ ok: true, detail: expect.stringContaining('lets us in') as string });
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query("select table_name from information_schema.tables where table_schema = 'public'");
  await client.end();
  expect(rows).toEqual([]);
});

it('a database that is not there is told by its code', async () => {
  const url = new URL(await makeDatabase());
  url.pathname = '/canary';
  const found = await lookAt(url.href);
  expect(found).toMatchObject({
    ok: false,
    detail: expect.stringContaining('DATABASE_URL: there is no such database (3D000)') as string,
    fix: expect.stringContaining('name in DATABASE_URL') as string,
  });
  expect(JSON.stringify(found)).not.toContain('canary');
});
