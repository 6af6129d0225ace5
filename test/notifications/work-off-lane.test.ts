// One lease of a lane, with a parent that is just a function.

import { beforeEach, describe, expect, it } from 'vitest';
import { findConversation } from '../../src/conversations/conversation-store.ts';
import { findWait } from '../../src/conversations/subscription-store.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { createLaneBench, type LaneBench } from '../helpers/lane-bench.ts';
import { findNextLaneAt } from '../helpers/lanes.ts';

const taken: SendOutcome = { kind: 'delivered', status: 200 };
const refused = (status: number): SendOutcome => ({ kind: 'refused', status, retryAfter: undefined, detail: 'why' });

let lane: LaneBench;
beforeEach(async () => {
  lane = await createLaneBench();
});

describe('a notification for an open wait', () => {
  it('is a message, then the end of the action, and the conversation takes no push any more', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('hello');
    await lane.work();
    expect(lane.kinds).toEqual(['message', 'endOfAction']);
    expect((await lane.viewOf(id)).status).toBe('delivered');
    expect(await findWait(lane.db, 'c')).toBeUndefined();
    expect(await findConversation(lane.db, 'c')).toMatchObject({ reachability: 'held' });
    expect(await findNextLaneAt(lane.db)).toBeUndefined();
  });

  it('leaves alone the next wait, which a looping topic opens before the end of the last is answered', async () => {
    await lane.openWait('w1');
    await lane.accept('hello');
    lane.answer = async (push) => {
      if (push.kind === 'endOfAction') await lane.openWait('w2');
      return taken;
    };
    await lane.work();
    expect(await findWait(lane.db, 'c')).toMatchObject({ id: 'w2' });
    expect(await findConversation(lane.db, 'c')).toMatchObject({ reachability: 'push' });
    expect(await findNextLaneAt(lane.db)).toBe(lane.clock.now() + 600_000);
    lane.answer = () => taken;
    await lane.accept('again');
    await lane.work();
    expect(lane.kinds).toEqual(['message', 'endOfAction', 'message', 'endOfAction']);
  });

  it('does not end the next wait with the result of the last', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('hello');
    lane.answer = (push) => (push.kind === 'endOfAction' ? refused(503) : taken);
    await lane.work();
    await lane.openWait('w2');
    lane.answer = () => taken;
    lane.clock.advance(30_000);
    await lane.work();
    expect(lane.kinds).toEqual(['message', 'endOfAction']);
    expect(await findWait(lane.db, 'c')).toMatchObject({ id: 'w2' });
    expect((await lane.viewOf(id)).status).toBe('delivered');
  });

  it('repeats only the end of the action once the message has been taken', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('hello');
    let ends = 0;
    lane.answer = (push) => (push.kind === 'endOfAction' && (ends += 1) < 3 ? refused(500) : taken);
    await lane.work();
    lane.clock.advance(30_000);
    await lane.work();
    lane.clock.advance(120_000);
    await lane.work();
    expect(lane.kinds).toEqual(['message', 'endOfAction', 'endOfAction', 'endOfAction']);
    expect((await lane.viewOf(id)).deliveries[0]?.attempts.map((attempt) => attempt.step)).toEqual([
      'message',
      'end',
      'end',
      'end',
    ]);
  });

  it('is delivered when the action has gone between message and end', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('hello');
    lane.answer = (push) => (push.kind === 'endOfAction' ? refused(404) : taken);
    await lane.work();
    expect((await lane.viewOf(id)).status).toBe('delivered');
    expect(await findWait(lane.db, 'c')).toBeUndefined();
  });
});

describe('the end of an action whose message was taken', () => {
  beforeEach(async () => {
    await lane.openWait('w1');
    lane.answer = (push) => (push.kind === 'endOfAction' ? refused(503) : taken);
  });

  it('is told also after the notification has expired: the user must not stay in the action', async () => {
    const { id } = await lane.accept('hello', { expiresAt: '2026-01-01T00:00:20Z' });
    await lane.work();
    lane.answer = () => taken;
    lane.clock.advance(30_000);
    await lane.work();
    expect(lane.sent.at(-1)).toMatchObject({ kind: 'endOfAction', outputs: { status: 'notified' } });
    expect((await lane.viewOf(id)).status).toBe('delivered');
    expect(await findWait(lane.db, 'c')).toBeUndefined();
  });

  it('is told also after the deadline of the wait, and never as a timeout', async () => {
    await lane.accept('hello');
    await lane.work();
    for (const delayMs of [30_000, 120_000, 300_000, 900_000]) {
      lane.clock.advance(delayMs);
      await lane.work();
    }
    lane.answer = () => taken;
    lane.clock.advance(1_800_000);
    await lane.work();
    const statuses = lane.sent.map((push) => (push.kind === 'endOfAction' ? push.outputs['status'] : push.kind));
    expect(statuses).toEqual(['message', ...Array.from({ length: 6 }, () => 'notified')]);
    expect(await findNextLaneAt(lane.db)).toBeUndefined();
  });
});

describe('order', () => {
  it('holds while the head waits for its next attempt', async () => {
    await lane.openWait('w1');
    await lane.accept('one', { keepOpen: true });
    await lane.accept('two', { keepOpen: true });
    lane.answer = () => refused(503);
    await lane.work();
    expect(lane.sent).toHaveLength(1);
    lane.answer = () => taken;
    lane.clock.advance(4_999);
    await lane.work();
    expect(lane.sent).toHaveLength(1);
    lane.clock.advance(1);
    await lane.work();
    const texts = lane.sent.map((push) => (push.kind === 'message' ? push.notification.content.message?.text : ''));
    expect(texts).toEqual(['one', 'one', 'two']);
  });
});

describe('a parent that takes no push', () => {
  it.each([403, 404, 410])(
    '%i: held with the reason, the wait is gone, what comes next is held without asking',
    async (status) => {
      await lane.openWait('w1');
      const first = await lane.accept('one');
      const second = await lane.accept('two');
      lane.answer = () => refused(status);
      await lane.work();
      expect(lane.sent).toHaveLength(1);
      expect((await lane.viewOf(first.id)).deliveries[0]).toMatchObject({ status: 'held', reasonText: 'why' });
      expect((await lane.viewOf(second.id)).deliveries[0]).toMatchObject({ status: 'held', reason: 'not_reachable' });
      expect(await findWait(lane.db, 'c')).toBeUndefined();
    },
  );

  it('400: dead with the reason, and the next one goes', async () => {
    await lane.openWait('w1');
    const first = await lane.accept('one', { keepOpen: true });
    const second = await lane.accept('two', { keepOpen: true });
    lane.answer = () => (lane.sent.length === 1 ? refused(400) : taken);
    await lane.work();
    expect((await lane.viewOf(first.id)).deliveries[0]).toMatchObject({ status: 'dead', reason: 'rejected' });
    expect((await lane.viewOf(second.id)).status).toBe('delivered');
  });

  it('for a day: dead when the notification expires', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('one');
    lane.answer = () => refused(503);
    await lane.work();
    lane.clock.advance(86_400_000);
    await lane.work();
    expect((await lane.viewOf(id)).deliveries[0]).toMatchObject({ status: 'dead', reason: 'expired' });
  });
});

describe('a wait whose deadline has passed', () => {
  it('is told to the parent once', async () => {
    await lane.openWait('w1');
    await lane.passDeadline();
    await lane.passDeadline();
    expect(lane.sent).toMatchObject([{ kind: 'endOfAction', outputs: { status: 'timeout', subject: 's' } }]);
    expect(await findNextLaneAt(lane.db)).toBeUndefined();
  });

  it('is told seven times at most, over about an hour, when the parent is in trouble', async () => {
    await lane.openWait('w1');
    lane.answer = () => refused(503);
    for (let attempt = 0; attempt < 15; attempt += 1) await lane.passDeadline();
    expect(lane.sent).toHaveLength(7);
    expect(await findWait(lane.db, 'c')).toBeUndefined();
  });
});

it('a worker that has lost its lease sends nothing and changes nothing', async () => {
  await lane.openWait('w1');
  const { id } = await lane.accept('hello');
  const old = await lane.claim();
  lane.clock.advance(60_000);
  expect(await lane.claim()).toBeDefined();
  if (old) await lane.workOff(old);
  expect(lane.sent).toEqual([]);
  expect((await lane.viewOf(id)).deliveries[0]).toMatchObject({ status: 'pending', attempts: [] });
});
