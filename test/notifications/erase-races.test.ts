// T22: an erasure at every point of a turn or of the work on a lane that goes on beside it. The database is asked step by
// step, so that beginning the erasure a number of steps later puts it between any two of them.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { saveConversation, setReachability } from '../../src/conversations/conversation-store.ts';
import { findWait, openWait, subscribe } from '../../src/conversations/subscription-store.ts';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import { eraseConversation, erasePerson } from '../../src/notifications/erase-store.ts';
import { adoptUnclaimed, createInbox } from '../../src/notifications/inbox.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { transact } from '../../src/storage/transact.ts';
import { conversation } from '../helpers/conversation.ts';
import { createLaneBench, type LaneBench } from '../helpers/lane-bench.ts';

/**
 * How many steps later the erasure begins than what goes on beside it, or earlier; at the ends one is over before the
 * other begins, so that both outcomes are met however fast the database answers.
 */
const offsets = [-Infinity, ...Array.from({ length: 22 }, (_, index) => index - 7), Infinity];

let lane: LaneBench;
beforeEach(async () => {
  lane = await createLaneBench();
});

const now = () => lane.clock.now();
const see = (change: object = {}) => saveConversation(lane.db, { ...conversation, lastSeenAt: now(), ...change });
const wait = { conversationId: 'c', id: 'w', action: 'a', subject: 's', openedAt: 0, deadlineAt: 0, attempts: 0 };

async function accept(to: object): Promise<string> {
  const request = parseNotifyRequest({ to, message: { text: 'hello' } }, now(), 86_400_000);
  return (await acceptNotification(lane.db, 'test', request, now())).id;
}

async function erase(how: 'person' | 'conversation'): Promise<void> {
  if (how === 'person') await erasePerson(lane.db, 'user', now());
  else await eraseConversation(lane.db, 'c', now());
}

async function after<T>(count: number, begin: () => Promise<T>): Promise<T> {
  for (let step = 0; step < count; step += 1) {
    await sql`select 1`.execute(lane.db);
    // A transaction that may share its commit takes a turn of the event loop.
    if (step % 2 === 1) await nextTurn();
  }
  return begin();
}

/** An erasure beside `work`. */
async function beside<T>(offset: number, how: 'person' | 'conversation', work: () => Promise<T>): Promise<T> {
  if (offset === -Infinity) await erase(how);
  const both = () => Promise.all([after(-offset, work), after(offset, () => erase(how))]);
  const [value] = Number.isFinite(offset) ? await both() : [await work()];
  if (offset === Infinity) await erase(how);
  return value;
}

async function listRows(): Promise<string[]> {
  const tables = ['conversations', 'waits', 'subscriptions', 'deliveries', 'attempts', 'notifications', 'lanes'];
  const found = tables.map(async (table) => {
    const { rows } = await sql`select * from ${sql.table(table)}`.execute(lane.db);
    return rows.map(() => table);
  });
  return (await Promise.all(found)).flat();
}

describe.each(['person', 'conversation'] as const)('the %s is erased', (how) => {
  it('before a turn opens its wait: there is none, and the turn is told', async () => {
    await erase(how);
    expect([await openWait(lane.db, wait), await findWait(lane.db, 'c'), await listRows()]).toEqual([
      false,
      undefined,
      [],
    ]);
  });

  it('after it was opened: a later turn, which has made a new conversation, opens its own', async () => {
    expect(await openWait(lane.db, wait)).toBe(true);
    await erase(how);
    await see();
    expect(await openWait(lane.db, { ...wait, id: 'w2' })).toBe(true);
    expect(await listRows()).toEqual(['conversations', 'waits']);
  });

  it.each([true, false])('before a turn subscribes (once: %s): it does not', async (once) => {
    await erase(how);
    await subscribe(lane.db, { conversationId: 'c', subject: 's', once, createdAt: 0 });
    expect(await listRows()).toEqual([]);
  });

  it('before a turn takes what came early: it stays for whoever asks next', async () => {
    const id = await accept({ subject: 'early' });
    await erase(how);
    const adopt = (conversationId: string) =>
      transact(lane.db, (trx) => adoptUnclaimed(trx, conversationId, 'early', now()));
    await adopt('c');
    expect((await lane.viewOf(id)).status).toBe('waiting');
    await see({ id: 'd', userKey: 'next' });
    await adopt('d');
    expect((await lane.viewOf(id)).deliveries).toMatchObject([{ conversationId: 'd' }]);
  });

  it(`at any of ${offsets.length} points while a turn takes what is held: nothing fails, and nothing is left`, async () => {
    let taken = 0;
    for (const offset of offsets) {
      await see();
      await setReachability(lane.db, 'c', 'held', 'No action is open.');
      for (let index = 0; index < 3; index += 1) await accept({ conversationId: 'c' });
      const inbox = createInbox({ db: lane.db, now, onSettled: () => undefined })(conversation);
      const items = await beside(offset, how, () => inbox.take({ limit: 3 }));
      for (const item of items) {
        expect(await item.renew()).toBe(false);
        await item.given({ kind: 'delivered', status: 200 });
      }
      taken += items.length;
      await erase(how);
      expect(await listRows()).toEqual([]);
    }
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(3 * offsets.length);
  });

  it(`at any of ${offsets.length} points while a worker is at it: sent once or not at all, and nothing is left`, async () => {
    const sent = new Set<number>();
    for (const offset of offsets) {
      await see();
      await accept({ conversationId: 'c' });
      lane.sent.length = 0;
      const lease = await lane.claim();
      if (lease) await beside(offset, how, () => lane.workOff(lease));
      sent.add(lane.sent.length);
      await erase(how);
      await lane.work();
      expect([lane.sent.length <= 1, await listRows()]).toEqual([true, []]);
    }
    expect(sent).toEqual(new Set([0, 1]));
  });
});

it('an earlier speaker of a group is erased at any of these points: what was to the group is delivered, once', async () => {
  for (const offset of offsets) {
    await see();
    await accept({ userId: 'user' });
    await see({ userKey: 'ann', userId: 'ann' });
    const next = await accept({ conversationId: 'c' });
    lane.sent.length = 0;
    const lease = await lane.claim();
    if (lease) await beside(offset, 'person', () => lane.workOff(lease));
    await lane.work();
    const toGroup = lane.sent.filter((push) => push.kind === 'message' && push.notification.id === next);
    expect([(await lane.viewOf(next)).status, toGroup.length, lane.sent.length <= 2]).toEqual(['delivered', 1, true]);
    lane.clock.advance(120_000);
  }
});

it('a delivery that was read before it was erased with its notification is let go of', async () => {
  await accept({ conversationId: 'c' });
  await sql`delete from notifications`.execute(lane.db);
  const lease = await lane.claim();
  if (lease) await lane.workOff(lease);
  const { rows } = await sql`select token from lanes`.execute(lane.db);
  expect([lane.sent, rows]).toEqual([[], [{ token: null }]]);
});

it('an attempt that was made through an erased conversation, for one that stays, goes with it', async () => {
  await see({ id: 'd', externalId: 'other' });
  await accept({ conversationId: 'd' });
  await setReachability(lane.db, 'd', 'held', 'No action is open.');
  const inbox = createInbox({ db: lane.db, now, onSettled: () => undefined })(conversation);
  const [item] = await inbox.take({ limit: 1 });
  await item?.given({ kind: 'delivered', status: 200 });
  expect(await eraseConversation(lane.db, 'c', now())).toMatchObject({ conversations: 1, deliveries: 0, attempts: 1 });
  expect(await listRows()).toEqual(['conversations', 'deliveries', 'notifications']);
});
