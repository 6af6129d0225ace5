// One lease of a lane, with a parent that is just a function.

import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Conversation, Wait } from '../../src/conversations/conversation.ts';
import { findConversation, saveConversation } from '../../src/conversations/conversation-store.ts';
import { findWait, openWait } from '../../src/conversations/subscription-store.ts';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import { claimLanes, findNextLaneAt, releaseLane, wakeLanes } from '../../src/notifications/lane-store.ts';
import type { Push, SendOutcome } from '../../src/notifications/notification.ts';
import { findNotificationView } from '../../src/notifications/notification-store.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { workOffLane } from '../../src/notifications/work-off-lane.ts';
import type { Database } from '../../src/storage/database.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.ts';

const taken: SendOutcome = { kind: 'delivered', status: 200 };
const refused = (status: number): SendOutcome => ({ kind: 'refused', status, retryAfter: undefined, detail: 'why' });

let db: Database;
let clock: FakeClock;
let sent: Push[];
let answer: (push: Push) => SendOutcome | Promise<SendOutcome>;

beforeEach(async () => {
  db = await openTestDatabase();
  clock = createFakeClock(Date.parse('2026-01-01T00:00:00Z'));
  sent = [];
  answer = () => taken;
  await saveConversation(db, conversation);
});

const conversation: Conversation = {
  id: 'c',
  callerAppId: 'parent',
  tenantId: 'tenant',
  channelId: 'msteams',
  externalId: 'external',
  userKey: 'user',
  userId: 'user',
  serviceUrl: 'https://parent.example.com/',
  audience: 'parent',
  reference: {},
  claims: { aud: 'skill', ver: '1.0', appid: 'parent', tid: 'tenant', iss: 'issuer' },
  deliveryMode: 'normal',
  reachability: 'push',
  reachabilityReason: 'An action is open and waits.',
  locale: undefined,
  lastSeenAt: 0,
};

const openTestWait = async (id: string, subject = 's'): Promise<void> => {
  const wait: Wait = {
    conversationId: 'c',
    id,
    action: 'waitForNotification',
    subject,
    openedAt: clock.now(),
    deadlineAt: clock.now() + 600_000,
    attempts: 0,
  };
  await openWait(db, wait);
  await wakeLanes(db, ['c'], wait.deadlineAt);
};

const accept = (text: string, more: object = {}) =>
  acceptNotification(
    db,
    'test',
    parseNotifyRequest({ subject: 's', text, ...more }, clock.now(), 86_400_000),
    clock.now(),
  );

/** Leases what is due and works it off, as the worker does. */
async function work(): Promise<void> {
  for (const lease of await claimLanes(db, 10, clock.now(), 60_000)) {
    await workOffLane(
      {
        db,
        clock,
        logger: pino({ level: 'silent' }),
        random: () => 1,
        send: async (_, push) => {
          sent.push(push);
          return answer(push);
        },
        pushWhenClosed: false,
      },
      lease,
    );
    await releaseLane(db, lease, clock.now());
  }
}

const kinds = () => sent.map((push) => push.kind);
const viewOf = async (id: string) => {
  const view = await findNotificationView(db, id, clock.now());
  if (!view) throw new Error('no such notification');
  return view;
};

describe('a notification for an open wait', () => {
  it('is a message, then the end of the action, and the conversation takes no push any more', async () => {
    await openTestWait('w1');
    const { id } = await accept('hello');
    await work();
    expect(kinds()).toEqual(['message', 'endOfAction']);
    expect((await viewOf(id)).status).toBe('delivered');
    expect(await findWait(db, 'c')).toBeUndefined();
    expect(await findConversation(db, 'c')).toMatchObject({ reachability: 'held' });
    expect(await findNextLaneAt(db)).toBeUndefined();
  });

  it('leaves alone the next wait, which a looping topic opens before the end of the last is answered', async () => {
    await openTestWait('w1');
    await accept('hello');
    answer = async (push) => {
      if (push.kind === 'endOfAction') await openTestWait('w2');
      return taken;
    };
    await work();
    expect(await findWait(db, 'c')).toMatchObject({ id: 'w2' });
    expect(await findConversation(db, 'c')).toMatchObject({ reachability: 'push' });
    expect(await findNextLaneAt(db)).toBe(clock.now() + 600_000);
    answer = () => taken;
    await accept('again');
    await work();
    expect(kinds()).toEqual(['message', 'endOfAction', 'message', 'endOfAction']);
  });

  it('does not end the next wait with the result of the last', async () => {
    await openTestWait('w1');
    const { id } = await accept('hello');
    answer = (push) => (push.kind === 'endOfAction' ? refused(503) : taken);
    await work();
    await openTestWait('w2');
    answer = () => taken;
    clock.advance(30_000);
    await work();
    expect(kinds()).toEqual(['message', 'endOfAction']);
    expect(await findWait(db, 'c')).toMatchObject({ id: 'w2' });
    expect((await viewOf(id)).status).toBe('delivered');
  });

  it('repeats only the end of the action once the message has been taken', async () => {
    await openTestWait('w1');
    const { id } = await accept('hello');
    let ends = 0;
    answer = (push) => (push.kind === 'endOfAction' && (ends += 1) < 3 ? refused(500) : taken);
    await work();
    clock.advance(30_000);
    await work();
    clock.advance(120_000);
    await work();
    expect(kinds()).toEqual(['message', 'endOfAction', 'endOfAction', 'endOfAction']);
    expect((await viewOf(id)).deliveries[0]?.attempts.map((attempt) => attempt.step)).toEqual([
      'message',
      'end',
      'end',
      'end',
    ]);
  });

  it('is delivered when the action has gone between message and end', async () => {
    await openTestWait('w1');
    const { id } = await accept('hello');
    answer = (push) => (push.kind === 'endOfAction' ? refused(404) : taken);
    await work();
    expect((await viewOf(id)).status).toBe('delivered');
    expect(await findWait(db, 'c')).toBeUndefined();
  });
});

describe('order', () => {
  it('holds while the head waits for its next attempt', async () => {
    await openTestWait('w1');
    await accept('one', { keepOpen: true });
    await accept('two', { keepOpen: true });
    answer = () => refused(503);
    await work();
    expect(sent).toHaveLength(1);
    answer = () => taken;
    clock.advance(4_999);
    await work();
    expect(sent).toHaveLength(1);
    clock.advance(1);
    await work();
    const texts = sent.map((push) => (push.kind === 'message' ? push.notification.content.message?.text : ''));
    expect(texts).toEqual(['one', 'one', 'two']);
  });
});

describe('a parent that takes no push', () => {
  it.each([403, 404, 410])(
    '%i: held with the reason, the wait is gone, what comes next is held without asking',
    async (status) => {
      await openTestWait('w1');
      const first = await accept('one');
      const second = await accept('two');
      answer = () => refused(status);
      await work();
      expect(sent).toHaveLength(1);
      expect((await viewOf(first.id)).deliveries[0]).toMatchObject({ status: 'held', reasonText: 'why' });
      expect((await viewOf(second.id)).deliveries[0]).toMatchObject({ status: 'held', reason: 'not_reachable' });
      expect(await findWait(db, 'c')).toBeUndefined();
    },
  );

  it('400: dead with the reason, and the next one goes', async () => {
    await openTestWait('w1');
    const first = await accept('one', { keepOpen: true });
    const second = await accept('two', { keepOpen: true });
    answer = () => (sent.length === 1 ? refused(400) : taken);
    await work();
    expect((await viewOf(first.id)).deliveries[0]).toMatchObject({ status: 'dead', reason: 'rejected' });
    expect((await viewOf(second.id)).status).toBe('delivered');
  });

  it('for a day: dead when the notification expires', async () => {
    await openTestWait('w1');
    const { id } = await accept('one');
    answer = () => refused(503);
    await work();
    clock.advance(86_400_000);
    await work();
    expect((await viewOf(id)).deliveries[0]).toMatchObject({ status: 'dead', reason: 'expired' });
  });
});

describe('a wait whose deadline has passed', () => {
  const passDeadline = async (): Promise<void> => {
    clock.advance(600_000);
    await work();
  };

  it('is told to the parent once', async () => {
    await openTestWait('w1');
    await passDeadline();
    await passDeadline();
    expect(sent).toMatchObject([{ kind: 'endOfAction', outputs: { status: 'timeout', subject: 's' } }]);
    expect(await findNextLaneAt(db)).toBeUndefined();
  });

  it('is told three times at most when the parent is in trouble, then given up', async () => {
    await openTestWait('w1');
    answer = () => refused(503);
    await passDeadline();
    await passDeadline();
    await passDeadline();
    await passDeadline();
    expect(sent).toHaveLength(3);
    expect(await findWait(db, 'c')).toBeUndefined();
  });
});

it('a worker that has lost its lease sends nothing and changes nothing', async () => {
  await openTestWait('w1');
  const { id } = await accept('hello');
  const [old] = await claimLanes(db, 1, clock.now(), 60_000);
  if (!old) throw new Error('no lane is due');
  clock.advance(60_000);
  await claimLanes(db, 1, clock.now(), 60_000);
  const send = () => Promise.reject(new Error('nothing may be sent'));
  await workOffLane(
    { db, clock, logger: pino({ level: 'silent' }), random: () => 1, send, pushWhenClosed: false },
    old,
  );
  expect((await viewOf(id)).deliveries[0]).toMatchObject({ status: 'pending', attempts: [] });
});
