// V2: what is kept only for a time is gone when it is over, table by table, and from the files too.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { subscribe } from '../../src/conversations/subscription-store.ts';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import { hashPerson } from '../../src/notifications/audit-store.ts';
import { cancelNotification } from '../../src/notifications/cancel-notification.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { openDatabase, probeWrite } from '../../src/storage/database.ts';
import { conversation } from '../helpers/conversation.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { type Keeper, startKeeper } from '../helpers/keeper.ts';
import { LaneBench } from '../helpers/lane-bench.ts';
import { countInFiles } from '../helpers/people.ts';

const hour = 3_600_000;
const day = 24 * hour;
const taken: SendOutcome = { kind: 'delivered', status: 200 };
const refused: SendOutcome = { kind: 'refused', status: 400, retryAfter: undefined, detail: 'canary of the parent' };
const held: SendOutcome = { ...refused, status: 403 };

let lane: LaneBench;
let dataDir: string;
let advance: Keeper['advance'];
/** What the housekeeper could not do. */
let failures: string[];

beforeEach(async () => {
  failures = [];
  dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-retention-'));
  const db = await openDatabase({ dataDir });
  lane = new LaneBench(db, createFakeClock(Date.parse('2026-01-01T00:00:00Z')));
  const logger = pino({ level: 'error' }, { write: (line: string) => failures.push(line) });
  ({ advance } = await startKeeper({ db, clock: lane.clock, logger }));
  onTestFinished(async () => {
    await db.destroy();
    rmSync(dataDir, { recursive: true, force: true });
  });
});

afterEach(() => {
  if (failures.length > 0) throw new Error(failures.join(''));
});

const see = (change: object = {}) =>
  saveConversation(lane.db, { ...conversation, lastSeenAt: lane.clock.now(), ...change });

async function accept(text: string, to: object = { conversationId: 'c' }): Promise<string> {
  const now = lane.clock.now();
  const more = { result: { text }, metadata: { note: text }, keepOpen: true };
  const request = parseNotifyRequest({ to, message: { text }, ...more }, now, day);
  const repeat = { key: `key of ${text}`, fingerprint: 'f' };
  return (await acceptNotification(lane.db, 'test', request, now, { repeat })).id;
}

async function work(answer: SendOutcome): Promise<void> {
  lane.answer = () => answer;
  await lane.work();
}

const traces = (text = 'canary'): number => countInFiles(dataDir, text);
const bodies = (): number => traces('canary of the body');
const keys = (): number => traces('key of canary');

/** A row in every table, with a canary wherever a text can be. */
async function liveWholeLife(): Promise<void> {
  await see({ externalId: 'canary', userId: 'canary', userKey: 'canary', locale: 'canary' });
  await subscribe(lane.db, { conversationId: 'c', subject: 'canary', once: false, createdAt: lane.clock.now() });
  for (const answer of [taken, refused, held]) {
    await accept(`canary ${answer.kind} ${'status' in answer ? answer.status : ''}`);
    await work(answer);
  }
  await accept('canary that nobody waits for', { subject: 'canary of nobody' });
  await cancelNotification(lane.db, await accept('canary that is cancelled'), lane.clock.now());
  await lane.openWait('canary of the wait');
  await probeWrite(lane.db, lane.clock.now());
  await hashPerson(lane.db, 'canary');
}

async function countRows(): Promise<Record<string, number>> {
  const { rows } = await sql<{ name: string }>`
    select name from sqlite_master where type = 'table' and name not like 'sqlite%' and name not like 'kysely%'
    order by name`.execute(lane.db);
  const counts: Record<string, number> = {};
  for (const { name } of rows) {
    counts[name] =
      (await sql<{ n: number }>`select count(*) as n from ${sql.table(name)}`.execute(lane.db)).rows[0]?.n ?? 0;
  }
  return counts;
}

describe('after 91 days', () => {
  it('there is no row about anybody in any table, and no trace of them in any file', async () => {
    await liveWholeLife();
    const before = await countRows();
    const { api_keys: keysOfSenders, webhooks, ...ofPeople } = before;
    expect([keysOfSenders, webhooks, Object.values(ofPeople).includes(0)]).toEqual([0, 0, false]);
    expect(traces()).toBeGreaterThan(20);
    // The wait ends at its deadline, and its lane with it.
    await lane.passDeadline();
    await advance(31 * day);
    await advance(60 * day);
    const kept = Object.entries(await countRows()).filter(([, count]) => count > 0);
    expect(kept).toEqual([
      ['audit_key', 1],
      ['write_probe', 1],
    ]);
    expect(traces()).toBe(0);
  });
});

describe('the texts', () => {
  beforeEach(() => see());

  it('of what is delivered are in no file a day and an hour later', async () => {
    await accept('canary of the body');
    await work(taken);
    await advance(day);
    expect(bodies()).toBeGreaterThan(0);
    await advance(hour + 60_000);
    expect(bodies()).toBe(0);
  });

  it('of what is cancelled too', async () => {
    await cancelNotification(lane.db, await accept('canary of the body'), lane.clock.now());
    await advance(day + hour + 60_000);
    expect(bodies()).toBe(0);
  });

  it('of a dead letter stay 30 days, so that it can be tried again, and go with it', async () => {
    await accept('canary of the body');
    await work(refused);
    await advance(29 * day);
    expect(bodies()).toBeGreaterThan(0);
    await advance(2 * day + hour);
    expect([bodies(), await countRows()]).toMatchObject([0, { deliveries: 0, attempts: 0, notifications: 0 }]);
  });

  it('of what nobody ever waited for go a day after the expiry', async () => {
    await accept('canary of the body', { subject: 'nobody' });
    await advance(2 * day);
    expect(bodies()).toBeGreaterThan(0);
    await advance(hour + 60_000);
    expect(bodies()).toBe(0);
  });

  it('as keys that senders chose go with the notification, and leave no trace an hour later', async () => {
    await accept('canary of the body', { subject: 'nobody' });
    expect(keys()).toBeGreaterThan(0);
    await advance(day + hour);
    expect([(await countRows())['idempotency_keys'], keys()]).toEqual([0, 0]);
  });
});

describe('a conversation', () => {
  it('is in no file 90 days after the last turn', async () => {
    await see({ externalId: 'canary', userId: 'canary', userKey: 'canary' });
    await advance(89 * day);
    expect(traces()).toBeGreaterThan(0);
    await advance(day + hour);
    expect([traces(), (await countRows())['conversations']]).toEqual([0, 0]);
  });
});
