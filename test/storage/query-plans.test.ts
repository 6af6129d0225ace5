// Guards against queries that read whole tables: each statement of a whole life of the service is explained, and what does
// not look its rows up by an equality must be known here, with the reason why that is no harm.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import * as conversations from '../../src/conversations/conversation-store.ts';
import * as subscriptions from '../../src/conversations/subscription-store.ts';
import { acceptNotification, type Repeat } from '../../src/notifications/accept-notification.ts';
import { Backlog } from '../../src/notifications/backlog.ts';
import { cancelNotification } from '../../src/notifications/cancel-notification.ts';
import { findHead } from '../../src/notifications/delivery-store.ts';
import * as views from '../../src/notifications/delivery-view.ts';
import { expandNext } from '../../src/notifications/expand-notification.ts';
import { reopenForWait, reopenHeld } from '../../src/notifications/held-store.ts';
import { createInbox } from '../../src/notifications/inbox.ts';
import * as lanes from '../../src/notifications/lane-store.ts';
import * as parentLanes from '../../src/notifications/parent-lanes-store.ts';
import { findNotificationView, listNotifications } from '../../src/notifications/notification-view.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { purgeDeliveries, retryDeliveries } from '../../src/notifications/replay-deliveries.ts';
import * as retention from '../../src/notifications/retention-store.ts';
import { openDatabase, probeWrite } from '../../src/storage/database.ts';
import { conversation } from '../helpers/conversation.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { LaneBench } from '../helpers/lane-bench.ts';
import { saveConversations } from '../helpers/lanes.ts';

/** A statement, and how a step of its plan begins that does not look its rows up. */
type Walk = readonly [statement: RegExp, step: string];

const listsOfOperators = /^select \* from deliveries( where .*)? order by seq desc limit \?$/u;
const byIdOfNotification = 'notifications USING INDEX sqlite_autoindex_notifications_1';

/** What may walk, and why that is no harm. */
const allowed: Readonly<Record<string, readonly Walk[]>> = {
  'asked by hand; most lists are ended by their limit': [
    [listsOfOperators, 'SCAN deliveries'],
    [listsOfOperators, 'SEARCH deliveries USING INTEGER PRIMARY KEY (rowid<?)'],
    [/^select state, count\(\*\) as count from deliveries where/u, 'SCAN deliveries USING INDEX deliveries_'],
    [/^select count\(\*\) as total from deliveries$/u, 'SCAN deliveries USING COVERING INDEX'],
  ],
  'a page in the order of its key': [
    [/^select \* from notifications order by id desc limit/u, `SCAN ${byIdOfNotification}`],
    [/^select \* from notifications where id < \? order by id desc limit/u, `SEARCH ${byIdOfNotification}`],
    [/^select conversations\.\*, .* order by conversations\.id limit/u, 'SEARCH conversations'],
    [/^select id from conversations where id > \? order by id limit/u, 'SEARCH conversations USING COVERING INDEX'],
    [/^select id from notifications where id > \? .* order by id limit/u, `SEARCH ${byIdOfNotification}`],
  ],
  'one row at an end of its key, or one entry of its index': [
    [/^select seq from deliveries order by seq desc limit \?$/u, 'SCAN deliveries'],
    [/^with recursive found \(parent\)/u, 'SEARCH lanes USING COVERING INDEX lanes_by_parent'],
  ],
  'the index holds only what is meant: what MAX_PENDING bounds, and the broadcasts of the moment': [
    [/^select count\(\*\) as count from deliveries where/u, 'SCAN deliveries USING INDEX deliveries_counted'],
    [/^select count\(\*\) as count from notifications/u, 'SCAN notifications USING INDEX notifications_waiting'],
    [/^select \* from notifications where expanded_to/u, 'SCAN notifications USING INDEX notifications_to_expand'],
  ],
  'once, at the start': [
    [/^update deliveries set .* and state = \?$/u, 'SCAN deliveries USING INDEX deliveries_open'],
    [/^update lanes set .* where token is not null$/u, 'SCAN lanes'],
  ],
  'a chunk of what is overdue: the index begins with the oldest': [
    [/^delete from idempotency_keys/u, 'SEARCH idempotency_keys USING INDEX idempotency_keys_by_expiry'],
    [/^update deliveries .* returning notification_id$/u, 'SEARCH deliveries USING INDEX deliveries_by_expiry'],
    [/^select id from deliveries where settled_at < \? limit/u, 'SEARCH deliveries USING INDEX deliveries_by_age'],
    [/^select id from conversations .* limit \?$/u, 'SEARCH conversations USING INDEX conversations_by_age'],
  ],
};

const day = 86_400_000;

async function accept({ db, clock }: LaneBench, to: object, repeat?: Repeat): Promise<string> {
  const request = parseNotifyRequest({ to, message: { text: 't' } }, clock.now(), day);
  return (await acceptNotification(db, 'test', request, clock.now(), { repeat })).id;
}

/** Works off the lane again and again: the parent answers with each of these. */
async function answerWith(lane: LaneBench, ...statuses: readonly number[]): Promise<void> {
  for (const status of statuses) {
    const refusal = { kind: 'refused', status, retryAfter: undefined, detail: 'why' } as const;
    lane.answer = () => (status === 200 ? { kind: 'delivered', status } : refusal);
    await lane.work();
    lane.clock.advance(120_000);
  }
}

async function push(lane: LaneBench): Promise<void> {
  const { db, clock } = lane;
  await conversations.saveConversation(db, conversation);
  await lane.openWait('w1');
  for (let count = 0; count < 4; count += 1) await lane.accept('t', { keepOpen: true });
  await lane.accept('t');
  await answerWith(lane, 503, 401, 400, 200, 200, 200, 200);
  await accept(lane, { conversationId: 'c' }, { key: 'k', fingerprint: 'f' });
  await lane.openWait('w2');
  clock.advance(600_000);
  await answerWith(lane, 503, 503, 200, 200);
  await lane.openWait('w3');
  await subscriptions.dropWait(db, 'c');
  await accept(lane, { conversationId: 'c' });
  const head = await findHead(db, 'c', clock.now());
  const lease = await lane.claim();
  if (!head || !lease) throw new Error('nothing is due');
  await reopenHeld(db, lease, head, clock.now());
  await lanes.takeBackLeases(db, clock.now());
  await lanes.hastenLane(db, 'c', clock.now());
  await parentLanes.listDueParents(db);
  await parentLanes.hastenParent(db, 'p', { after: 0, now: clock.now() });
}

async function broadcast(lane: LaneBench): Promise<void> {
  const { db, clock } = lane;
  const ids = Array.from({ length: 1_100 }, (_, index) => `d${index}`);
  await db.transaction().execute(async (trx) => {
    await saveConversations(trx, ids);
    const to = { subject: 'news', once: false, createdAt: 0 };
    for (const conversationId of ids) await subscriptions.subscribe(trx, { ...to, conversationId });
  });
  const recipients = [{ subject: 'news' }, { userId: 'user' }, { all: true }, { conversationId: 'c' }];
  const accepted: string[] = [];
  for (const to of recipients) accepted.push(await accept(lane, to));
  while (await expandNext(db, clock.now()));
  await new Backlog(db, clock, 1).look();
  for (const id of accepted) await cancelNotification(db, id, clock.now());
}

async function giveInTurn(lane: LaneBench): Promise<void> {
  const { db, clock } = lane;
  await conversations.setReachability(db, 'c', 'held', 'No action is open.');
  for (const to of [{ conversationId: 'c' }, { conversationId: 'c' }, { subject: 'early' }]) await accept(lane, to);
  const inbox = createInbox({ db, now: clock.now, onSettled: () => undefined })(conversation);
  for (const wanted of [{ subject: 'early' }, { exceptSubject: 'early' }, {}]) {
    const [item] = await inbox.take({ ...wanted, limit: 1 });
    expect(await item?.renew()).toBe(true);
    if ('subject' in wanted) await item?.given({ kind: 'delivered', status: 200 });
    else await item?.putBack();
  }
  await reopenForWait(db, 'c', 's', clock.now());
  await subscriptions.dropOnceSubscriptions(db, 'c');
  for (const subject of ['news', '*']) await subscriptions.unsubscribe(db, conversation, subject);
}

async function look(lane: LaneBench): Promise<void> {
  const { db, clock } = lane;
  const view = await findNotificationView(db, await accept(lane, { conversationId: 'c' }), clock.now());
  await views.findDeliveryView(db, view?.deliveries[0]?.id ?? '');
  await views.countDeliveries(db);
  for (const cursor of [undefined, 'c']) {
    for (const sender of [undefined, 'test']) await listNotifications(db, { limit: 10, cursor }, clock.now(), sender);
    await conversations.listConversations(db, { limit: 10, cursor });
  }
  const [notificationId, conversationId, reason] = ['n', 'c', 'x'];
  const parts = [{}, { notificationId }, { conversationId }, { notificationId, conversationId }, { reason }];
  const states = [undefined, 'pending', 'held', 'delivered'] as const;
  for (const filter of parts.flatMap((part) => states.map((status) => ({ ...part, status })))) {
    for (const cursor of [undefined, '5']) await views.listDeliveries(db, filter, { limit: 10, cursor });
  }
  for (const filter of parts) {
    await retryDeliveries(db, { ...filter, status: 'held' }, { now: clock.now(), lifeMs: day });
    await purgeDeliveries(db, { ...filter, status: 'cancelled' });
  }
}

async function keepHouse({ db, clock }: LaneBench): Promise<void> {
  await saveConversations(db, ['old']);
  clock.advance(100 * day);
  const now = clock.now();
  await retention.expireDeliveries(db, now);
  await retention.expireKeys(db, now);
  await retention.eraseBodies(db, now, '');
  expect(await retention.forgetDeliveries(db, now + 1)).toBeGreaterThan(0);
  await retention.forgetNotifications(db, now, '');
  expect(await retention.forgetConversations(db, now)).toBeGreaterThan(0);
  await probeWrite(db, now);
}

type Plan = { readonly statement: string; readonly steps: readonly string[] };
let plans: Plan[] = [];
let indexes: unknown[] = [];
const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-plans-'));

beforeAll(async () => {
  const statements = new Set<string>();
  const { prepare } = Libsql.prototype;
  const spy = vi.spyOn(Libsql.prototype, 'prepare').mockImplementation(function note(this: Libsql.Database, text) {
    statements.add(text);
    return prepare.call(this, text);
  });
  const db = await openDatabase(dataDir);
  const lane = new LaneBench(db, createFakeClock());
  for (const part of [push, broadcast, giveInTurn, look, keepHouse]) await part(lane);
  spy.mockRestore();
  await db.destroy();
  const file = new Libsql(join(dataDir, 'copilot-notify.db'));
  const explained = [...statements].filter((text) => /^\s*(?:select|insert|update|delete|with)\b/u.test(text));
  plans = explained.map((text) => {
    const steps = file.prepare(`explain query plan ${text}`).all() as { detail: string }[];
    return { statement: readable(text), steps: steps.map(({ detail }) => detail) };
  });
  indexes = file.prepare("select name from sqlite_master where type = 'index' and sql is not null").pluck().all();
  file.close();
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

/** Without quotes, and any number of values or rows as one. */
function readable(statement: string): string {
  const words = statement.replaceAll('"', '').split(/\s+/u).filter(Boolean).join(' ');
  return words.replaceAll(/\?(?:, \?)+/gu, '?').replaceAll(/\(\?\)(?:, \(\?\))+/gu, '(?)');
}

/** Steps of the service's own statements that read a table, other than for equal values. */
function listWalks(): { statement: string; step: string }[] {
  const ours = plans.filter(({ statement }) => !/ (?:kysely_migration|sqlite_master)/u.test(statement));
  return ours
    .flatMap(({ statement, steps }) => steps.map((step) => ({ statement, step })))
    .filter(({ step }) => /^(?:SCAN|SEARCH) (?!found)[a-z]/u.test(step) && !step.includes('=?'));
}

const isKnown = ([pattern, start]: Walk, { statement, step }: { statement: string; step: string }): boolean =>
  pattern.test(statement) && step.startsWith(start);

it('each statement looks its rows up, or there is a reason why it need not', () => {
  const known = Object.values(allowed).flat();
  expect(listWalks().filter((walk) => !known.some((one) => isKnown(one, walk)))).toEqual([]);
});

it.each(Object.entries(allowed))('the reason is still needed: %s', (_, known) => {
  const walks = listWalks();
  expect(known.filter((one) => !walks.some((walk) => isKnown(one, walk)))).toEqual([]);
});

it.each([
  ["state in ('pending', 'sending')", 'deliveries_open'],
  ["state = 'held'", 'deliveries_held'],
])('what has %s in a conversation is found by the index of just those', (condition, index) => {
  const inConversation = plans.filter(({ statement }) => /conversation_id (?:=|in)/u.test(statement));
  const found = inConversation.filter(({ statement }) => statement.includes(condition));
  expect(found.length).toBeGreaterThan(3);
  const start = `INDEX ${index} (conversation_id=?`;
  expect(found.filter(({ steps }) => !steps.join().includes(start))).toEqual([]);
});

it('each index is used', () => {
  const words = new Set(plans.flatMap(({ steps }) => steps).flatMap((step) => step.split(' ')));
  expect(indexes.length).toBeGreaterThan(10);
  expect(indexes.filter((index) => !words.has(String(index)))).toEqual([]);
});
