// What is on its way, and what is said when it is too much.

import { EventEmitter, once } from 'node:events';
import { pino } from 'pino';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import { Backlog } from '../../src/notifications/backlog.ts';
import { cancelNotification } from '../../src/notifications/cancel-notification.ts';
import { createDeliveryEngine, type DeliveryEngine } from '../../src/notifications/delivery-engine.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { conversation } from '../helpers/conversation.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLaneBench, type LaneBench } from '../helpers/lane-bench.ts';
import { parse } from '../helpers/settings.ts';

const hour = 3_600_000;
const refused = (status: number): SendOutcome => ({ kind: 'refused', status, retryAfter: undefined, detail: 'why' });
const noRoom = { code: 'unavailable', status: 503, headers: { 'Retry-After': '5' } };

let lane: LaneBench;
beforeEach(async () => {
  lane = await createLaneBench();
});

const requestTo = (to: object, more: object = {}) =>
  parseNotifyRequest({ to, message: { text: 't' }, ...more }, lane.clock.now(), hour);

function accept(to: object) {
  return acceptNotification(lane.db, 'test', requestTo(to), lane.clock.now());
}

async function reserve(backlog: Backlog, count: number): Promise<void> {
  await backlog.look();
  backlog.reserve(count);
}

const cancel = ({ id }: { readonly id: string }) => cancelNotification(lane.db, id, lane.clock.now());

describe('a backlog', () => {
  const toConversation = { conversationId: 'c' };
  const toNobody = { subject: 'nobody' };
  const workOff = (answer: SendOutcome) => async (): Promise<void> => {
    await accept(toConversation);
    lane.answer = () => answer;
    await lane.work();
  };
  it.each<[string, 'has room' | 'is full', () => Promise<unknown>]>([
    ['nothing', 'has room', () => Promise.resolve()],
    ['what is pending', 'is full', () => accept(toConversation)],
    ['what is tried again later', 'is full', workOff(refused(503))],
    ['what nobody waits for yet', 'is full', () => accept(toNobody)],
    ['what nobody waited for', 'has room', () => accept(toNobody).then(() => lane.clock.advance(hour))],
    ['what was cancelled', 'has room', () => accept(toConversation).then(cancel)],
    ['what was cancelled before anybody waited for it', 'has room', () => accept(toNobody).then(cancel)],
    ['what is delivered', 'has room', workOff({ kind: 'delivered', status: 200 })],
    ['what is held', 'has room', workOff(refused(403))],
    ['what is dead', 'has room', workOff(refused(400))],
  ])('with %s %s', async (_, expected, happen) => {
    await happen();
    const backlog = new Backlog(lane.db, lane.clock, 1);
    const answer: unknown = await reserve(backlog, 1).catch((error: unknown) => error);
    const full = expect.objectContaining(noRoom) as unknown;
    expect(answer).toEqual(expected === 'is full' ? full : undefined);
  });

  it('says in words that nothing was accepted, and which setting it is', async () => {
    const backlog = new Backlog(lane.db, lane.clock, 0);
    await expect(reserve(backlog, 1)).rejects.toThrow(/MAX_PENDING.*nothing was accepted/);
  });

  it('counts once a second, and with it what has been reserved since', async () => {
    const backlog = new Backlog(lane.db, lane.clock, 3);
    await reserve(backlog, 2);
    await reserve(backlog, 1);
    await expect(reserve(backlog, 1)).rejects.toMatchObject(noRoom);
    lane.clock.advance(999);
    await expect(reserve(backlog, 1)).rejects.toMatchObject(noRoom);
    await accept(toConversation);
    // Only one of them was stored.
    lane.clock.advance(1);
    await reserve(backlog, 2);
    await expect(reserve(backlog, 1)).rejects.toMatchObject(noRoom);
  });

  it('counts anew when the clock was set back', async () => {
    const backlog = new Backlog(lane.db, lane.clock, 1);
    await reserve(backlog, 1);
    await expect(reserve(backlog, 1)).rejects.toMatchObject(noRoom);
    lane.clock.advance(-3_600_000);
    await reserve(backlog, 1);
  });
});

type Running = { readonly engine: DeliveryEngine; readonly pass: (ms: number) => Promise<void> };

/** An engine with room for 2,000. `pass` moves time on and lets the worker do what it then can. */
async function startEngine(): Promise<Running> {
  const naps = new EventEmitter();
  const { db, clock } = lane;
  const sleep = (ms: number, signal: AbortSignal): Promise<void> => {
    // The housekeeper sleeps for longer.
    if (ms <= 1_000) naps.emit('asleep');
    return clock.sleep(ms, signal);
  };
  const engine = createDeliveryEngine({
    db,
    clock: { now: clock.now, sleep },
    logger: pino({ level: 'silent' }),
    random: () => 0.5,
    send: () => Promise.resolve({ kind: 'delivered', status: 200 }),
    config: parse({ MAX_PENDING: '2000', HOST_SEND_RATE: '0' }),
  });
  onTestFinished(() => engine.stop());
  const round = async (begin: () => unknown): Promise<void> => {
    const asleep = once(naps, 'asleep');
    begin();
    await asleep;
  };
  await round(() => engine.start());
  return { engine, pass: (ms) => round(() => clock.advance(ms)) };
}

async function countOpen(): Promise<number> {
  const rows = await lane.db
    .selectFrom('deliveries')
    .select('id')
    .where('state', 'in', ['pending', 'sending'])
    .execute();
  return rows.length;
}

describe('broadcasts to 1,800 conversations, with room for 2,000', () => {
  beforeEach(async () => {
    await lane.db.transaction().execute(async (trx) => {
      for (let index = 0; index < 1_800; index += 1) {
        const id = index === 0 ? conversation.id : `c${index}`;
        await saveConversation(trx, { ...conversation, id, userKey: `p${index}`, lastSeenAt: lane.clock.now() });
      }
    });
  });

  it('count with their first page alone: one for next week keeps nobody out, and no broadcast for now', async () => {
    const { engine, pass } = await startEngine();
    const sendAt = new Date(lane.clock.now() + 3 * 24 * hour).toISOString();
    await engine.accept('test', requestTo({ all: true }, { sendAt }), undefined);
    for (let second = 0; second < 3; second += 1) await pass(1_000);
    expect(await countOpen()).toBe(1_800);
    const { id } = await engine.accept('test', requestTo({ all: true }), undefined);
    for (let index = 0; index < 10; index += 1) {
      await engine.accept('test', requestTo({ subject: `nobody ${index}` }), undefined);
    }
    const view = await eventually('everybody has theirs', async () => {
      lane.clock.advance(100);
      const found = await engine.find(id);
      return found?.counts.delivered === 1_800 && found;
    });
    expect(view).toMatchObject({ recipients: 1_800, counts: { pending: 0, delivered: 1_800 } });
  });

  it('are refused when there is no room for them, however many come in one moment', async () => {
    const { engine } = await startEngine();
    await engine.stop();
    const wishes = Array.from({ length: 8 }, () => engine.accept('test', requestTo({ all: true }), undefined));
    const answers = await Promise.allSettled(wishes);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([
      ...Array<string>(4).fill('fulfilled'),
      ...Array<string>(4).fill('rejected'),
    ]);
    expect(await countOpen()).toBe(2_000);
  });

  it('are refused while twenty are being spread, and single notifications are not', async () => {
    const { engine } = await startEngine();
    await engine.stop();
    for (let index = 0; index < 20; index += 1) await acceptNotification(lane.db, 'test', requestTo({ all: true }), 0);
    await expect(acceptNotification(lane.db, 'test', requestTo({ all: true }), 0)).rejects.toMatchObject(noRoom);
    await accept({ conversationId: 'c' });
  });
});
