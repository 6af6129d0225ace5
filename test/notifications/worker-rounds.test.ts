// What keeps the process busy, and what must not: parents that hang, many accepts at once, broadcasts that are being
// spread.

import { EventEmitter, once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { parentOf } from '../../src/conversations/conversation.ts';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { subscribe } from '../../src/conversations/subscription-store.ts';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import { DeliveryWorker } from '../../src/notifications/delivery-worker.ts';
import { expandNext } from '../../src/notifications/expand-notification.ts';
import type { LaneDesk } from '../../src/notifications/lane-desk.ts';
import { claimLanes } from '../../src/notifications/lane-store.ts';
import type { LeasedLane } from '../../src/notifications/leasing.ts';
import { wakeLanes } from '../../src/notifications/wake-lanes.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { ParentGates } from '../../src/notifications/parent-gates.ts';
import type { Database } from '../../src/storage/database.ts';
import { conversation } from '../helpers/conversation.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.ts';
import { parse } from '../helpers/settings.ts';

const hour = 3_600_000;
const startedAt = Date.parse('2026-01-01T00:00:00Z');

let db: Database;
let clock: FakeClock;
beforeEach(async () => {
  db = await openTestDatabase();
  clock = createFakeClock(startedAt);
});

const accept = (to: object) =>
  acceptNotification(
    db,
    'test',
    parseNotifyRequest({ to, message: { text: 't' } }, clock.now(), 24 * hour),
    clock.now(),
  );

/** The service URL of a parent that hangs. */
const hangingUrl = (index: number): string => `https://hangs-${String(index).padStart(2, '0')}.example.com/`;

/** So many conversations of each parent that hangs are due. */
async function wakeBadParents(parents: number, lanesOfEach: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (let index = 0; index < parents * lanesOfEach; index += 1) {
      const id = `bad ${index}`;
      await saveConversation(trx, { ...conversation, id, serviceUrl: hangingUrl(index % parents) });
      await wakeLanes(trx, [id], clock.now());
    }
  });
}

describe('a worker with the default concurrency', () => {
  const { deliveryConcurrency } = parse({});
  // Parents are looked at in order of their names: this one comes last.
  const healthy = { ...conversation, id: 'healthy', serviceUrl: 'https://well.example.com/' };

  type Running = {
    readonly worked: string[];
    readonly naps: number[];
    /** Resolves when the worker sleeps after `begin`. */
    readonly round: (begin: () => unknown) => Promise<void>;
    readonly worker: DeliveryWorker;
  };

  /** A worker whose lanes never end, but those of the healthy parent. */
  async function startWorker(): Promise<Running> {
    const asleep = new EventEmitter();
    const [worked, naps]: [string[], number[]] = [[], []];
    const sleep = (ms: number, signal: AbortSignal): Promise<void> => {
      naps.push(ms);
      asleep.emit('asleep');
      return clock.sleep(ms, signal);
    };
    const over = new AbortController();
    const hanging = once(over.signal, 'abort');
    const gates = new ParentGates({ slotsPerParent: deliveryConcurrency, hostRate: 0 });
    const work = async ({ lease: { conversationId, parent } }: LeasedLane): Promise<void> => {
      worked.push(conversationId);
      if (conversationId === healthy.id) return;
      gates.enter(parent, conversationId);
      await hanging;
    };
    // Nothing is in these lanes: what hangs is the work itself.
    const claim: LaneDesk['claim'] = async (claims) => {
      const leases = await claimLanes(db, claims, clock.now());
      for (const lease of leases) worker.take({ lease, step: { kind: 'interrupted' } });
      return leases.length;
    };
    const logger = pino({ level: 'silent' });
    const worker: DeliveryWorker = new DeliveryWorker({
      db,
      clock: { now: clock.now, sleep },
      logger,
      gates,
      onSettled: () => {},
      stopping: new AbortController(),
      claim,
      work,
    });
    const round = async (begin: () => unknown): Promise<void> => {
      const slept = once(asleep, 'asleep');
      await begin();
      await slept;
    };
    onTestFinished(() => {
      over.abort();
      return worker.stop();
    });
    await round(() => worker.start());
    return { worked, naps, round, worker };
  }

  // Of 40, some have slots left when the worker has all the lanes that it takes.
  it.each([4, 40])('does not spin while %i parents hang and have more that is due', async (parents) => {
    await wakeBadParents(parents, deliveryConcurrency + 8);
    const { worked, naps, round } = await startWorker();
    const most = Math.min(parents * deliveryConcurrency, 1_024);
    expect(worked.length).toBeGreaterThanOrEqual(Math.min(most, 896));
    expect(worked.length).toBeLessThanOrEqual(most);
    naps.length = 0;
    for (let second = 0; second < 20; second += 1) await round(() => clock.advance(1_000));
    for (let turn = 0; turn < 100; turn += 1) await nextTurn();
    expect(naps.filter((ms) => ms === 0)).toEqual([]);
    expect(naps.length).toBeLessThanOrEqual(21);
  });

  it.each(['at the same time', 'later'])('sends to a healthy parent beside 32 that hang: due %s', async (when) => {
    await saveConversation(db, healthy);
    if (when === 'at the same time') await wakeLanes(db, [healthy.id], clock.now());
    await wakeBadParents(32, deliveryConcurrency);
    const { worked, worker } = await startWorker();
    if (when === 'later') {
      await wakeLanes(db, [healthy.id], clock.now());
      worker.wake();
    }
    expect(parentOf(healthy) > parentOf({ ...healthy, serviceUrl: hangingUrl(31) })).toBe(true);
    await eventually('the healthy parent is sent to', () => worked.includes(healthy.id), 2_000);
  });
});

/** 1,200 conversations of 1,000 people, a quarter of them without an open action; 499 follow the subject `news`. */
async function saveFollowers(): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (let index = 0; index < 1_200; index += 1) {
      const id = `c${index}`;
      const reachability = index % 4 === 0 ? 'held' : 'push';
      await saveConversation(trx, { ...conversation, id, userKey: `p${index % 1_000}`, reachability });
      if (index >= 700 && index < 1_199) {
        await subscribe(trx, { conversationId: id, subject: 'news', once: false, createdAt: 1 });
      }
    }
  });
}

/** Conversations in which something newer comes before something older. */
async function findOvertaken(inOrder: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('deliveries')
    .select(['conversation_id', 'notification_id'])
    .orderBy('seq')
    .execute();
  const last = new Map<string, number>();
  const overtaken = new Set<string>();
  for (const { conversation_id: id, notification_id: notificationId } of rows) {
    const index = inOrder.indexOf(notificationId);
    if (index < (last.get(id) ?? -1)) overtaken.add(id);
    last.set(id, index);
  }
  return [...overtaken];
}

describe('a notification to 499 followers', () => {
  beforeEach(saveFollowers);

  it('overtakes none of 20 broadcasts that are being spread, and is accepted soon', async () => {
    const ids: string[] = [];
    for (let broadcast = 0; broadcast < 20; broadcast += 1) ids.push((await accept({ all: true })).id);
    const begin = performance.now();
    const { id, recipients } = await accept({ subject: 'news' });
    const ms = performance.now() - begin;
    console.log(`to 499 followers beside 20 broadcasts: accepted in ${ms.toFixed(0)} ms`);
    expect(ms).toBeLessThan(3_000);
    ids.push(id);
    expect(recipients).toBeGreaterThan(400);
    expect(await findOvertaken(ids)).toEqual([]);
    while (await expandNext(db, clock.now())) clock.advance(1);
    expect(await findOvertaken(ids)).toEqual([]);
  });

  it('64 times at once keeps the event loop for less than 250 ms at a time', async () => {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const untilMeasured = (): Promise<boolean> => {
      const { count } = delay;
      return eventually('the delay is measured', () => delay.count > count);
    };
    await untilMeasured();
    const begin = performance.now();
    await Promise.all(Array.from({ length: 64 }, () => accept({ subject: 'news' })));
    const ms = performance.now() - begin;
    await untilMeasured();
    delay.disable();
    const longest = delay.max / 1e6;
    console.log(`64 accepts for 499 followers: ${ms.toFixed(0)} ms, event loop kept ${longest.toFixed(0)} ms at most`);
    expect(longest).toBeLessThan(250);
  });
});
