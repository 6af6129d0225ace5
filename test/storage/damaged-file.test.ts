// A file that is damaged: told as such, not as a fault of whoever asks, and not written to any more.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type Database, openDatabase, probeWrite } from '../../src/storage/database.ts';
import { transact } from '../../src/storage/transact.ts';

const pageBytes = 2_048;
const mark = 'this page will be damaged. ';

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'copilot-notify-damaged-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function fill(db: Database): Promise<unknown> {
  return transact(db, (trx) =>
    trx
      .insertInto('idempotency_keys')
      .values(
        Array.from({ length: 50 }, (_, index) => {
          return { credential: 'c', key: String(index), fingerprint: mark.repeat(50), answer: '', expires_at: 0 };
        }),
      )
      .execute(),
  );
}

/** Overwrites every page with the mark in it, as a failing disk may; gives how many. */
function damage(file: string): number {
  const bytes = readFileSync(file);
  let pages = 0;
  for (let start = 0; start < bytes.length; start += pageBytes) {
    const page = bytes.subarray(start, start + pageBytes);
    if (!page.includes(mark)) continue;
    page.fill(0xff);
    pages += 1;
  }
  writeFileSync(file, bytes);
  return pages;
}

const isDamaged = { code: 'unavailable', status: 503, message: expect.stringContaining('damaged') as string };

it('a damaged page is told as 503 where it is met, and from then on nothing is written', async () => {
  const dataDir = makeFolder();
  const before = await openDatabase({ dataDir });
  await fill(before);
  await before.destroy();
  expect(damage(join(dataDir, 'copilot-notify.db'))).toBeGreaterThan(10);

  const db = await openDatabase({ dataDir });
  await probeWrite(db, 1);
  await expect(db.selectFrom('idempotency_keys').selectAll().execute()).rejects.toMatchObject(isDamaged);
  // What readiness asks, alone and in a transaction.
  await expect(probeWrite(db, 2)).rejects.toMatchObject(isDamaged);
  await expect(transact(db, (trx) => probeWrite(trx, 3))).rejects.toMatchObject(isDamaged);
  // What can be read is read.
  expect(await db.selectFrom('write_probe').select('at').execute()).toEqual([{ at: 1 }]);
  await db.destroy();
});

it('a file that cannot be opened is let go of: the same process opens the one that takes its place', async () => {
  const dataDir = makeFolder();
  const file = join(dataDir, 'copilot-notify.db');
  const made = await openDatabase({ dataDir });
  await made.destroy();
  const whole = readFileSync(file);
  writeFileSync(file, 'no database'.repeat(1_000));
  for (let time = 0; time < 2; time += 1) {
    await expect(openDatabase({ dataDir })).rejects.toThrow(
      /^DATA_DIR: cannot open .*: it is damaged, restore a backup/,
    );
  }
  writeFileSync(file, whole);
  const db = await openDatabase({ dataDir });
  await probeWrite(db, 1);
  await db.destroy();
});
