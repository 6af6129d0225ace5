// What is shown of a person, and what is left after they are erased.
import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Conversation } from '../../src/conversations/conversation.ts';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { subscribe } from '../../src/conversations/subscription-store.ts';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import { erasePerson } from '../../src/notifications/erase-store.ts';
import { expandNext } from '../../src/notifications/expand-notification.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { exportPerson } from '../../src/notifications/person-store.ts';
import { purgeDeliveries } from '../../src/notifications/replay-deliveries.ts';
import { forgetConversations } from '../../src/notifications/retention-store.ts';
import { createLaneBench, type LaneBench } from '../helpers/lane-bench.ts';
import { conversation } from '../helpers/conversation.ts';

const objectId = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
const nothing = { conversations: 0, waits: 0, subscriptions: 0, deliveries: 0, attempts: 0, notifications: 0 };
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

function seeMany(count: number): Promise<void> {
  return lane.db.transaction().execute(async (trx) => {
    for (let index = 0; index < count; index += 1) await saveConversation(trx, { ...conversation, id: `c${index}` });
  });
}

async function accept(to: object, more: object = { message: { text: 'hello' } }): Promise<string> {
  const now = lane.clock.now();
  return (await acceptNotification(lane.db, 'test', parseNotifyRequest({ to, ...more }, now, 86_400_000), now)).id;
}

async function work(answer: SendOutcome): Promise<void> {
  lane.answer = () => answer;
  await lane.work();
}

const follow = (conversationId: string, subject: string) =>
  subscribe(lane.db, { conversationId, subject, once: false, createdAt: lane.clock.now() });
const speak = (userKey: string) => see({ userKey, userId: userKey });
const erase = (userId = 'user') => erasePerson(lane.db, userId, lane.clock.now());

/** The export with its lists read to the end. */
async function show(userId = 'user'): Promise<Record<string, Readonly<Record<string, unknown>>[]> | undefined> {
  const person = await exportPerson(lane.db, userId, lane.clock.now());
  if (!person) return undefined;
  const shown: Record<string, Readonly<Record<string, unknown>>[]> = {};
  for (const [name, entries] of Object.entries(person)) {
    if (typeof entries === 'string') continue;
    shown[name] = [];
    for await (const entry of entries) shown[name].push(entry);
  }
  return shown;
}

/** All rows of each table in which something about people is kept, and of all of them. */
async function dump(): Promise<Record<string, Record<string, unknown>[]>> {
  const rows: Record<string, Record<string, unknown>[]> = {};
  for (const table of ['conversations', 'waits', 'subscriptions', 'deliveries', 'attempts', 'notifications', 'lanes']) {
    rows[table] = (await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(lane.db)).rows;
  }
  return { ...rows, all: Object.values(rows).flat() };
}

describe('an export, and whom it is of', () => {
  it('is undefined when nobody is known', async () => {
    expect([await show('nobody'), await show('USER'), await erase('USER')]).toEqual([undefined, undefined, nothing]);
  });

  it('has everything of every table', async () => {
    await see({ locale: 'de-DE', userId: '29:user' });
    await lane.openWait('w1');
    await follow('c', 'news');
    const id = await accept({ subject: 's' }, { message: { text: 'hello' }, keepOpen: true, metadata: { a: 'b' } });
    await work(taken);
    const [at, expiresAt] = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'];
    const { conversations, waits, subscriptions, deliveries, notifications } = (await show()) ?? {};
    const parts = { callerAppId: 'parent', tenantId: 'tenant', channelId: 'msteams', externalId: 'external' };
    const user = { userId: 'user', channelUserId: '29:user', locale: 'de-DE', waitingFor: 's', lastSeenAt: at };
    const reach = { serviceUrlHost: 'parent.example.com', deliveryMode: 'normal', reachability: 'push' };
    expect(conversations).toMatchObject([{ id: 'c', ...parts, ...user, ...reach, activeAt: at }]);
    const wait = { id: 'w1', action: 'waitForNotification', deadlineAt: '2026-01-01T00:10:00.000Z', attempts: 0 };
    expect(waits).toEqual([{ conversationId: 'c', subject: 's', openedAt: at, ...wait }]);
    expect(subscriptions).toEqual([{ conversationId: 'c', subject: 'news', once: false, createdAt: at }]);
    const message = { text: 'hello', textFormat: 'markdown' };
    const sent = { id, sender: 'test', to: { subject: 's' }, message, metadata: { a: 'b' }, acceptedAt: at, expiresAt };
    const attempt = { number: 1, via: 'push', step: 'message', startedAt: at, outcome: 'delivered', status: 200 };
    const delivery = { conversationId: 'c', status: 'delivered', settledAt: at, attempts: [attempt] };
    expect(deliveries).toMatchObject([{ ...delivery, notification: sent }]);
    expect([notifications, JSON.parse(JSON.stringify(deliveries))]).toEqual([[], deliveries]);
  });

  it('has the cards, and what is still to be sent', async () => {
    const card = { type: 'AdaptiveCard', body: [{ type: 'TextBlock', text: 'paid' }] };
    await accept({ userId: 'user' }, { card, result: { a: 1 }, sendAt: '2026-01-01T01:00:00Z' });
    const notification = { card, result: { a: 1 }, sendAt: '2026-01-01T01:00:00.000Z' };
    expect((await show())?.['deliveries']).toMatchObject([{ status: 'pending', attempts: [], notification }]);
  });

  it('has no reference, no claims, and of the service URL only the host', async () => {
    const reference = { bot: { id: 'canary-of-reference' } };
    const claims = { ...conversation.claims, iss: 'canary-of-claims' };
    await see({ serviceUrl: 'https://parent.example.com/canary-of-url', reference, claims } as Partial<Conversation>);
    expect(JSON.stringify(await show())).not.toContain('canary');
  });

  it('has what was addressed to the person and is purged, also when their conversations are forgotten', async () => {
    const id = await accept({ userId: 'user' });
    await work(refused(400));
    await purgeDeliveries(lane.db, { status: 'dead' });
    expect((await show())?.['notifications']).toMatchObject([{ id, to: { userId: 'user' } }]);
    await forgetConversations(lane.db, lane.clock.now() + 1);
    expect(await show()).toMatchObject({ conversations: [], notifications: [{ id, message: { text: 'hello' } }] });
    expect([await erase(), await show()]).toEqual([{ ...nothing, notifications: 1 }, undefined]);
  });

  it('is of any number of pages', async () => {
    await seeMany(250);
    for (let index = 0; index < 250; index += 1) await follow('c', `s${index}`);
    await accept({ all: true });
    const { conversations, subscriptions, deliveries } = (await show()) ?? {};
    expect([conversations?.length, subscriptions?.length, deliveries?.length]).toEqual([251, 250, 251]);
  });

  it.each([objectId, objectId.toUpperCase()])('an object id in any case: %s', async (userId) => {
    await see({ id: 'd', userKey: objectId });
    await accept({ userId: objectId.toUpperCase() });
    expect(await show(userId)).toMatchObject({ conversations: [{ id: 'd' }], deliveries: [{}], notifications: [{}] });
    expect(await erase(userId)).toEqual({ ...nothing, conversations: 1, deliveries: 1, notifications: 1 });
  });

  it.each([objectId, 'directline:ann'])('is found at every parent and tenant: %s', async (userKey) => {
    await see({ id: 'd1', userKey, callerAppId: 'p2', audience: 'p2' });
    await see({ id: 'd2', userKey, tenantId: 't2' });
    await see({ id: 'd3', userKey, channelId: 'webchat' });
    expect((await show(userKey))?.['conversations']).toMatchObject([{ id: 'd1' }, { id: 'd2' }, { id: 'd3' }]);
    expect(await erase(userKey)).toEqual({ ...nothing, conversations: 3 });
    await expect(accept({ userId: userKey })).rejects.toMatchObject({ code: 'invalid_notification' });
  });
});

/** One delivery in each state, a wait, a subscription. */
async function liveWholeLife(): Promise<void> {
  await lane.openWait('w1');
  await follow('c', 'canary');
  for (const answer of [taken, refused(400)]) {
    await accept({ conversationId: 'c' }, { message: { text: 'canary' }, keepOpen: true });
    await work(answer);
  }
  const others = { cancelled: { userId: 'user' }, held: { subject: 'canary' }, pending: { all: true } };
  for (const [state, to] of Object.entries(others)) {
    const now = sql`state = ${state}, open = ${state === 'pending' ? 1 : 0}`;
    const own = sql`notification_id = ${await accept(to)} and conversation_id = 'c'`;
    await sql`update deliveries set ${now} where ${own}`.execute(lane.db);
  }
}

const ofOthers = (rows: Record<string, unknown>[] = []) =>
  rows.filter((row) => (row['conversation_id'] ?? row['id']) !== 'c');

describe('an erasure', () => {
  it('leaves nothing in any table, and says how much it was', async () => {
    await liveWholeLife();
    expect((await dump())['deliveries']?.map(({ state }) => state)).toEqual([
      'delivered',
      'dead',
      'cancelled',
      'held',
      'pending',
    ]);
    const counts = { conversations: 1, waits: 1, subscriptions: 1, deliveries: 5, attempts: 2, notifications: 5 };
    expect([await erase(), await erase()]).toEqual([counts, nothing]);
    expect((await dump())['all']).toEqual([]);
    expect(await show()).toBeUndefined();
  });

  it('leaves others as they were', async () => {
    await see({ id: 'd', externalId: 'other', userKey: 'other' });
    await follow('d', 'canary');
    for (const to of [{ conversationId: 'd' }, { userId: 'other' }, { subject: 'nobody waits yet' }]) await accept(to);
    await liveWholeLife();
    expect(JSON.stringify(await show())).not.toContain('other');
    const before = await dump();
    expect(await erase()).toMatchObject({ conversations: 1, deliveries: 5, notifications: 3 });
    const { notifications, all: _all, ...tables } = await dump();
    for (const [table, rows] of Object.entries(tables)) expect([table, rows]).toEqual([table, ofOthers(before[table])]);
    // Of what went to both, the part of the other stays.
    const [first, second, third, , , , , last] = before['notifications'] ?? [];
    expect(notifications).toEqual(expect.arrayContaining([first, second, third, last]));
  });

  it('leaves a broadcast that is still spreading, and the others get it', async () => {
    await seeMany(500);
    await see({ id: 'z', userKey: 'other' });
    const id = await accept({ all: true });
    expect(await erase()).toMatchObject({ conversations: 501, notifications: 0 });
    while (await expandNext(lane.db, lane.clock.now()));
    expect((await lane.viewOf(id)).deliveries).toMatchObject([{ conversationId: 'z', status: 'pending' }]);
  });

  it('ends one that is still spreading among conversations of just this person', async () => {
    await seeMany(1_000);
    await accept({ userId: 'user' });
    expect(await erase()).toMatchObject({ deliveries: 1_001, notifications: 1 });
    expect([await expandNext(lane.db, lane.clock.now()), (await dump())['all']]).toEqual([undefined, []]);
  });

  it('that a full disk has cut off is finished by the next one', async () => {
    await liveWholeLife();
    await sql`alter table subscriptions rename to away`.execute(lane.db);
    await expect(erase()).rejects.toThrow('subscriptions');
    await sql`alter table away rename to subscriptions`.execute(lane.db);
    expect(await erase()).toMatchObject({ conversations: 1, waits: 1, subscriptions: 1 });
    expect((await dump())['all']).toEqual([]);
  });

  it('a group conversation is that of its last speaker: it stays when an earlier one goes', async () => {
    await accept({ conversationId: 'c' });
    await follow('c', 'news');
    await speak('ann');
    const before = await dump();
    expect([await show(), await erase(), await dump()]).toEqual([undefined, nothing, before]);
    expect(await erase('ann')).toMatchObject({ conversations: 1, subscriptions: 1, deliveries: 1, notifications: 1 });
  });

  it('what was sent to an earlier speaker by id goes with them, and what comes next need not wait for it', async () => {
    await accept({ userId: 'user' });
    const next = await accept({ conversationId: 'c' });
    await work(refused(503));
    await speak('ann');
    const theirs = { conversations: [], deliveries: [], notifications: [{ to: { userId: 'user' } }] };
    expect(await show()).toMatchObject(theirs);
    expect(await show('ann')).toMatchObject({ deliveries: [{ conversationId: 'c' }], notifications: [{ id: next }] });
    expect(await erase('user')).toEqual({ ...nothing, deliveries: 1, attempts: 1, notifications: 1 });
    await work(taken);
    expect((await lane.viewOf(next)).status).toBe('delivered');
  });
});
