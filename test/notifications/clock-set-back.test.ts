// A clock that jumps back must stop nothing.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Backlog } from '../../src/notifications/backlog.ts';
import { HostPace } from '../../src/notifications/send-rate.ts';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { isOnPostgres, openTestDatabase } from '../helpers/database.ts';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.ts';
import { startSkill } from '../helpers/skill.ts';

const hour = 3_600_000;
const startedAt = Date.parse('2026-01-01T00:00:00Z');

let db: Database;
let clock: FakeClock;
beforeEach(async () => {
  db = await openTestDatabase();
  clock = createFakeClock(startedAt);
});

describe('a clock that was set back an hour', () => {
  it('stops no host', () => {
    const pace = new HostPace(100);
    for (let attempt = 0; attempt < 100; attempt += 1) pace.begin(startedAt);
    expect([pace.allows(startedAt), pace.nextAt(startedAt)]).toEqual([0, startedAt + 1_000]);
    const earlier = startedAt - hour;
    expect([pace.allows(earlier), pace.nextAt(earlier)]).toEqual([100, earlier]);
    for (let attempt = 0; attempt < 100; attempt += 1) expect(pace.begin(earlier)).toBe(true);
    expect([pace.begin(earlier), pace.nextAt(earlier)]).toEqual([false, earlier + 1_000]);
  });

  it('has what is on its way counted anew', async () => {
    const backlog = new Backlog(db, clock, 1);
    await backlog.look();
    backlog.reserve(1);
    clock.advance(-hour);
    await backlog.look();
    backlog.reserve(1);
    expect(() => backlog.reserve(1)).toThrow(/MAX_PENDING/);
  });

  it.skipIf(isOnPostgres)('has the storage looked at again, whether it had been good or bad', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const before = await openDatabase({ dataDir });
    const bad = sql.lit(startedAt - hour);
    await sql`create trigger full before insert on write_probe when new.at = ${bad}
      begin select raise(abort, 'disk full'); end`.execute(before);
    await before.destroy();
    const skill = await startSkill({ clock, env: { DATA_DIR: dataDir } });
    onTestFinished(() => skill.stop());
    const isReady = async (): Promise<boolean> => (await fetch(`${skill.url}/health/ready`)).status === 200;
    expect(await isReady()).toBe(true);
    clock.advance(-hour);
    expect(await isReady()).toBe(false);
    clock.advance(-hour);
    expect(await isReady()).toBe(true);
  });
});
