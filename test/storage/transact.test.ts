import { Kysely, SqliteDialect } from 'kysely';
import Libsql from 'libsql';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Database } from '../../src/storage/database.ts';
import type { Schema } from '../../src/storage/schema.ts';
import { transact } from '../../src/storage/transact.ts';

/** A database of one table that notes each statement. */
async function openNoted(): Promise<{ db: Database; statements: string[] }> {
  const statements: string[] = [];
  const db = new Kysely<Schema>({
    dialect: new SqliteDialect({ database: new Libsql(':memory:') }),
    log: ({ query }) => void statements.push(query.sql),
  });
  onTestFinished(() => db.destroy());
  await db.schema
    .createTable('lanes')
    .addColumn('conversation_id', 'text', (column) => column.primaryKey())
    .addColumn('parent', 'text')
    .addColumn('run_at', 'bigint')
    .addColumn('token', 'text')
    .execute();
  statements.length = 0;
  return { db, statements };
}

const insert = (db: Database, id: string) =>
  db.insertInto('lanes').values({ conversation_id: id, parent: 'p', run_at: 0, token: null }).execute();
const listIds = async (db: Database) => {
  const rows = await db.selectFrom('lanes').select('conversation_id').orderBy('conversation_id').execute();
  return rows.map((row) => row.conversation_id);
};

describe('transact', () => {
  it('gives transactions that come together one commit', async () => {
    const { db, statements } = await openNoted();
    await Promise.all(Array.from({ length: 50 }, (_, index) => transact(db, (trx) => insert(trx, String(index)))));
    // One holds 20 ms of work: on a busy machine it may take two.
    expect(statements.filter((sql) => sql === 'commit').length).toBeLessThanOrEqual(3);
    expect(await listIds(db)).toHaveLength(50);
  });

  it('bounds what one commit holds, and keeps the order of asking', async () => {
    const { db, statements } = await openNoted();
    const order: number[] = [];
    const jobs = Array.from({ length: 200 }, (_, index) =>
      transact(db, async (trx) => {
        order.push(index);
        await insert(trx, String(index));
      }),
    );
    await Promise.all(jobs);
    const commits = statements.filter((sql) => sql === 'commit').length;
    expect([commits >= 4, commits <= 10]).toEqual([true, true]);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it('undoes one that throws, and keeps the others of its commit', async () => {
    const { db } = await openNoted();
    const outcomes = await Promise.allSettled([
      transact(db, (trx) => insert(trx, 'a')),
      transact(db, async (trx) => {
        await insert(trx, 'b');
        throw new Error('not b');
      }),
      transact(db, (trx) => insert(trx, 'a')),
      transact(db, (trx) => insert(trx, 'c')),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(await listIds(db)).toEqual(['a', 'c']);
  });

  it('rejects all of a commit that fails, and goes on with the next', async () => {
    const { db } = await openNoted();
    const gone = await Promise.allSettled([
      transact(db, (trx) => insert(trx, 'a')),
      // What SQLite does by itself on a full disk.
      transact(db, (trx) => trx.executeQuery({ sql: 'rollback', parameters: [] } as never)),
    ]);
    expect(gone.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
    await transact(db, (trx) => insert(trx, 'b'));
    expect(await listIds(db)).toEqual(['b']);
  });

  it('joins the transaction it is called in', async () => {
    const { db } = await openNoted();
    const outer = transact(db, async (trx) => {
      await transact(trx, (inner) => insert(inner, 'a'));
      throw new Error('undo');
    });
    await expect(outer).rejects.toThrow('undo');
    expect(await listIds(db)).toEqual([]);
  });
});
