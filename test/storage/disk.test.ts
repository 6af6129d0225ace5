// Nobody is told of what a power failure could still undo: each outcome waits for a sync that began after its commit.

import { existsSync, fdatasync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Kysely, sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Database } from '../../src/storage/database.ts';
import type { Sync } from '../../src/storage/disk.ts';
import type { Schema } from '../../src/storage/schema.ts';
import { createSqliteDialect } from '../../src/storage/sqlite.ts';
import { transact } from '../../src/storage/transact.ts';

type Bench = {
  readonly db: Database;
  /** Syncs that the disk has been asked for and has not done. */
  readonly asked: ((error: Error | null) => void)[];
  readonly failures: Error[];
  /** Lets the oldest of them end. */
  readonly end: (error?: Error) => Promise<void>;
};

/** A database on a disk that syncs when it is told to. */
async function openOnSlowDisk(): Promise<Bench> {
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-disk-'));
  const asked: Bench['asked'] = [];
  const failures: Error[] = [];
  let isSlow = false;
  const sync: Sync = (file, callback) => {
    if (isSlow) asked.push(callback);
    else fdatasync(file, callback);
  };
  const onFailure = (error: Error): void => void failures.push(error);
  const db = new Kysely<Schema>({ dialect: createSqliteDialect(dataDir, { onFailure, sync }) });
  await sql`create table notes (text text)`.execute(db);
  isSlow = true;
  onTestFinished(async () => {
    isSlow = false;
    for (const callback of asked) callback(null);
    await db.destroy();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const end = async (error?: Error): Promise<void> => {
    asked.shift()?.(error ?? null);
    await turns();
  };
  return { db, asked, failures, end };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
}

const insert = (db: Database, text: string) => sql`insert into notes values (${text})`.execute(db);
const count = async (db: Database) =>
  (await sql<{ n: number }>`select count(*) as n from notes`.execute(db)).rows[0]?.n;

/** What has become of a promise by now. */
function watch(promise: Promise<unknown>): { state: string } {
  const watched = { state: 'waits' };
  promise.then(
    () => (watched.state = 'told'),
    () => (watched.state = 'failed'),
  );
  return watched;
}

describe.each([
  ['a single statement', (db: Database, text: string) => insert(db, text)],
  ['a transaction', (db: Database, text: string) => transact(db, (trx) => insert(trx, text))],
  [
    'rows that a change gives',
    (db: Database, text: string) => sql`insert into notes values (${text}) returning text`.execute(db),
  ],
])('%s', (_, write) => {
  it('is told of when it is on disk, and not before', async () => {
    const { db, asked, end } = await openOnSlowDisk();
    const written = watch(write(db, 'a'));
    await turns();
    expect([written.state, asked.length]).toEqual(['waits', 1]);
    await end();
    expect(written.state).toBe('told');
  });

  it('that comes while another is being synced waits for the sync after that', async () => {
    const { db, asked, end } = await openOnSlowDisk();
    const first = watch(write(db, 'a'));
    await turns();
    const second = watch(write(db, 'b'));
    await turns();
    expect([first.state, second.state, asked.length]).toEqual(['waits', 'waits', 1]);
    await end();
    expect([first.state, second.state, asked.length]).toEqual(['told', 'waits', 1]);
    await end();
    expect(second.state).toBe('told');
  });

  it('is told to no reader before', async () => {
    const { db, end } = await openOnSlowDisk();
    void write(db, 'a');
    await turns();
    const read = watch(count(db));
    await turns();
    expect(read.state).toBe('waits');
    await end();
    expect(read.state).toBe('told');
  });

  it('fails when the disk does, and so does all that comes after it', async () => {
    const { db, failures, end } = await openOnSlowDisk();
    const written = watch(write(db, 'a'));
    await turns();
    await end(new Error('EIO'));
    expect(written.state).toBe('failed');
    expect(failures).toHaveLength(1);
    await expect(write(db, 'b')).rejects.toThrow(/DATA_DIR/);
    await expect(count(db)).rejects.toThrow(/DATA_DIR/);
  });
});

it('the work goes on while the disk is busy, and transactions that gather meanwhile share a commit', async () => {
  const { db, asked, end } = await openOnSlowDisk();
  const order: string[] = [];
  const run = (text: string) =>
    transact(db, async (trx) => {
      order.push(text);
      await insert(trx, text);
    });
  const first = watch(run('a'));
  await turns();
  const second = watch(run('b'));
  await turns();
  expect(order).toEqual(['a', 'b']);
  const others = ['c', 'd', 'e'].map((text) => watch(run(text)));
  await turns();
  expect([order, asked.length]).toEqual([['a', 'b'], 1]);
  await end();
  expect([order, first.state, second.state]).toEqual([['a', 'b', 'c', 'd', 'e'], 'told', 'waits']);
  await end();
  await end();
  expect([second, ...others].map(({ state }) => state)).toEqual(['told', 'told', 'told', 'told']);
});

it('a reader waits for nothing when all is on disk', async () => {
  const { db, asked } = await openOnSlowDisk();
  expect([await count(db), asked.length]).toEqual([0, 0]);
});

it('the log is what is synced', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-disk-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const db = new Kysely<Schema>({ dialect: createSqliteDialect(dataDir) });
  await sql`create table notes (text text)`.execute(db);
  expect(existsSync(join(dataDir, 'copilot-notify.db-wal'))).toBe(true);
  await db.destroy();
  expect(existsSync(join(dataDir, 'copilot-notify.db-wal'))).toBe(false);
});
