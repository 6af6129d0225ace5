// Parents that ask for patience, storage that takes nothing for a while, waits that open at the wrong moment: nothing is
// lost for it, and nobody is told twice.

import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { parentOf } from '../../src/conversations/conversation.ts';
import { findConversation, saveConversation, setReachability } from '../../src/conversations/conversation-store.ts';
import { findWait, subscribe } from '../../src/conversations/subscription-store.ts';
import { takeBackLeases } from '../../src/notifications/lane-store.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { retryDeliveries } from '../../src/notifications/replay-deliveries.ts';
import { conversation } from '../helpers/conversation.ts';
import { isOnPostgres, openTestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { createLaneBench, LaneBench } from '../helpers/lane-bench.ts';
import { findNextLaneAt } from '../helpers/lanes.ts';

const hour = 3_600_000;
const day = 24 * hour;
const parent = parentOf(conversation);
const busy: SendOutcome = { kind: 'refused', status: 429, retryAfter: '1', detail: 'slow down' };
const gone: SendOutcome = { kind: 'refused', status: 404, retryAfter: undefined, detail: 'gone' };
const taken: SendOutcome = { kind: 'delivered', status: 200 };

let lane: LaneBench;
beforeEach(async () => {
  lane = await createLaneBench();
});

/** Does all that a worker does until `endsAt`, whenever a lane is due and its parent may be sent to. */
async function workUntil(endsAt: number): Promise<void> {
  const { db, gates, clock } = lane;
  while (clock.now() < endsAt) {
    const lease = gates.free(parent, clock.now()) > 0 ? await lane.claim() : undefined;
    if (lease) {
      await lane.workOff(lease);
      continue;
    }
    const nextAt = Math.max((await findNextLaneAt(db)) ?? endsAt, gates.nextAt(parent, clock.now()));
    clock.advance(Math.max(1, Math.min(nextAt, endsAt) - clock.now()));
  }
}

/** That many conversations follow the subject and can be pushed to, each of another person. */
async function follow(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const id = index === 0 ? conversation.id : `c${index}`;
    await saveConversation(lane.db, { ...conversation, id, userKey: `p${index}` });
    await subscribe(lane.db, { conversationId: id, subject: 's', once: false, createdAt: 0 });
  }
}

describe('a parent that says 429 with Retry-After: 1 for a whole day', () => {
  it.each([1, 3, 20])('gets few requests for %i conversations, and everything once it takes it', async (count) => {
    await follow(count);
    lane.answer = () => busy;
    const startedAt = lane.clock.now();
    const { id } = await lane.accept('hello', { expiresAt: new Date(startedAt + 3 * day).toISOString() });
    await workUntil(startedAt + day);
    expect((await lane.viewOf(id)).counts).toMatchObject({ pending: count, dead: 0 });
    const refused = lane.sent.length;
    expect(refused).toBeLessThan(40 * count);

    lane.answer = () => taken;
    await workUntil(startedAt + 2 * day);
    const view = await lane.viewOf(id);
    expect(view.counts).toMatchObject({ delivered: count, dead: 0 });
    expect(lane.sent).toHaveLength(refused + count);
    const settled = view.deliveries.map(({ settledAt }) => Date.parse(settledAt ?? '') - startedAt - day);
    const latest = Math.max(...settled) / hour;
    console.log(`429 for a day, ${count} conversations: ${refused} requests, all taken ${latest.toFixed(1)} h after`);
  });
});

describe('a wait that opens while a forced attempt is on its way', () => {
  it('is pushed to, though that attempt is refused: the refusal was about the action before', async () => {
    await lane.openWait('w1');
    const { id } = await lane.accept('held', { keepOpen: true });
    await lane.db.deleteFrom('waits').execute();
    await setReachability(lane.db, 'c', 'held', 'No action is open.');
    await lane.work();
    expect((await lane.viewOf(id)).status).toBe('held');
    const now = lane.clock.now();
    expect(await retryDeliveries(lane.db, { status: 'held' }, { now, lifeMs: day })).toBe(1);
    lane.answer = async () => {
      await lane.openWait('w2');
      await setReachability(lane.db, 'c', 'push', 'An action is open and waits.');
      lane.answer = () => taken;
      return gone;
    };
    await lane.work();
    expect(await findWait(lane.db, 'c')).toMatchObject({ id: 'w2' });
    expect((await findConversation(lane.db, 'c'))?.reachability).toBe('push');

    const next = await lane.accept('later');
    await lane.work();
    expect((await lane.viewOf(next.id)).status).toBe('delivered');
    // What was refused has been opened again for the new wait.
    expect((await lane.viewOf(id)).status).toBe('delivered');
  });
});

// The trigger is in the words of SQLite.
describe.skipIf(isOnPostgres)('an attempt whose result cannot be stored', () => {
  it('is made once, and is on record once it can be', async () => {
    const db = await openTestDatabase();
    await saveConversation(db, conversation);
    const clock = createFakeClock(Date.parse('2026-01-01T00:00:00Z'));
    let naps = 0;
    const sleep = (ms: number, signal: AbortSignal): Promise<void> => {
      naps += 1;
      return clock.sleep(ms, signal);
    };
    lane = new LaneBench(db, { ...clock, sleep });
    await lane.openWait('w');
    const { id } = await lane.accept('hello', { keepOpen: true });
    await sql`create trigger full before insert on attempts begin select raise(abort, 'disk full'); end`.execute(db);
    const working = lane.work();
    for (let tries = 1; tries <= 40; tries += 1) {
      await eventually(`it was tried ${tries} times`, () => naps === tries);
      clock.advance(1_000);
    }
    await eventually('it was tried once more', () => naps === 41);
    expect((await lane.viewOf(id)).deliveries[0]).toMatchObject({ status: 'sending', attempts: [] });
    await sql`drop trigger full`.execute(db);
    clock.advance(1_000);
    await working;
    expect(lane.kinds).toEqual(['message']);
    const [delivery] = (await lane.viewOf(id)).deliveries;
    expect(delivery).toMatchObject({ status: 'delivered', attempts: [{ outcome: 'delivered', status: 200 }] });
  });

  it('is not waited for by a process that stops', async () => {
    await lane.openWait('w');
    await lane.accept('hello', { keepOpen: true });
    await sql`create trigger full before insert on attempts begin select raise(abort, 'disk full'); end`.execute(
      lane.db,
    );
    const working = lane.work();
    await eventually('it was sent', () => lane.sent.length === 1);
    lane.stopping.abort();
    await expect(working).rejects.toThrow('disk full');
  });
});

describe('the end of an action that was cut off five times', () => {
  it('leaves its delivery delivered, for the message was taken, and its wait to the deadline', async () => {
    await lane.openWait('w');
    const { id } = await lane.accept('hello');
    lane.answer = ({ kind }) => {
      if (kind === 'message') return taken;
      throw new Error('the process was killed');
    };
    for (let kill = 0; kill < 5; kill += 1) {
      await expect(lane.work()).rejects.toThrow('the process was killed');
      await takeBackLeases(lane.db, lane.clock.now());
      lane.clock.advance(80_000);
    }
    lane.answer = () => taken;
    await lane.work();
    expect(lane.kinds).toEqual(['message', ...Array<string>(5).fill('endOfAction')]);
    expect((await lane.viewOf(id)).deliveries[0]).toMatchObject({ status: 'delivered', reason: null });
    expect(await findWait(lane.db, 'c')).toMatchObject({ id: 'w' });
    await lane.passDeadline();
    expect(lane.sent.at(-1)).toMatchObject({ kind: 'endOfAction', outputs: { status: 'timeout' } });
    expect(await findWait(lane.db, 'c')).toBeUndefined();
  });
});
