// What is done for many at a time, where the transaction fails: each is told, nothing is done twice, and no slot stays taken.

import { beforeEach, expect, it } from 'vitest';
import { parentOf } from '../../src/conversations/conversation.ts';
import { findAddressees } from '../../src/conversations/conversation-store.ts';
import { acceptAll, type Ask } from '../../src/notifications/accept-notification.ts';
import type { AttemptRecord } from '../../src/notifications/attempt-store.ts';
import { markSending } from '../../src/notifications/delivery-store.ts';
import { createLaneDesk } from '../../src/notifications/lane-desk.ts';
import type { Trial } from '../../src/notifications/lane-step.ts';
import type { Lease } from '../../src/notifications/lane-store.ts';
import type { LaneKeeper } from '../../src/notifications/leasing.ts';
import { findNotification } from '../../src/notifications/notification-store.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { ParentGates } from '../../src/notifications/parent-gates.ts';
import { together } from '../../src/storage/together.ts';
import { conversation } from '../helpers/conversation.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { openFaultyDatabase } from '../helpers/faulty-database.ts';
import { LaneBench } from '../helpers/lane-bench.ts';
import { claimDue, findHead, saveConversations } from '../helpers/lanes.ts';

const ids = ['a', 'b', 'c'];
let lane: LaneBench;
let faults: Awaited<ReturnType<typeof openFaultyDatabase>>['faults'];
let accept: (ask: Ask) => Promise<unknown>;
beforeEach(async () => {
  const opened = await openFaultyDatabase();
  ({ faults } = opened);
  lane = new LaneBench(opened.db, createFakeClock(Date.parse('2026-01-01T00:00:00Z')));
  await saveConversations(lane.db, ids);
  accept = together(lane.db, (trx, asks: readonly Ask[]) => acceptAll(trx, asks, lane.clock.now()));
});

const ask = (conversationId: string) => {
  const body = { to: { conversationId }, message: { text: 't' } };
  return accept({ sender: 'test', request: parseNotifyRequest(body, lane.clock.now(), 86_400_000) });
};
const askAll = () => Promise.allSettled(ids.map(ask));
const countNotifications = async (): Promise<number> =>
  (await lane.db.selectFrom('notifications').select('id').execute()).length;

it('while no transaction can be begun, each is refused at once, and nothing is tried on and on', async () => {
  faults.isAway = true;
  const refused = await askAll();
  expect(refused.map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(faults.refusals).toBeLessThan(20);
  faults.isAway = false;
  expect(await countNotifications()).toBe(0);
});

it('where it is unknown whether a commit was stored, nothing is done once more', async () => {
  faults.losesAnswers = true;
  const unsure = await askAll();
  expect(unsure.map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected']);
  faults.losesAnswers = false;
  expect(await countNotifications()).toBe(3);
});

it('what was undone is done once more, each alone', async () => {
  faults.undoes = 1;
  expect((await askAll()).map((one) => one.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  expect(await countNotifications()).toBe(3);
});

it('slots that an undone transaction had taken are there for the next: every lane goes on, and gives its own back', async () => {
  lane.gates = new ParentGates({ slotsPerParent: ids.length, hostRate: 0 });
  await askAll();
  const desk = createLaneDesk(lane.laneWork(), lane.createWorker());
  const leases = await claimDue(lane.db, ids.length, lane.clock.now());
  faults.undoes = 1;
  const steps = await Promise.all(leases.map((lease) => desk.next(lease)));
  expect(steps.map((step) => step?.kind)).toEqual(['attempt', 'attempt', 'attempt']);
  const parent = parentOf(conversation);
  expect([lane.gates.inUse(parent), lane.gates.free(parent, lane.clock.now())]).toEqual([3, 0]);
});

/** A desk whose keeper only notes what it is handed, and the first delivery of each lane about to be settled. */
async function startSettling(count: number) {
  const leased: Lease[] = [];
  const unsure: Lease[] = [];
  const settling = new Map<string, Lease>();
  const keeper: LaneKeeper = {
    take: ({ lease }) => void leased.push(lease),
    settling: (id) => (settling.get(id)?.isSettling ? settling.get(id) : undefined),
    onUnsure: (lease) => void unsure.push(lease),
  };
  const desk = createLaneDesk(lane.laneWork(), keeper);
  const claim = (limit: number) => desk.claim([{ parent: parentOf(conversation), limit }]);
  await claim(count);
  const leases = leased.splice(0);
  const settle = (lease: Lease) => desk.settle({ lease, trial: trialOf(lease), attempt: attemptOf(lease) });
  const trials = new Map<Lease, Trial>();
  for (const lease of leases) {
    settling.set(lease.conversationId, lease);
    const head = await findHead(lane.db, lease.conversationId, lane.clock.now());
    const notification = head && (await findNotification(lane.db, head.notificationId));
    const addressee = (await findAddressees(lane.db, [lease.conversationId])).get(lease.conversationId);
    if (!head || !notification || !addressee) throw new Error('nothing is due');
    trials.set(lease, { conversation: addressee, delivery: head, notification, wait: undefined });
  }
  const trialOf = (lease: Lease): Trial => trials.get(lease) ?? raise();
  return { leases, leased, unsure, claim, settle };
}

function raise(): never {
  throw new Error('no such lease');
}

function attemptOf({ conversationId }: Lease): AttemptRecord {
  const outcome = { kind: 'delivered', status: 200 } as const;
  return { via: 'push', conversationId, startedAt: lane.clock.now(), durationMs: 5, outcome };
}

it('the slot of a lane with nothing more to do goes to one that is due, in the same transaction', async () => {
  lane.gates = new ParentGates({ slotsPerParent: 2, hostRate: 0 });
  await askAll();
  const { leases, leased, settle } = await startSettling(2);
  const [first] = leases;
  if (!first) throw new Error('nothing was leased');
  expect(await settle(first)).toMatchObject({ isSettled: true, next: { kind: 'freed', runAt: undefined } });
  const all = [...leases, ...leased].map(({ conversationId }) => conversationId);
  expect(all.toSorted()).toEqual(ids);
  const parent = parentOf(conversation);
  expect([lane.gates.inUse(parent), lane.gates.free(parent, lane.clock.now())]).toEqual([2, 0]);
});

it('a lane that goes on keeps its slot: no other is leased for it', async () => {
  lane.gates = new ParentGates({ slotsPerParent: 1, hostRate: 0 });
  await askAll();
  await askAll();
  const { leases, leased, settle } = await startSettling(1);
  expect(await settle(leases[0] ?? raise())).toMatchObject({ isSettled: true, next: { kind: 'attempt' } });
  expect(leased).toEqual([]);
});

it.each(['undoes', 'losesAnswers'] as const)(
  'what is leased beside a settling that fails (%s) is let go of',
  async (fault) => {
    lane.gates = new ParentGates({ slotsPerParent: 2, hostRate: 0 });
    // One after the other: none of them is still on its way when the fault is set.
    for (const id of ids) await ask(id);
    const { leases, leased, unsure, settle } = await startSettling(1);
    if (fault === 'undoes') faults.undoes = 1;
    else faults.losesAnswers = true;
    await expect(settle(leases[0] ?? raise())).rejects.toThrow(Error);
    expect(leased).toEqual([]);
    expect(unsure).toHaveLength(1);
    expect(lane.gates.inUse(parentOf(conversation))).toBe(0);
  },
);

it('a lane that others may have by now is not kept for a result that came too late', async () => {
  await askAll();
  const { leases, leased, claim, settle } = await startSettling(1);
  const [lease] = leases;
  if (!lease) throw new Error('nothing was leased');
  // Its first try was stored, and told as failed; the lane has been freed by it, and is due again.
  lease.isSettling = true;
  await lane.db
    .updateTable('deliveries')
    .set({ state: 'delivered', open: 0, settled_at: 1 })
    .where('conversation_id', '=', lease.conversationId)
    .execute();
  await lane.db
    .updateTable('lanes')
    .set({ token: null, run_at: 0 })
    .where('conversation_id', '=', lease.conversationId)
    .execute();
  expect(await settle(lease)).toMatchObject({ isSettled: false, next: undefined });
  // What failed before is stored without anything beside it.
  expect(leased).toEqual([]);
  await claim(1);
  expect(leased.map(({ conversationId }) => conversationId)).toEqual([lease.conversationId]);
  expect(leased).not.toContain(lease);
});

/** How many attempts of each of these conversations are on record. */
async function countAttempts(conversationIds: readonly string[]): Promise<number[]> {
  const rows = await lane.db.selectFrom('attempts').select('conversation_id').execute();
  return conversationIds.map((id) => rows.filter((row) => row.conversation_id === id).length);
}

it('of several results that are stored together, one that is no longer ours keeps none of the others from it', async () => {
  await askAll();
  const { leases, settle } = await startSettling(3);
  const [first, second, third] = leases;
  if (!first || !second || !third) throw new Error('not all were leased');
  await lane.db
    .updateTable('deliveries')
    .set({ state: 'cancelled', open: 0, settled_at: 1 })
    .where('conversation_id', '=', second.conversationId)
    .execute();
  const settled = await Promise.all([settle(first), settle(second), settle(third)]);
  expect(settled.map(({ isSettled }) => isSettled)).toEqual([true, false, true]);
  expect(settled.map(({ next }) => next?.kind)).toEqual(['freed', 'freed', 'freed']);
  expect(await countAttempts(leases.map(({ conversationId }) => conversationId))).toEqual([1, 0, 1]);
  expect(lane.gates.inUse(parentOf(conversation))).toBe(0);
  const rows = await lane.db.selectFrom('deliveries').select(['state', 'attempts']).orderBy('state').execute();
  expect(rows).toEqual([
    { state: 'cancelled', attempts: 0 },
    { state: 'delivered', attempts: 1 },
    { state: 'delivered', attempts: 1 },
  ]);
});

it('of several that are marked together, those are told that were still pending', async () => {
  await askAll();
  const rows = await lane.db.selectFrom('deliveries').select('seq').orderBy('seq').execute();
  const [first = 0, second = 0, third = 0] = rows.map(({ seq }) => seq);
  await lane.db
    .updateTable('deliveries')
    .set({ state: 'cancelled', open: 0, settled_at: 1 })
    .where('seq', '=', second)
    .execute();
  const marked = await lane.db.transaction().execute((trx) => markSending(trx, [first, second, third]));
  expect([...marked]).toEqual([first, third]);
  expect([...(await lane.db.transaction().execute((trx) => markSending(trx, [])))]).toEqual([]);
});

it('what failed before and is done once more alone is stored without anything beside it', async () => {
  await saveConversations(lane.db, ['d']);
  await Promise.all([...ids, 'd'].map(ask));
  const { leases, leased, settle } = await startSettling(3);
  for (const lease of leases) lease.isSettling = true;
  await lane.db
    .updateTable('deliveries')
    .set({ state: 'cancelled', open: 0, settled_at: 1 })
    .where('conversation_id', '=', leases[1]?.conversationId ?? '')
    .execute();
  const settled = await Promise.all(leases.map(settle));
  expect(settled.map(({ isSettled }) => isSettled)).toEqual([true, false, true]);
  expect(leased).toEqual([]);
  expect(leases.map(({ isSettling }) => isSettling)).toEqual([false, false, false]);
});
