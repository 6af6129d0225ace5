// Connections to PostgreSQL that end at the wrong moment, as at a restart of the server.

import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { makePlace } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';

it('one that ends between two statements of a transaction fails that transaction, and not the process', async () => {
  const { place, remove } = await makePlace();
  const troubles: string[] = [];
  const db = await openDatabase({ ...place, onTrouble: ({ message }) => troubles.push(message) });
  onTestFinished(async () => {
    await db.destroy();
    await remove();
  });
  const failing = db.transaction().execute(async (trx) => {
    const pid = await findPid(trx);
    await sql`select pg_terminate_backend(${pid})`.execute(db);
    await eventually('the end has been noticed', () => troubles.length > 0);
    await findPid(trx);
  });
  await expect(failing).rejects.toMatchObject({ code: 'unavailable' });
  expect(troubles[0]).toContain('terminating connection');
  // The pool has others: nobody gets the broken one.
  const pids = await Promise.all(Array.from({ length: 20 }, () => findPid(db)));
  expect(pids.every((pid) => pid > 0)).toBe(true);
});

async function findPid(db: Database): Promise<number> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
  return rows[0]?.pid ?? 0;
}
