// A real database of its own for each test, gone after it: SQLite in a folder, or PostgreSQL where the run is about that.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { type Database, type DatabasePlace, openDatabase } from '../../src/storage/database.ts';
import { createTestDatabase } from './postgres.ts';

/** The run is one on PostgreSQL (vitest.config.ts). */
export const isOnPostgres = process.env['TEST_ENGINE'] === 'postgres';

/** An empty database; `remove` when nobody uses it any more. */
export async function makePlace(): Promise<{ readonly place: DatabasePlace; readonly remove: () => Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-db-'));
  const made = isOnPostgres ? await createTestDatabase(inject('postgresUrl')) : undefined;
  const remove = async (): Promise<void> => {
    await made?.drop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { place: { dataDir, url: made?.url }, remove };
}

export async function openTestDatabase(): Promise<Database> {
  const { place, remove } = await makePlace();
  const db = await openDatabase(place);
  onTestFinished(async () => {
    await db.destroy();
    await remove();
  });
  return db;
}
