// What happens to a lane when workers stop, crash, or decide on what has just changed.

import { beforeEach, describe, expect, it } from 'vitest';
import { setReachability } from '../../src/conversations/conversation-store.ts';
import { beginAttempt, settleDelivery } from '../../src/notifications/delivery-store.ts';
import { reopenForWait, reopenHeld } from '../../src/notifications/held-store.ts';
import { takeBackLeases } from '../../src/notifications/lane-store.ts';
import { wakeLanes } from '../../src/notifications/wake-lanes.ts';
import { createLaneBench, type LaneBench } from '../helpers/lane-bench.ts';
import { findHead, findNextLaneAt } from '../helpers/lanes.ts';

let lane: LaneBench;
beforeEach(async () => {
  lane = await createLaneBench();
});

const crashFiveTimes = async (): Promise<void> => {
  for (let crash = 0; crash < 5; crash += 1) {
    const lease = await lane.claim();
    const head = await findHead(lane.db, 'c', lane.clock.now());
    if (!lease || !head) throw new Error('nothing is due');
    await beginAttempt(lane.db, lease, head, lane.clock.now());
    await takeBackLeases(lane.db, lane.clock.now());
    lane.clock.advance(120_000);
  }
};

it('a worker that stops begins no further attempt, and what is left is due at once', async () => {
  await lane.openWait('w1');
  for (const text of ['one', 'two', 'three']) await lane.accept(text, { keepOpen: true });
  lane.answer = () => {
    lane.stopping.abort();
    return { kind: 'delivered', status: 200 };
  };
  await lane.work();
  expect(lane.sent).toHaveLength(1);
  expect(await findNextLaneAt(lane.db)).toBe(lane.clock.now());
});

describe('a delivery whose attempts bring the process down', () => {
  it('is tried again at once after the first time, then later each time: quick kills in a row are not its fault', async () => {
    await lane.openWait('w1');
    await lane.accept('innocent', { keepOpen: true });
    const waits: number[] = [];
    for (let crash = 0; crash < 4; crash += 1) {
      const lease = await lane.claim();
      const head = await findHead(lane.db, 'c', lane.clock.now());
      if (!lease || !head) throw new Error('nothing is due');
      await beginAttempt(lane.db, lease, head, lane.clock.now());
      await takeBackLeases(lane.db, lane.clock.now());
      const interrupted = await findHead(lane.db, 'c', lane.clock.now());
      waits.push((interrupted?.runAt ?? 0) - lane.clock.now());
      lane.clock.advance(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([0, 5_000, 20_000, 45_000]);
  });

  it('is dead after five of them, and the next one goes', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('deadly', { keepOpen: true });
    const next = await lane.accept('harmless', { keepOpen: true });
    await crashFiveTimes();
    await lane.work();
    expect((await lane.viewOf(id)).deliveries[0]).toMatchObject({ status: 'dead', reason: 'poison' });
    expect((await lane.viewOf(next.id)).status).toBe('delivered');
  });

  it('is held where nothing can be pushed: there it was a turn that was interrupted', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('innocent');
    await setReachability(lane.db, 'c', 'held', 'No action is open.');
    await crashFiveTimes();
    await lane.work();
    expect((await lane.viewOf(id)).deliveries[0]).toMatchObject({ status: 'held' });
  });
});

it('a delivery that another has settled meanwhile is not begun again', async () => {
  await lane.openWait('w1');
  await lane.accept('hello', { keepOpen: true });
  const read = await findHead(lane.db, 'c', lane.clock.now());
  await lane.work();
  await lane.accept('next', { keepOpen: true });
  const lease = await lane.claim();
  if (!lease || !read) throw new Error('nothing is due');
  expect(await beginAttempt(lane.db, lease, read, lane.clock.now())).toBe(false);
});

it('what was held just as a wait opened is pushed after all', async () => {
  await lane.openWait('w1');
  const { id } = await lane.accept('hello');
  const lease = await lane.claim();
  const head = await findHead(lane.db, 'c', lane.clock.now());
  if (!lease || !head) throw new Error('nothing is due');
  const change = { state: 'held' as const, reason: 'not_reachable', reasonText: 'No action is open.' };
  await settleDelivery(lane.db, lease, head, { from: 'pending', change, now: lane.clock.now() });
  expect(await reopenHeld(lane.db, lease, head, lane.clock.now())).toBe(true);
  await lane.workOff(lease);
  expect((await lane.viewOf(id)).status).toBe('delivered');
});

it('what was held for a subject is pushed when a wait for it opens', async () => {
  await lane.openWait('w1');
  const { id } = await lane.accept('hello');
  await setReachability(lane.db, 'c', 'held', 'No action is open.');
  await lane.work();
  expect((await lane.viewOf(id)).status).toBe('held');
  await setReachability(lane.db, 'c', 'push', 'An action is open and waits.');
  await reopenForWait(lane.db, 'c', 'another subject', lane.clock.now());
  expect((await lane.viewOf(id)).status).toBe('held');
  await reopenForWait(lane.db, 'c', 's', lane.clock.now());
  await lane.work();
  expect((await lane.viewOf(id)).status).toBe('pending');
  await wakeLanes(lane.db, ['c'], lane.clock.now());
  await lane.work();
  expect((await lane.viewOf(id)).status).toBe('delivered');
});

it('a worker without its lease lets a delivery alone that another is sending', async () => {
  await lane.openWait('w1');
  await lane.accept('hello', { keepOpen: true });
  const old = await lane.claim();
  lane.clock.advance(60_000);
  const current = await lane.claim();
  const head = await findHead(lane.db, 'c', lane.clock.now());
  if (!old || !current || !head) throw new Error('nothing is due');
  await beginAttempt(lane.db, current, head, lane.clock.now());
  await lane.workOff(old);
  expect(await findHead(lane.db, 'c', lane.clock.now())).toMatchObject({ state: 'sending', interruptions: 0 });
});
