// Everything that the service asks of its database, once: for what has to be seen of all statements.

import { expect } from 'vitest';
import * as conversations from '../../src/conversations/conversation-store.ts';
import * as subscriptions from '../../src/conversations/subscription-store.ts';
import { acceptNotification, type Repeat } from '../../src/notifications/accept-notification.ts';
import { hashPerson } from '../../src/notifications/audit-store.ts';
import { Backlog } from '../../src/notifications/backlog.ts';
import { cancelNotification } from '../../src/notifications/cancel-notification.ts';
import * as views from '../../src/notifications/delivery-view.ts';
import { eraseConversation, erasePerson } from '../../src/notifications/erase-store.ts';
import { expandNext } from '../../src/notifications/expand-notification.ts';
import { reopenForWait, reopenHeld } from '../../src/notifications/held-store.ts';
import { createInbox } from '../../src/notifications/inbox.ts';
import * as lanes from '../../src/notifications/lane-store.ts';
import * as parentLanes from '../../src/notifications/parent-lanes-store.ts';
import { findNotificationView, listNotifications } from '../../src/notifications/notification-view.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { exportPerson } from '../../src/notifications/person-store.ts';
import { purgeDeliveries, retryDeliveries } from '../../src/notifications/replay-deliveries.ts';
import * as retention from '../../src/notifications/retention-store.ts';
import { hastenLane } from '../../src/notifications/wake-lanes.ts';
import { probeWrite } from '../../src/storage/database.ts';
import { conversation } from '../helpers/conversation.ts';
import type { LaneBench } from '../helpers/lane-bench.ts';
import { findHead, saveConversations } from '../helpers/lanes.ts';

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
  await hastenLane(db, 'c', clock.now());
  await subscriptions.listOnceSubjects(db, ['s']);
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

async function serveRights(lane: LaneBench): Promise<void> {
  const { db, clock } = lane;
  await saveConversations(db, ['group', 'erased']);
  await lane.openWait('w4');
  for (const conversationId of ['c', 'erased']) {
    await subscriptions.subscribe(db, { conversationId, subject: 'news', once: false, createdAt: 0 });
    await accept(lane, { conversationId });
  }
  await accept(lane, { userId: 'user' });
  const person = await exportPerson(db, 'user', clock.now());
  for (const part of Object.values(person ?? {})) {
    if (typeof part !== 'string') for await (const entry of part) expect(entry).toBeTypeOf('object');
  }
  expect(await eraseConversation(db, 'erased', clock.now())).toMatchObject({ conversations: 1, subscriptions: 1 });
  expect((await erasePerson(db, 'user', clock.now())).conversations).toBeGreaterThan(1);
  await hashPerson(db, 'user');
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

/** All of it, in an order in which each finds something to do. */
export async function liveWholeLife(lane: LaneBench): Promise<void> {
  for (const part of [push, broadcast, giveInTurn, look, keepHouse, serveRights]) await part(lane);
}
