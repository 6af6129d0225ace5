// A notification to very many is spread page by page: everybody once, in order, whatever happens in the middle.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Conversation } from '../../src/conversations/conversation.ts';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { openWait, subscribe } from '../../src/conversations/subscription-store.ts';
import { type AcceptedNotification, acceptNotification } from '../../src/notifications/accept-notification.ts';
import { cancelNotification } from '../../src/notifications/cancel-notification.ts';
import { expandNext } from '../../src/notifications/expand-notification.ts';
import { findNotificationView } from '../../src/notifications/notification-view.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { conversation } from '../helpers/conversation.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { createLaneBench, type LaneBench } from '../helpers/lane-bench.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const conversations = 1_800;
/** The last 200 conversations are further ones of the first 100 people. */
const people = 1_600;
const idOf = (index: number): string => `c${String(index).padStart(4, '0')}`;
const personOf = (index: number): number => (index < people ? index : index % 100);
/** Of 50 conversations: they have the action open, and take a push. */
const waits = (index: number): boolean => index % 36 === 0;

let db: Database;

function save(trx: Database, id: string, change: Partial<Conversation> = {}): Promise<void> {
  return saveConversation(trx, { ...conversation, id, reachability: 'held', ...change });
}

/** Everybody follows the subject `news`: 50 conversations with an open wait, the others as subscribers. */
async function saveFollowers(into: Database): Promise<void> {
  await into.transaction().execute(async (trx) => {
    for (let index = 0; index < conversations; index += 1) {
      const id = idOf(index);
      const reachability = waits(index) ? 'push' : 'held';
      await save(trx, id, { userKey: `p${personOf(index)}`, reachability, lastSeenAt: index });
      const wait = { conversationId: id, id: 'w', action: 'waitForNotification', openedAt: now, attempts: 0 };
      if (waits(index)) await openWait(trx, { ...wait, subject: 'news', deadlineAt: now + 60_000 });
      else await subscribe(trx, { conversationId: id, subject: 'news', once: false, createdAt: now });
    }
  });
}

/** Where each person is told: where the action is open, else where they were last seen. */
function expectedRecipients(): string[] {
  const chosen = new Map<number, number>();
  for (let index = 0; index < conversations; index += 1) {
    const before = chosen.get(personOf(index));
    if (before === undefined || !waits(before)) chosen.set(personOf(index), index);
  }
  return [...chosen.values()].map(idOf).toSorted();
}

function accept(to: object): Promise<AcceptedNotification> {
  return acceptNotification(db, 'test', parseNotifyRequest({ to, message: { text: 't' } }, now, 3_600_000), now);
}

async function recipientsOf(id: string): Promise<string[]> {
  const query = db.selectFrom('deliveries').select('conversation_id').where('notification_id', '=', id);
  const rows = await query.orderBy('conversation_id').execute();
  return rows.map((row) => row.conversation_id);
}

async function expandAll(): Promise<number> {
  let pages = 0;
  while (await expandNext(db, now)) pages += 1;
  return pages;
}

/** Conversations in which these two do not come in this order, of those that get both. */
async function findOvertaken(first: string, second: string): Promise<{ both: number; overtaken: string[] }> {
  const rows = await db
    .selectFrom('deliveries as one')
    .innerJoin('deliveries as two', 'two.conversation_id', 'one.conversation_id')
    .where('one.notification_id', '=', first)
    .where('two.notification_id', '=', second)
    .select(['one.conversation_id', 'one.seq as first', 'two.seq as second'])
    .execute();
  const overtaken = rows.filter((row) => row.second < row.first).map((row) => row.conversation_id);
  return { both: rows.length, overtaken };
}

describe('a notification to 1,800 followers', () => {
  beforeEach(async () => {
    db = await openTestDatabase();
    await saveFollowers(db);
  });

  it('reaches each of 1,600 people once, and says how many when it has', async () => {
    const { id, status, recipients } = await accept({ subject: 'news' });
    expect({ status, recipients }).toEqual({ status: 'pending', recipients: null });
    const shown: unknown[] = [];
    const spread: number[] = [];
    do {
      shown.push((await findNotificationView(db, id, now))?.recipients);
      spread.push((await recipientsOf(id)).length);
    } while (await expandNext(db, now));
    // The 200 of the last page have been told with their other conversations.
    expect(spread).toEqual([500, 1_000, 1_500, 1_600]);
    expect(shown).toEqual([null, null, null, people]);
    expect(await recipientsOf(id)).toEqual(expectedRecipients());
    const lanes = await db.selectFrom('lanes').select('conversation_id').orderBy('conversation_id').execute();
    expect(lanes.map((lane) => lane.conversation_id)).toEqual(expectedRecipients());
  });

  it('tells a person once whose conversations lie on two pages: where the action is open, else where last seen', async () => {
    const { id } = await accept({ subject: 'news' });
    const told = new Set(await recipientsOf(id));
    await expandAll();
    const all = new Set(await recipientsOf(id));
    // Person 20 waits in a conversation of the last page, person 36 in one of the first, person 7 nowhere.
    expect([idOf(20), idOf(1_620), idOf(1_720)].map((each) => told.has(each))).toEqual([false, true, false]);
    expect([idOf(36), idOf(1_636), idOf(1_736)].map((each) => told.has(each))).toEqual([true, false, false]);
    expect([idOf(7), idOf(1_607), idOf(1_707)].map((each) => told.has(each))).toEqual([false, false, true]);
    for (const index of [20, 36, 7]) {
      expect([index, 1_600 + index, 1_700 + index].filter((each) => all.has(idOf(each)))).toHaveLength(1);
    }
  });

  it('stops where it is when it is cancelled', async () => {
    const { id } = await accept({ subject: 'news' });
    await expandNext(db, now);
    expect(await cancelNotification(db, id, now)).toBe(true);
    expect(await expandAll()).toBe(0);
    expect(await findNotificationView(db, id, now)).toMatchObject({
      status: 'cancelled',
      recipients: 1_000,
      counts: { pending: 0, cancelled: 1_000 },
    });
  });

  it.each<[string, object, number]>([
    ['its conversation', { conversationId: idOf(1_500) }, 1],
    ['its person', { userId: 'p1500' }, 1],
    ['the same subject', { subject: 'news' }, people],
    ['all', { all: true }, people],
  ])('comes before what is accepted in the middle to one who is not yet reached: to %s', async (_, to, both) => {
    const first = await accept({ subject: 'news' });
    expect(await recipientsOf(first.id)).not.toContain(idOf(1_500));
    const second = await accept(to);
    await expandAll();
    expect(await findOvertaken(first.id, second.id)).toEqual({ both, overtaken: [] });
    expect(await recipientsOf(first.id)).toEqual(expectedRecipients());
    expect((await findNotificationView(db, first.id, now))?.recipients).toBe(people);
  });

  it('comes before a later one to all also where a person is found by another conversation of theirs', async () => {
    await save(db, 'a', { userKey: 'p1512', reachability: 'push' });
    const first = await accept({ subject: 'news' });
    const second = await accept({ all: true });
    expect(await recipientsOf(second.id)).toEqual(expect.arrayContaining(['a', idOf(1_512)]));
    await expandAll();
    expect(await findOvertaken(first.id, second.id)).toEqual({ both: people, overtaken: [] });
  });
});

it('goes on where it was when the service starts again in the middle', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-expand-'));
  onTestFinished(async () => {
    await db.destroy();
    rmSync(dataDir, { recursive: true, force: true });
  });
  db = await openDatabase({ dataDir });
  await saveFollowers(db);
  const { id } = await accept({ subject: 'news' });
  await expandNext(db, now);
  const before = await recipientsOf(id);
  await db.destroy();
  db = await openDatabase({ dataDir });
  expect((await findNotificationView(db, id, now))?.recipients).toBeNull();
  expect(await recipientsOf(id)).toEqual(before);
  expect(await expandAll()).toBe(2);
  expect(await recipientsOf(id)).toEqual(expectedRecipients());
  expect((await findNotificationView(db, id, now))?.recipients).toBe(people);
});

it.each<[string, (lane: LaneBench) => Promise<void>]>([
  ['put off', () => Promise.resolve()],
  ['held', ({ db: into }) => save(into, 'c', { reachability: 'held' })],
])('what is cancelled just as a worker finds that it must be %s stays cancelled', async (_, prepare) => {
  const lane = await createLaneBench();
  lane.rates = [{ seconds: 1, count: 1 }];
  await lane.openWait('w1');
  await lane.accept('one', { keepOpen: true });
  await lane.work();
  await prepare(lane);
  const { id } = await lane.accept('two', { keepOpen: true });
  const lease = await lane.claim();
  if (!lease) throw new Error('nothing is due');
  await Promise.all([lane.workOff(lease), cancelNotification(lane.db, id, lane.clock.now())]);
  expect((await lane.viewOf(id)).status).toBe('cancelled');
});

it('reaches a person with 3,000 open actions in each of them', async () => {
  db = await openTestDatabase();
  await db.transaction().execute(async (trx) => {
    for (let index = 0; index < 3_000; index += 1) await save(trx, idOf(index), { reachability: 'push' });
  });
  const { id } = await accept({ all: true });
  await expandAll();
  expect(await recipientsOf(id)).toHaveLength(3_000);
});
