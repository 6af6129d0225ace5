// A person is erased while something of theirs is in flight, in a turn, or among very much else; and what the files keep.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sql } from 'kysely';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { isOnPostgres } from '../helpers/database.ts';
import { saveConversation, setReachability } from '../../src/conversations/conversation-store.ts';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import { erasePerson } from '../../src/notifications/erase-store.ts';
import { createInbox } from '../../src/notifications/inbox.ts';
import { takeBackLeases } from '../../src/notifications/lane-store.ts';
import { wakeLanes } from '../../src/notifications/wake-lanes.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { createPeopleDesk } from '../../src/notifications/people-desk.ts';
import { exportPerson } from '../../src/notifications/person-store.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { conversation } from '../helpers/conversation.ts';
import { eventually } from '../helpers/eventually.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { createLaneBench, LaneBench } from '../helpers/lane-bench.ts';

const taken: SendOutcome = { kind: 'delivered', status: 200 };
const refused = (status: number): SendOutcome => ({ kind: 'refused', status, retryAfter: undefined, detail: 'why' });

let lane: LaneBench;
beforeEach(async () => {
  lane = await createLaneBench();
});

const see = (change: object = {}) =>
  saveConversation(lane.db, { ...conversation, lastSeenAt: lane.clock.now(), ...change });
const erase = () => erasePerson(lane.db, 'user', lane.clock.now());

async function accept(to: object, text = 'hello', into = lane.db): Promise<string> {
  const now = lane.clock.now();
  return (await acceptNotification(into, 'test', parseNotifyRequest({ to, message: { text } }, now, 86_400_000), now))
    .id;
}

/** How many rows there are in all tables about people. */
async function countRows(): Promise<number> {
  const tables = ['conversations', 'waits', 'subscriptions', 'deliveries', 'attempts', 'notifications', 'lanes'];
  const counts = tables.map((table) =>
    sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(lane.db),
  );
  return (await Promise.all(counts)).reduce((sum, { rows }) => sum + (rows[0]?.n ?? 0), 0);
}

/** The service starts anew, the person is back, and whatever there is to do is done: what has been sent? */
async function findResurrected(): Promise<readonly string[]> {
  lane.sent.length = 0;
  lane.answer = () => taken;
  await takeBackLeases(lane.db, lane.clock.now());
  await see();
  await wakeLanes(lane.db, ['c'], lane.clock.now());
  lane.clock.advance(3_600_000);
  await lane.work();
  return lane.kinds;
}

const kindsOf = { message: ['message'], end: ['message', 'endOfAction'], timeout: ['endOfAction'] };

describe('in flight', () => {
  it.each([
    ...[taken, refused(503), refused(429), refused(401), refused(403), refused(400)].map(
      (answer) => ['message', answer] as const,
    ),
    ...[taken, refused(503), refused(403)].flatMap((answer) => [
      ['end', answer] as const,
      ['timeout', answer] as const,
    ]),
  ])('the %s ends once, and nothing comes back: %j', async (what, outcome) => {
    await lane.openWait('w1');
    if (what !== 'timeout') await lane.accept('hello');
    lane.answer = async (push) => {
      if (what === 'end' && push.kind === 'message') return taken;
      expect(await erase()).toMatchObject({ conversations: 1, waits: 1, deliveries: what === 'timeout' ? 0 : 1 });
      return outcome;
    };
    if (what === 'timeout') await lane.passDeadline();
    else await lane.work();
    expect([lane.kinds, lane.settled, await countRows()]).toEqual([kindsOf[what], [], 0]);
    expect(await findResurrected()).toEqual([]);
  });

  it('the person is back before it ends: what is new goes out under a lease of its own', async () => {
    await lane.accept('old');
    await accept({ conversationId: 'c' }, 'old');
    const lease = await lane.claim();
    lane.answer = async () => {
      await erase();
      await see();
      await accept({ conversationId: 'c' }, 'new');
      lane.answer = () => taken;
      await lane.work();
      return refused(503);
    };
    if (lease) await lane.workOff(lease);
    const { rows } = await sql`select state, attempts from deliveries`.execute(lane.db);
    expect(rows).toEqual([{ state: 'delivered', attempts: 1 }]);
    expect(await findResurrected()).toEqual([]);
  });

  // A start takes leases back only where one process owns the database.
  it.skipIf(isOnPostgres)('were its row left, the next start would send it again', async () => {
    await accept({ conversationId: 'c' });
    lane.answer = async () => {
      await sql`delete from lanes`.execute(lane.db);
      await sql`delete from conversations`.execute(lane.db);
      return taken;
    };
    await lane.work();
    expect(await findResurrected()).toEqual(['message']);
  });
});

describe('in a turn that has taken it', () => {
  it.each(['given', 'put back', 'put back after a refusal'])('%s: nothing is kept', async (end) => {
    await accept({ conversationId: 'c' });
    await accept({ conversationId: 'c' });
    await setReachability(lane.db, 'c', 'held', 'No action is open.');
    await lane.work();
    const inbox = createInbox({ db: lane.db, now: lane.clock.now, onSettled: () => undefined })(conversation);
    const items = await inbox.take({ limit: 2 });
    expect(items.length).toBe(2);
    expect(await erase()).toMatchObject({ deliveries: 2, notifications: 2 });
    for (const item of items) {
      expect(await item.renew()).toBe(false);
      if (end === 'given') await item.given({ kind: 'delivered', status: 200 });
      else await (end === 'put back' ? item.putBack() : item.putBack(refused(502)));
    }
    expect([await countRows(), await inbox.take({ limit: 2 })]).toEqual([0, []]);
    expect(await findResurrected()).toEqual([]);
  });
});

it('under load others are delivered to, once each, and nothing to the person begins after their erasure', async () => {
  const { db } = lane;
  const people = Array.from({ length: 40 }, (_, index) => `p${index}`);
  for (const id of people) await see({ id, userKey: id === 'p0' || id === 'p1' ? 'user' : id });
  await db.transaction().execute(async (into) => {
    for (let round = 0; round < 10; round += 1) {
      for (const id of people) await accept({ conversationId: id }, `${id}: ${round}`, into);
      await accept({ all: true }, `all: ${round}`, into);
    }
  });
  const textsOf = (ids: RegExp) =>
    lane.sent
      .flatMap((push) => (push.kind === 'message' ? [push.notification.content.message?.text ?? ''] : []))
      .filter((text) => ids.test(text));
  lane.answer = () => nextTurn(taken);
  const worker = lane.createWorker();
  await worker.start();
  onTestFinished(() => worker.stop());
  await eventually('some are delivered', () => lane.sent.length > 50);
  expect(await erase()).toMatchObject({ conversations: 3, deliveries: 50 });
  const toThem = textsOf(/^p[01]:/u).length;
  const countOpen = async (): Promise<number> =>
    (await db.selectFrom('deliveries').select('id').where('state', '!=', 'delivered').execute()).length;
  await eventually('all others are delivered', async () => (await countOpen()) === 0);
  await worker.stop();
  const all = textsOf(/^p/u);
  expect([textsOf(/^p[01]:/u).length, new Set(all).size]).toEqual([toThem, all.length]);
  const { rows } = await sql`select state, count(*) as n from deliveries group by state`.execute(db);
  expect([await erase(), rows]).toMatchObject([{ conversations: 0, deliveries: 0 }, [{ state: 'delivered', n: 760 }]]);
});

/** 5,000 deliveries to one conversation, each with 8 KB of text. */
async function acceptMany(): Promise<void> {
  await lane.db.transaction().execute(async (into) => {
    for (let index = 0; index < 5_000; index += 1) await accept({ conversationId: 'c' }, 'x'.repeat(8_000), into);
  });
}

describe('5,000 deliveries', () => {
  it('are shown page by page: of 40 MB no more than a few are in memory', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    await acceptMany();
    const person = await exportPerson(lane.db, 'user', lane.clock.now());
    const before = used();
    let [count, most, bytes] = [0, 0, 0];
    for (const entries of [person?.deliveries, person?.notifications]) {
      for await (const entry of entries ?? []) {
        bytes += JSON.stringify(entry).length;
        count += 1;
        if (count % 250 === 0) most = Math.max(most, used() - before);
      }
    }
    expect([count, bytes > 80e6, most < 6e6]).toEqual([10_000, true, true]);
  });

  it('are erased chunk by chunk: others have their turn, and no transaction has more than 500 rows', async () => {
    await acceptMany();
    const left: number[] = [];
    const erasing = erase();
    while (left.at(-1) !== 0) {
      const { rows } = await sql<{ n: number }>`select count(*) as n from deliveries`.execute(lane.db);
      if (rows[0] && rows[0].n !== left.at(-1)) left.push(rows[0].n);
      await nextTurn();
    }
    expect(await erasing).toMatchObject({ conversations: 1, deliveries: 5_000, notifications: 5_000 });
    const steps = left.slice(1).map((count, index) => (left[index] ?? 0) - count);
    expect([left.at(-1), Math.max(...steps)]).toEqual([0, 500]);
  });
});

it('no text, id or answer is left in the files', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-canary-'));
  const db = await openDatabase({ dataDir });
  onTestFinished(async () => {
    await db.destroy();
    rmSync(dataDir, { recursive: true, force: true });
  });
  lane = new LaneBench(db, createFakeClock());
  await see({ externalId: 'canary', locale: 'canary' });
  for (let index = 0; index < 200; index += 1) {
    await see({ id: `d${index}`, userKey: 'other', lastSeenAt: 0 });
    if (index % 2 === 0) await see({ id: `c${index}`, userId: 'canary' });
    await accept({ conversationId: `d${index}` }, 'z'.repeat((index * 53) % 5_000) + '.');
    await accept({ conversationId: 'c' }, `canary ${'y'.repeat((index * 37) % 7_000)}`);
    lane.answer = ({ kind }) => ({
      ...refused(kind === 'message' && index % 3 === 0 ? 503 : 400),
      said: 'by the parent',
    });
    await lane.work();
  }
  const count = (): number =>
    readdirSync(dataDir)
      .map((name) => readFileSync(join(dataDir, name), 'latin1').split('canary').length - 1)
      .reduce((sum, found) => sum + found, 0);
  expect(count()).toBeGreaterThan(200);
  const erased = await createPeopleDesk(db, lane.clock.now).erase('user');
  expect(erased).toMatchObject({ conversations: 101, deliveries: 200, notifications: 200 });
  expect(count()).toBe(0);
});
