// A sender takes a notification back, at whatever point of its way it is.

import type { RootOperationNode } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { findWait } from '../../src/conversations/subscription-store.ts';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import { Backlog } from '../../src/notifications/backlog.ts';
import { cancelNotification } from '../../src/notifications/cancel-notification.ts';
import { expandNext } from '../../src/notifications/expand-notification.ts';
import { adoptUnclaimed, createInbox } from '../../src/notifications/inbox.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { conversation } from '../helpers/conversation.ts';
import { createLaneBench, type LaneBench } from '../helpers/lane-bench.ts';
import { findNextLaneAt, saveConversations } from '../helpers/lanes.ts';

const day = 86_400_000;
const taken: SendOutcome = { kind: 'delivered', status: 200 };
const refused = (status: number): SendOutcome => ({ kind: 'refused', status, retryAfter: undefined, detail: 'why' });

let lane: LaneBench;
beforeEach(async () => {
  lane = await createLaneBench();
});

const cancel = (id: string): Promise<boolean> => cancelNotification(lane.db, id, lane.clock.now());

const texts = (): unknown[] =>
  lane.sent.map((push) => (push.kind === 'message' ? push.notification.content.message?.text : push.kind));

/** The delivery of this notification to the only conversation. */
async function deliveryOf(id: string) {
  return (await lane.viewOf(id)).deliveries[0];
}

/** A notification to this subject, which nobody waits for. */
async function acceptForNobody(subject: string): Promise<string> {
  const request = parseNotifyRequest({ subject, text: 'early' }, lane.clock.now(), day);
  return (await acceptNotification(lane.db, 'test', request, lane.clock.now())).id;
}

/** What a turn of the user finds for this subject. */
async function takeInTurn(subject?: string): Promise<string[]> {
  const inbox = createInbox({ db: lane.db, now: lane.clock.now, onSettled: (id) => void lane.settled.push(id) });
  const items = await inbox(conversation).take({ subject, limit: 10 });
  return items.map((item) => item.notification.id);
}

async function checkRoomForOne(): Promise<void> {
  const backlog = new Backlog(lane.db, lane.clock, 1);
  await backlog.look();
  backlog.reserve(1);
}

describe('a pending notification that is cancelled', () => {
  let head: string;
  let behind: string;
  beforeEach(async () => {
    await lane.openWait('w1');
    head = (await lane.accept('head', { keepOpen: true })).id;
    behind = (await lane.accept('behind', { keepOpen: true })).id;
    lane.answer = () => refused(503);
    await lane.work();
    lane.answer = () => taken;
  });

  it('lets what is behind it go at once, when it is the head that waits for its next attempt', async () => {
    expect(await findNextLaneAt(lane.db)).toBeGreaterThan(lane.clock.now());
    await cancel(head);
    expect(await findNextLaneAt(lane.db)).toBe(lane.clock.now());
    await lane.work();
    expect(texts()).toEqual(['head', 'behind']);
    expect((await lane.viewOf(behind)).status).toBe('delivered');
    expect(await deliveryOf(head)).toMatchObject({
      status: 'cancelled',
      reason: 'cancelled',
      reasonText: 'Its sender has cancelled it.',
      settledAt: '2026-01-01T00:00:00.000Z',
      attempts: [{ number: 1, status: 503 }],
    });
  });

  it('leaves the head where it is, when it is behind it', async () => {
    const headAt = await findNextLaneAt(lane.db);
    await cancel(behind);
    await lane.work();
    expect([texts(), await findNextLaneAt(lane.db)]).toEqual([['head'], headAt]);
    lane.clock.advance(day / 2);
    await lane.work();
    expect(texts()).toEqual(['head', 'head', 'endOfAction']);
    expect((await lane.viewOf(behind)).status).toBe('cancelled');
  });
});

it('one that is to be sent later leaves nothing behind that wants a worker', async () => {
  const sendAt = new Date(lane.clock.now() + 60_000).toISOString();
  const request = parseNotifyRequest(
    { to: { conversationId: 'c' }, message: { text: 't' }, sendAt },
    lane.clock.now(),
    day,
  );
  const { id } = await acceptNotification(lane.db, 'test', request, lane.clock.now());
  await cancel(id);
  await lane.work();
  expect(await findNextLaneAt(lane.db)).toBeUndefined();
  expect((await lane.viewOf(id)).status).toBe('cancelled');
});

describe('a notification that is cancelled while it is in flight', () => {
  it.each<[string, SendOutcome]>([
    ['refused for now', refused(503)],
    ['refused for its credential', refused(401)],
    ['lost', { kind: 'unreachable', errorClass: 'timeout', detail: 'no answer' }],
    ['not sent at all', { kind: 'notSent', errorClass: 'internal', detail: 'a fault of ours' }],
  ])('is cancelled and not tried again when the attempt is %s', async (_, outcome) => {
    await lane.openWait('w1');
    const { id } = await lane.accept('unwanted');
    lane.answer = async () => {
      await cancel(id);
      expect((await lane.viewOf(id)).status).toBe('sending');
      return outcome;
    };
    await lane.work();
    expect(await deliveryOf(id)).toMatchObject({ status: 'cancelled', attempts: [{ outcome: outcome.kind }] });
    lane.clock.advance(60_000);
    await lane.work();
    expect(texts()).toEqual(['unwanted']);
  });

  it('is delivered, and ends its wait, when the attempt succeeds', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('hello');
    lane.answer = async () => {
      await cancel(id);
      return taken;
    };
    await lane.work();
    expect(texts()).toEqual(['hello', 'endOfAction']);
    expect((await lane.viewOf(id)).status).toBe('delivered');
    expect(await findWait(lane.db, 'c')).toBeUndefined();
  });

  it('is cancelled when the process dies in the middle of the attempt', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('unwanted');
    lane.answer = async () => {
      await cancel(id);
      throw new Error('the process dies');
    };
    await lane.work().catch(() => undefined);
    lane.answer = () => taken;
    lane.clock.advance(60_000);
    await lane.work();
    expect(texts()).toEqual(['unwanted']);
    expect((await lane.viewOf(id)).status).toBe('cancelled');
  });
});

it('one whose message was taken still tells the end of its action', async () => {
  await lane.openWait('w1');
  const { id } = await lane.accept('hello');
  lane.answer = (push) => (push.kind === 'endOfAction' ? refused(503) : taken);
  await lane.work();
  await cancel(id);
  expect(await deliveryOf(id)).toMatchObject({ status: 'pending', reason: null });
  lane.clock.advance(30_000);
  await lane.work();
  expect(await deliveryOf(id)).toMatchObject({ status: 'pending', reason: null });
  lane.answer = () => taken;
  lane.clock.advance(120_000);
  await lane.work();
  expect(texts()).toEqual(['hello', 'endOfAction', 'endOfAction', 'endOfAction']);
  expect((await lane.viewOf(id)).status).toBe('delivered');
  expect(await findWait(lane.db, 'c')).toBeUndefined();
});

describe('a notification that nobody waits for yet, and that is cancelled', () => {
  it('is adopted neither by a later wait nor by a turn', async () => {
    const unwanted = await acceptForNobody('later');
    const wanted = await acceptForNobody('later');
    await cancel(unwanted);
    expect(await takeInTurn('later')).toEqual([wanted]);
    await adoptUnclaimed(lane.db, 'c', 'later', lane.clock.now());
    expect(await lane.viewOf(unwanted)).toMatchObject({ status: 'cancelled', recipients: 0, deliveries: [] });
  });

  it('takes no room', async () => {
    const id = await acceptForNobody('later');
    await expect(checkRoomForOne()).rejects.toMatchObject({ code: 'unavailable' });
    await cancel(id);
    await checkRoomForOne();
  });
});

it('a held one is not given by a turn that comes between its mark and the end of its deliveries', async () => {
  await lane.openWait('w1');
  const unwanted = await lane.accept('unwanted');
  const wanted = await lane.accept('wanted');
  lane.answer = () => refused(403);
  await lane.work();
  const marked = { cancelled_at: lane.clock.now() };
  await lane.db.updateTable('notifications').set(marked).where('id', '=', unwanted.id).execute();
  expect((await lane.viewOf(unwanted.id)).status).toBe('held');
  expect(await takeInTurn('s')).toEqual([wanted.id]);
});

it('cancelling twice keeps the time of the first, and what does not exist cannot be cancelled', async () => {
  const id = await acceptForNobody('later');
  const cancelledAt = lane.clock.now();
  for (const expected of [true, true]) {
    expect(await cancel(id)).toBe(expected);
    lane.clock.advance(1_000);
  }
  const row = lane.db.selectFrom('notifications').select('cancelled_at').executeTakeFirst();
  expect(await row).toEqual({ cancelled_at: cancelledAt });
  expect(await cancel('no such id')).toBe(false);
});

it('1,300 deliveries are cancelled 500 at a time', async () => {
  const ids = Array.from({ length: 1_299 }, (_, index) => `d${index}`);
  await lane.db.transaction().execute((trx) => saveConversations(trx, ids));
  const request = parseNotifyRequest({ to: { all: true }, message: { text: 't' } }, lane.clock.now(), day);
  const { id } = await acceptNotification(lane.db, 'test', request, lane.clock.now());
  while (await expandNext(lane.db, lane.clock.now()));
  expect((await lane.viewOf(id)).counts).toMatchObject({ pending: 1_300 });

  const chunks: number[] = [];
  const noted = lane.db.withPlugin({
    transformQuery: ({ node }: { readonly node: RootOperationNode }) => node,
    transformResult: ({ result }) => {
      const [row] = result.rows;
      if (typeof row === 'object' && row !== null && 'seq' in row) chunks.push(result.rows.length);
      return Promise.resolve(result);
    },
  });
  expect(await cancelNotification(noted, id, lane.clock.now())).toBe(true);
  expect(chunks).toEqual([500, 500, 300]);
  expect(await lane.viewOf(id)).toMatchObject({ status: 'cancelled', counts: { pending: 0, cancelled: 1_300 } });
  expect(await findNextLaneAt(lane.db)).toBe(lane.clock.now());
  await lane.work();
  expect(lane.sent).toEqual([]);
});
