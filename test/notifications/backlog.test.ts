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
    const answer: unknown = await backlog.checkRoom().catch((error: unknown) => error);
    const full = expect.objectContaining(noRoom) as unknown;
    expect(answer).toEqual(expected === 'is full' ? full : undefined);
  });

  it('says in words that nothing was accepted, and which setting it is', async () => {
    const backlog = new Backlog(lane.db, lane.clock, 0);
    await expect(backlog.checkRoom()).rejects.toThrow(/MAX_PENDING.*nothing was accepted/);
  });

  it('counts once a second, and with it what has been added since', async () => {
    const backlog = new Backlog(lane.db, lane.clock, 3);
    await backlog.checkRoom();
    await accept(toConversation);
    backlog.add(2);
    await backlog.checkRoom();
    backlog.add(1);
    await expect(backlog.checkRoom()).rejects.toMatchObject(noRoom);
    lane.clock.advance(999);
    await expect(backlog.checkRoom()).rejects.toMatchObject(noRoom);
    lane.clock.advance(1);
    await backlog.checkRoom();
    backlog.add(2);
    await expect(backlog.checkRoom()).rejects.toMatchObject(noRoom);
  });

  it('leaves broadcasts the first half', async () => {
    const backlog = new Backlog(lane.db, lane.clock, 10);
    const room: boolean[] = [];
    for (let count = 0; count < 7; count += 1) {
      room.push(await backlog.hasRoomToExpand());
      backlog.add(1);
    }
    expect(room).toEqual([true, true, true, true, true, false, false]);
    await backlog.checkRoom();
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

  it('take half of the room, leave the rest to others, and go on when what they have taken is delivered', async () => {
    const { engine, pass } = await startEngine();
    const sendAt = new Date(lane.clock.now() + 60_000).toISOString();
    const { id } = await engine.accept('test', requestTo({ all: true }, { sendAt }), undefined);
    for (let second = 0; second < 5; second += 1) await pass(1_000);
    expect(await countOpen()).toBe(1_000);
    for (let index = 0; index < 10; index += 1) {
      await engine.accept('test', requestTo({ subject: `nobody ${index}` }), undefined);
    }
    lane.clock.advance(60_000);
    const view = await eventually('everybody has theirs', async () => {
      lane.clock.advance(100);
      const found = await engine.find(id);
      return found?.counts.delivered === 1_800 && found;
    });
    expect(view).toMatchObject({ recipients: 1_800, counts: { pending: 0, delivered: 1_800 } });
  });

  it('take no more when they are spread within a second', async () => {
    const { engine, pass } = await startEngine();
    const sendAt = new Date(lane.clock.now() + 60_000).toISOString();
    await engine.accept('test', requestTo({ all: true }, { sendAt }), undefined);
    await pass(1);
    expect(await countOpen()).toBe(1_000);
  });

  it('are refused when there is no room for them, however many come in one second', async () => {
    const { engine } = await startEngine();
    await engine.stop();
    const answers: unknown[] = [];
    for (let index = 0; index < 8; index += 1) {
      const answer = await engine.accept('test', requestTo({ all: true }), undefined).catch((error: unknown) => error);
      answers.push(answer instanceof Error ? 'refused' : 'accepted');
    }
    expect(answers).toEqual([...Array(4).fill('accepted'), ...Array(4).fill('refused')]);
    expect(await countOpen()).toBe(2_000);
  });
});
