// Backups of a database that is being written to: whole, of one moment, and without harm to the database.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type BackupDesk, createBackupDesk } from '../../src/storage/backup.ts';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { scrubFile } from '../../src/storage/scrub.ts';
import { transact } from '../../src/storage/transact.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';

const startedAt = Date.parse('2026-01-02T03:04:05.678Z');
let dataDir: string;
let db: Database;
let desk: BackupDesk;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-backup-'));
  db = await openDatabase({ dataDir });
  desk = createBackupDesk({ db, dataDir, now: createFakeClock(startedAt).now });
  onTestFinished(async () => {
    await db.destroy();
    rmSync(dataDir, { recursive: true, force: true });
  });
});

/** A notification and its lane in one transaction: one without the other is half a commit. */
const write = (number: number, text = 'x') =>
  transact(db, async (trx) => {
    const id = `n${String(number).padStart(8, '0')}`;
    await sql`
      insert into notifications (id, sender, recipient, content, keep_open, recipients, accepted_at, send_at, expires_at)
      values (${id}, 's', '{}', ${text}, 0, 0, 0, 0, 0)`.execute(trx);
    await trx.insertInto('lanes').values({ conversation_id: id, parent: 'p', run_at: number, token: null }).execute();
  });

async function fill(count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, number) => write(number, 'x'.repeat(4_000))));
}

/** Some 50 MB, so that a copy takes its time. */
async function grow(): Promise<void> {
  await sql`
    with recursive numbers (number) as (select 1 union all select number + 1 from numbers where number < 50)
    insert into idempotency_keys (credential, key, fingerprint, answer, expires_at)
    select 'c', number, 'f', hex(zeroblob(500000)), 0 from numbers`.execute(db);
}

/** What is in a backup, opened as the restored data of a service. */
async function restore(file: string) {
  const folder = mkdtempSync(join(tmpdir(), 'copilot-notify-restored-'));
  renameSync(file, join(folder, 'copilot-notify.db'));
  const restored = await openDatabase({ dataDir: folder });
  try {
    const integrity = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(restored);
    const notifications = await restored.selectFrom('notifications').select('id').orderBy('id').execute();
    const lanes = await restored.selectFrom('lanes').select('conversation_id').orderBy('conversation_id').execute();
    return {
      integrity: integrity.rows.map((row) => row.integrity_check),
      notifications: notifications.map(({ id }) => id),
      lanes: lanes.map((lane) => lane.conversation_id),
    };
  } finally {
    await restored.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
}

const autocheckpoint = () =>
  sql<{ wal_autocheckpoint: number }>`pragma wal_autocheckpoint`
    .execute(db)
    .then(({ rows }) => rows[0]?.wal_autocheckpoint);

describe('a backup', () => {
  it('holds all that was committed before it, and whole commits only, while many more are made', async () => {
    const before = 500;
    await fill(before);
    await grow();
    const state = { isDone: false, written: before };
    const making = desk.backUp().finally(() => (state.isDone = true));
    while (!state.isDone) {
      await Promise.all([write(state.written), write(state.written + 1, 'y'.repeat(20_000))]);
      state.written += 2;
    }
    const { file, bytes } = await making;
    expect(statSync(file).size).toBe(bytes);
    const found = await restore(file);
    expect(found.integrity).toEqual(['ok']);
    expect(found.lanes).toEqual(found.notifications);
    expect(found.notifications.length).toBeGreaterThanOrEqual(before);
    // In the order of the commits, without a gap.
    expect(found.notifications.at(-1)).toBe(`n${String(found.notifications.length - 1).padStart(8, '0')}`);
    const duringIt = state.written - before;
    expect(duringIt).toBeGreaterThan(2);
    console.log(`backup: ${bytes} bytes, ${duringIt} commits meanwhile, ${found.notifications.length - before} in it`);
    // Nothing is missing from the database itself.
    const { rows } = await sql<{ count: number }>`select count(*) as count from lanes`.execute(db);
    expect(rows).toEqual([{ count: state.written }]);
  });

  it('leaves the database locked against other processes, and its log as it was', async () => {
    await fill(10);
    const every = await autocheckpoint();
    await desk.backUp('first.db');
    await desk.backUp('second.db');
    expect(openInAnotherProcess(join(dataDir, 'copilot-notify.db'))).toBe('SQLITE_BUSY');
    expect([every, await autocheckpoint()]).toEqual([16_000, 16_000]);
  });

  it('is in DATA_DIR/backups under the time or the name given, for its owner alone', async () => {
    const timed = await desk.backUp();
    const named = await desk.backUp('mine.db');
    const folder = join(dataDir, 'backups');
    expect(timed.file).toBe(join(folder, 'copilot-notify-2026-01-02T03-04-05.678Z.db'));
    expect(named.file).toBe(join(folder, 'mine.db'));
    const rights = [folder, timed.file, named.file].map((path) => (statSync(path).mode & 0o777).toString(8));
    expect(rights).toEqual(['700', '600', '600']);
  });

  it('never takes the place of another', async () => {
    await desk.backUp('mine.db');
    await write(1);
    const answers = await Promise.allSettled([
      desk.backUp('mine.db'),
      desk.backUp('other.db'),
      desk.backUp('other.db'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
    expect(answers[0]).toMatchObject({ reason: { code: 'name_taken' } });
    expect((await restore(join(dataDir, 'backups', 'mine.db'))).lanes).toEqual([]);
  });

  it('that was cut off leaves no file of its name, and the next one is whole', async () => {
    await fill(20);
    mkdirSync(join(dataDir, 'backups'));
    writeFileSync(
      join(dataDir, 'backups', 'mine.db.part'),
      'half of one, of a process that was killed'.repeat(1_000_000),
    );
    const { file } = await desk.backUp('mine.db');
    expect(readdirSync(join(dataDir, 'backups'))).toEqual(['mine.db']);
    expect((await restore(file)).lanes).toHaveLength(20);
  });

  it('waits for a scrub, and a scrub for it: the log is emptied only when nobody counts on it', async () => {
    await fill(300);
    const done: string[] = [];
    await Promise.all([
      desk.backUp('first.db').then(() => done.push('backup')),
      scrubFile(db).then(() => done.push('scrub')),
    ]);
    expect(done).toEqual(['backup', 'scrub']);
    expect(statSync(join(dataDir, 'copilot-notify.db-wal')).size).toBe(0);
  });
});

describe('a backup fails, and leaves no file, when', () => {
  it('the file is written to meanwhile', async () => {
    await grow();
    const state = { isDone: false };
    const outcome = Promise.allSettled([desk.backUp('mine.db')]).finally(() => (state.isDone = true));
    for (let number = 0; !state.isDone; number += 1) {
      // In the file as soon as it is committed, without waiting for the disk.
      const committed = write(number);
      await nextTurn();
      await Promise.all([committed, sql`pragma wal_checkpoint(passive)`.execute(db)]);
    }
    expect(await outcome).toMatchObject([{ reason: { message: 'the database file has changed while it was copied' } }]);
    expect(readdirSync(join(dataDir, 'backups'))).toEqual([]);
    expect(await autocheckpoint()).toBe(16_000);
  });

  it('the service stops', async () => {
    await fill(500);
    const making = desk.backUp('mine.db');
    desk.stop();
    await expect(making).rejects.toMatchObject({ code: 'unavailable', message: 'The service is stopping.' });
    expect(readdirSync(join(dataDir, 'backups'))).toEqual([]);
    expect(await autocheckpoint()).toBe(16_000);
  });

  it('the folder takes nothing', async () => {
    writeFileSync(join(dataDir, 'backups'), 'no folder');
    const making = desk.backUp();
    await expect(making).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('DATA_DIR') });
    await write(1);
    expect(await autocheckpoint()).toBe(16_000);
  });
});

function openInAnotherProcess(file: string): string {
  const script = `
    import Libsql from 'libsql';
    try { const db = new Libsql(process.argv[1]); db.exec('begin immediate; commit'); console.log('opened'); }
    catch (error) { console.log(error.code); }`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script, file], { encoding: 'utf8' }).trim();
}
