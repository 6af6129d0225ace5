import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../src/storage/database.ts';

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'copilot-notify-db-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens the file in a process of its own, as a second service would, and prints what came of it. */
function openInAnotherProcess(file: string): string {
  const script = `
    import Libsql from 'libsql';
    try { const db = new Libsql(process.argv[1]); db.exec('begin immediate; commit'); console.log('opened'); }
    catch (error) { console.log(error.code); }`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script, file], { encoding: 'utf8' }).trim();
}

describe('openDatabase', () => {
  it('keeps its file whole through power loss: write-ahead log, synced around each checkpoint', async () => {
    const db = await openDatabase({ dataDir: makeFolder() });
    onTestFinished(() => db.destroy());
    const journal = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(db);
    const synchronous = await sql<{ synchronous: number }>`pragma synchronous`.execute(db);
    expect(journal.rows[0]?.journal_mode).toBe('wal');
    // What has been told is on disk by disk.ts: see disk.test.ts.
    expect(synchronous.rows[0]?.synchronous).toBe(1);
  });

  it('lets nobody else read its files, whoever may look into the folder', async () => {
    const folder = makeFolder();
    chmodSync(folder, 0o755);
    const db = await openDatabase({ dataDir: folder });
    onTestFinished(() => db.destroy());
    const rights = readdirSync(folder).map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]);
    expect(rights).toEqual([
      ['copilot-notify.db', '600'],
      ['copilot-notify.db-wal', '600'],
    ]);
  });

  it('overwrites what is deleted', async () => {
    const db = await openDatabase({ dataDir: makeFolder() });
    onTestFinished(() => db.destroy());
    const { rows } = await sql<{ secure_delete: number }>`pragma secure_delete`.execute(db);
    expect(rows).toEqual([{ secure_delete: 1 }]);
  });

  it('locks the file against a second process until it is closed', async () => {
    const folder = makeFolder();
    const db = await openDatabase({ dataDir: folder });
    const file = join(folder, 'copilot-notify.db');
    expect(openInAnotherProcess(file)).toBe('SQLITE_BUSY');
    await expect(openDatabase({ dataDir: folder })).rejects.toThrow(/DATA_DIR: .* is in use by another process/);
    await db.destroy();
    expect(openInAnotherProcess(file)).toBe('opened');
  });

  it('names DATA_DIR when the folder cannot be used', async () => {
    const folder = makeFolder();
    const file = join(folder, 'not-a-folder');
    writeFileSync(file, '');
    await expect(openDatabase({ dataDir: file })).rejects.toThrow(/^DATA_DIR: cannot open/);
  });

  it('names DATA_DIR when the file is no database', async () => {
    const folder = makeFolder();
    writeFileSync(join(folder, 'copilot-notify.db'), 'this is no database, whatever its name says'.repeat(100));
    await expect(openDatabase({ dataDir: folder })).rejects.toThrow(/^DATA_DIR: /);
  });

  it('refuses a file that a newer version has written', async () => {
    const folder = makeFolder();
    const db = await openDatabase({ dataDir: folder });
    await sql`insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '2030')`.execute(db);
    await db.destroy();
    await expect(openDatabase({ dataDir: folder })).rejects.toThrow(/could not be brought up to date/);
  });

  it('can be opened again with what was stored', async () => {
    const folder = makeFolder();
    const first = await openDatabase({ dataDir: folder });
    await first
      .insertInto('lanes')
      .values({ conversation_id: 'c', parent: 'p a', run_at: 1_800_000_000_000, token: null })
      .execute();
    await first.destroy();
    const second = await openDatabase({ dataDir: folder });
    onTestFinished(() => second.destroy());
    expect(await second.selectFrom('lanes').selectAll().execute()).toEqual([
      { conversation_id: 'c', parent: 'p a', run_at: 1_800_000_000_000, token: null },
    ]);
  });

  it('keeps the statement cache small when every query is different', async () => {
    const db = await openDatabase({ dataDir: makeFolder() });
    onTestFinished(() => db.destroy());
    for (let index = 0; index < 600; index += 1) {
      const { rows } = await sql<{ n: number }>`select ${sql.lit(index)} as n`.execute(db);
      expect(rows).toEqual([{ n: index }]);
    }
  });
});
