// What the housekeeper ends and forgets, and when.

import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Conversation } from '../../src/conversations/conversation.ts';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { subscribe } from '../../src/conversations/subscription-store.ts';
import { acceptNotification, type Repeat } from '../../src/notifications/accept-notification.ts';
import { cancelNotification } from '../../src/notifications/cancel-notification.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import * as store from '../../src/notifications/retention-store.ts';
import { conversation } from '../helpers/conversation.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Keeper, startKeeper as start } from '../helpers/keeper.ts';
import { createLaneBench, type LaneBench } from '../helpers/lane-bench.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const taken: SendOutcome = { kind: 'delivered', status: 200 };
const refused = (status: number): SendOutcome => ({ kind: 'refused', status, retryAfter: undefined, detail: 'why' });

let lane: LaneBench;
beforeEach(async () => {
  lane = await createLaneBench();
  await see({});
});

/** A turn of the user shows a conversation. */
function see(change: Partial<Conversation>): Promise<void> {
  return saveConversation(lane.db, { ...conversation, lastSeenAt: lane.clock.now(), ...change });
}

type Wish = {
  readonly to?: object;
  readonly lifeMs?: number;
  readonly repeat?: Repeat;
  readonly into?: LaneBench['db'];
};

function accept({ to = { conversationId: 'c' }, lifeMs = day, repeat, into = lane.db }: Wish = {}) {
  const now = lane.clock.now();
  const body = { to, message: { text: 't' }, result: { a: 1 }, metadata: { b: 'c' }, keepOpen: true };
  return acceptNotification(into, 'test', parseNotifyRequest(body, now, lifeMs), now, { repeat });
}

/** Delivers what is due in one lane, and gives it this answer. */
async function work(answer: SendOutcome): Promise<void> {
  lane.answer = () => answer;
  await lane.work();
}

/** Its `advance` also tells what has been settled, unless `onSettled` takes that. */
function startKeeper(onSettled: (id: string) => void = (id) => void lane.settled.push(id)): Promise<Keeper> {
  return start({ db: lane.db, clock: lane.clock, onSettled });
}

/** How many rows there are in each of these tables, or of those that match. */
async function count(...froms: string[]): Promise<unknown[]> {
  const results = froms.map((from) => sql<{ n: number }>`select count(*) as n from ${sql.raw(from)}`.execute(lane.db));
  return (await Promise.all(results)).map(({ rows }) => rows[0]?.n);
}

describe('expiry', () => {
  it.each<[string, SendOutcome | undefined]>([
    ['pending', undefined],
    ['pending', refused(503)],
    ['held', refused(403)],
  ])('ends what is %s, and tells of the notification once: %j', async (status, answer) => {
    await see({ id: 'd', userKey: 'another' });
    const { id } = await accept({ to: { all: true }, lifeMs: hour });
    if (answer) await work(answer).then(() => work(answer));
    lane.settled.length = 0;
    const { advance } = await startKeeper();
    await advance(hour - 1);
    expect([(await lane.viewOf(id)).status, lane.settled]).toEqual([status, []]);
    await advance(minute);
    const dead = { status: 'dead', reason: 'expired' };
    expect((await lane.viewOf(id)).deliveries).toMatchObject([dead, dead]);
    expect(lane.settled).toEqual([id]);
  });

  it('is not a minute late for what comes due while it works', async () => {
    const first = await accept({ lifeMs: hour });
    await see({ id: 'd', userKey: 'another' });
    const second = await accept({ to: { conversationId: 'd' }, lifeMs: day });
    const { advance } = await startKeeper((id) => {
      lane.settled.push(id);
      if (id === first.id) lane.clock.advance(day);
    });
    await advance(hour);
    await eventually('both have expired', () => lane.settled.length === 2);
    expect(lane.settled).toEqual([first.id, second.id]);
  });

  it('leaves alone an end whose message was taken', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('hello');
    lane.answer = (push) => (push.kind === 'message' ? taken : refused(503));
    await lane.work();
    const { advance } = await startKeeper();
    await advance(2 * day);
    expect((await lane.viewOf(id)).status).toBe('pending');
  });

  it('of idempotency keys is a day later, or with their notification when that is later', async () => {
    await accept({ lifeMs: hour, repeat: { key: 'short', fingerprint: 'f' } });
    await accept({ lifeMs: 3 * day, repeat: { key: 'long', fingerprint: 'f' } });
    const { advance } = await startKeeper();
    const kept: unknown[] = [];
    for (const ms of [day - 1, 1 + minute, 2 * day - 2 * minute, minute]) {
      await advance(ms);
      kept.push(...(await count('idempotency_keys')));
    }
    expect(kept).toEqual([2, 1, 1, 0]);
  });
});

describe('texts, results and metadata', () => {
  it.each<[string, SendOutcome | 'cancel', boolean]>([
    ['delivered to everybody', taken, true],
    ['cancelled for some', 'cancel', true],
    ['held for one', refused(403), false],
    ['pending for one', refused(503), false],
    ['dead for one', refused(400), false],
  ])('of what is %s', async (_, second, erased) => {
    await see({ id: 'd', userKey: 'another' });
    const { id } = await accept({ to: { all: true }, lifeMs: 3 * day });
    await work(taken);
    lane.clock.advance(6 * hour);
    if (second === 'cancel') await cancelNotification(lane.db, id, lane.clock.now());
    else await work(second);
    const columns = lane.db.selectFrom('notifications').select(['content', 'result', 'metadata']);
    const whole = await columns.execute();
    expect(whole).toMatchObject([{ result: '{"a":1}', metadata: '{"b":"c"}' }]);
    const { advance } = await startKeeper();
    await advance(day);
    expect(await columns.execute()).toEqual(whole);
    await advance(hour);
    expect(await columns.execute()).toEqual(erased ? [{ content: '{}', result: null, metadata: null }] : whole);
  });

  it('that nobody waited for are kept until a day after the expiry', async () => {
    await accept({ to: { subject: 'nobody' }, lifeMs: day });
    const { advance } = await startKeeper();
    await advance(2 * day);
    expect(await count("notifications where content = '{}'")).toEqual([0]);
    await advance(hour);
    expect(await count("notifications where content = '{}'")).toEqual([1]);
  });
});

describe('forgetting', () => {
  it('takes dead letters with their attempts after 30 days, and a notification 30 days after its expiry', async () => {
    await accept();
    await work(refused(400));
    const { advance } = await startKeeper();
    const kept: unknown[] = [];
    for (const ms of [30 * day, hour, day]) {
      await advance(ms);
      kept.push((await count('deliveries', 'attempts', 'notifications')).join(' '));
    }
    expect(kept).toEqual(['1 1 1', '0 0 1', '0 0 0']);
  });

  it('takes a conversation after 90 days, with what was subscribed to in it', async () => {
    await subscribe(lane.db, { conversationId: 'c', subject: 's', once: false, createdAt: lane.clock.now() });
    const { advance } = await startKeeper();
    await advance(90 * day);
    expect(await count('conversations', 'subscriptions')).toEqual([1, 1]);
    await advance(hour);
    expect(await count('conversations', 'subscriptions')).toEqual([0, 0]);
  });

  it.each<[string, number, () => Promise<unknown>]>([
    ['its user has had a turn on day 2', 2, () => see({})],
    ['something was pushed on day 60', 60, () => accept().then(() => work(taken))],
    ['something was pushed on day 80', 80, () => accept().then(() => work(taken))],
    ['something waits to be pushed', 80, () => accept({ lifeMs: 60 * day })],
    ['something is held', 0, () => accept({ lifeMs: 200 * day }).then(() => work(refused(403)))],
  ])('leaves a conversation in which %s', async (_, onDay, happen) => {
    const { advance } = await startKeeper();
    if (onDay > 0) await advance(onDay * day);
    await happen();
    await advance((91 - onDay) * day);
    expect(await count('conversations')).toEqual([1]);
  });
});

/** 1,200 notifications, all to one conversation. */
function acceptMany(): Promise<void> {
  return lane.db.transaction().execute(async (into) => {
    for (let index = 0; index < 1_200; index += 1) await accept({ into });
  });
}

describe('with very much to do', () => {
  it('each chunk is at most 500 rows', async () => {
    await acceptMany();
    for (let index = 0; index < 1_200; index += 1) await see({ id: `d${index}` });
    const { db } = lane;
    const later = lane.clock.now() + 2 * day;
    const chunks = [
      async () => (await store.expireDeliveries(db, later)).length,
      () => store.forgetDeliveries(db, later + 1),
      () => store.forgetConversations(db, later),
    ];
    for (const chunk of chunks) expect([await chunk(), await chunk(), await chunk()]).toEqual([500, 500, 200]);
    for (const step of [store.eraseBodies, store.forgetNotifications]) {
      const first = await step(db, later, '');
      const second = await step(db, later, first.next ?? '');
      const third = await step(db, later, second.next ?? '');
      expect([first.changed, second.changed, third.changed, third.next]).toEqual([500, 500, 200, null]);
    }
    expect(await count('conversations')).toEqual([1]);
  });

  it('one round does it all', async () => {
    await acceptMany();
    const { advance } = await startKeeper();
    await advance(day);
    expect(await count("deliveries where reason = 'expired'")).toEqual([1_200]);
    expect(new Set(lane.settled).size).toBe(1_200);
    await advance(31 * day);
    expect(await count('deliveries', 'notifications')).toEqual([0, 0]);
  });

  it('a stop lets the chunk end that is being done, and begins no other', async () => {
    await acceptMany();
    const { housekeeper, advance } = await startKeeper(() => void housekeeper.stop());
    await advance(day);
    await housekeeper.stop();
    expect(await count("deliveries where reason = 'expired'")).toEqual([500]);
  });
});

it.each(['idempotency_keys', 'attempts'])('what failed is tried again a minute later: %s', async (table) => {
  await accept({ repeat: { key: 'k', fingerprint: 'f' } });
  await work(refused(400));
  const { advance } = await startKeeper();
  await sql`alter table ${sql.table(table)} rename to away`.execute(lane.db);
  await advance(31 * day);
  await sql`alter table away rename to ${sql.table(table)}`.execute(lane.db);
  await advance(minute);
  expect(await count('idempotency_keys', 'deliveries')).toEqual([0, 0]);
});
