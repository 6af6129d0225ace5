// Connections that the server ends, as at its restart: whoever uses one is told, and the process goes on.

import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../src/storage/database.ts';
import { makePlace } from '../helpers/database.ts';

it('a connection that ends in the middle of a transaction fails it with 503, and the next one works', async () => {
  const { place, remove } = await makePlace();
  const db = await openDatabase(place);
  onTestFinished(async () => {
    await db.destroy();
    await remove();
  });
  const run = db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
    await sql`select pg_terminate_backend(${rows[0]?.pid}, 5000)`.execute(db);
    await sql`select 1`.execute(trx);
  });
  await expect(run).rejects.toMatchObject({ code: 'unavailable' });
  expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
});
