// What has been deleted is in no file of the data folder any more, and what has not been deleted is untouched.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { scrubFile } from '../../src/storage/scrub.ts';
import { createRandom } from '../chaos/random.ts';

const seed = Number(process.env['SCRUB_SEED'] ?? Date.now() % 2 ** 31);
const found = { runs: 0, deleted: 0, withoutScrub: 0, withScrub: 0 };
afterAll(() => console.log(`scrub: seed ${seed}, ${JSON.stringify(found)}`));

async function openFolder(): Promise<{ db: Database; dataDir: string }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-scrub-'));
  const db = await openDatabase({ dataDir });
  onTestFinished(async () => {
    await db.destroy();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return { db, dataDir };
}

function countTraces(dataDir: string, trace = 'canary'): number {
  const texts = readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name), 'latin1'));
  return texts.reduce((sum, text) => sum + text.split(trace).length - 1, 0);
}

const insert = (db: Database, id: string, content: string) =>
  sql`insert into notifications (id, sender, subject, recipient, content, keep_open, recipients, accepted_at, send_at, expires_at)
      values (${id}, ${id}, ${content.slice(0, 20)}, ${id}, ${content}, 0, 0, 0, 0, 0)`.execute(db);

/** Rows of many sizes come and go, in any order: pages are split, joined and rebuilt. */
async function live(db: Database, random: () => number): Promise<void> {
  const longest = random() < 0.2 ? 6_000 : 900;
  const pick = (most: number): number => Math.floor(random() * most);
  await db.transaction().execute(async (trx) => {
    for (let index = 0; index < 1_500; index += 1) {
      const id = `${pick(1e9).toString(36)}-${index}`;
      const isCanary = random() < 0.3;
      await insert(
        trx,
        isCanary ? `canary ${id}` : id,
        `${isCanary ? 'canary' : 'other'} ${'q'.repeat(pick(longest))}`,
      );
      const some = sql`select id from notifications order by sender limit ${pick(4)} offset ${pick(index)}`;
      if (random() < 0.2) await sql`delete from notifications where id in (${some})`.execute(trx);
      const longer = `canary ${'u'.repeat(pick(longest))}`;
      if (random() < 0.2) await sql`update notifications set content = ${longer} where id in (${some})`.execute(trx);
    }
  });
}

const wholeTable = async (db: Database) => (await sql`select * from notifications order by id`.execute(db)).rows;

describe('after a scrub', () => {
  it('nothing that was deleted is in the files, and every row is as it was', async () => {
    const random = createRandom(seed);
    for (let run = 0; run < 6; run += 1) {
      const { db, dataDir } = await openFolder();
      await live(db, random);
      await sql`update notifications set content = '{}', subject = null where content like 'canary%'`.execute(db);
      const { numAffectedRows } = await sql`delete from notifications where id like 'canary%'`.execute(db);
      found.runs += 1;
      found.deleted += Number(numAffectedRows);
      await sql`pragma wal_checkpoint(truncate)`.execute(db);
      found.withoutScrub += countTraces(dataDir);
      const before = await wholeTable(db);
      await scrubFile(db);
      found.withScrub += countTraces(dataDir);
      expect(await wholeTable(db)).toEqual(before);
      // What comes next is put where the traces were.
      await live(db, random);
      expect((await sql`pragma integrity_check`.execute(db)).rows).toEqual([{ integrity_check: 'ok' }]);
    }
    // Or this file would not be needed: SQLite's own overwriting leaves traces.
    expect(found.withoutScrub).toBeGreaterThan(0);
    expect(found.withScrub).toBe(0);
  });

  it('the log is empty', async () => {
    const { db, dataDir } = await openFolder();
    await insert(db, 'id', 'text');
    const logBytes = () => readFileSync(join(dataDir, 'copilot-notify.db-wal')).length;
    expect(logBytes()).toBeGreaterThan(0);
    await scrubFile(db);
    expect(logBytes()).toBe(0);
  });

  it('another one changes nothing; what was asked meanwhile has had its turn', async () => {
    const { db } = await openFolder();
    await db.transaction().execute(async (trx) => {
      for (let index = 0; index < 400; index += 1) await insert(trx, `id-${index}`, 'x'.repeat(8_000));
    });
    let turns = 0;
    const done: string[] = [];
    const scrubbing = scrubFile(db).finally(() => done.push('scrubbed'));
    while (done.length === 0) {
      await insert(db, `new-${turns}`, 'y'.repeat(3_000));
      turns += 1;
      await nextTurn();
    }
    await scrubbing;
    await scrubFile(db);
    expect(turns).toBeGreaterThan(3);
    expect(await wholeTable(db)).toHaveLength(400 + turns);
    expect((await sql`pragma integrity_check`.execute(db)).rows).toEqual([{ integrity_check: 'ok' }]);
  });

  it('a stop ends it, and leaves the file whole', async () => {
    const { db, dataDir } = await openFolder();
    await insert(db, 'id', 'canary');
    await scrubFile(db, { stopping: AbortSignal.abort() });
    expect([countTraces(dataDir) > 0, (await wholeTable(db)).length]).toEqual([true, 1]);
  });
});
