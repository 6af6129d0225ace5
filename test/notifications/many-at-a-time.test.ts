// What is done for many at a time, where the transaction fails: each is told, nothing is done twice, and no slot stays taken.

import { beforeEach, expect, it } from 'vitest';
import { parentOf } from '../../src/conversations/conversation.ts';
import { acceptAll, type Ask } from '../../src/notifications/accept-notification.ts';
import { createLaneDesk } from '../../src/notifications/lane-desk.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { ParentGates } from '../../src/notifications/parent-gates.ts';
import { together } from '../../src/storage/together.ts';
import { conversation } from '../helpers/conversation.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { openFaultyDatabase } from '../helpers/faulty-database.ts';
import { LaneBench } from '../helpers/lane-bench.ts';
import { claimDue, saveConversations } from '../helpers/lanes.ts';

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

const askAll = () =>
  Promise.allSettled(
    ids.map((conversationId) => {
      const body = { to: { conversationId }, message: { text: 't' } };
      return accept({ sender: 'test', request: parseNotifyRequest(body, lane.clock.now(), 86_400_000) });
    }),
  );
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
  const desk = createLaneDesk(lane.laneWork());
  const leases = await claimDue(lane.db, ids.length, lane.clock.now());
  faults.undoes = 1;
  const steps = await Promise.all(leases.map((lease) => desk.next(lease)));
  expect(steps.map((step) => step?.kind)).toEqual(['attempt', 'attempt', 'attempt']);
  const parent = parentOf(conversation);
  expect([lane.gates.inUse(parent), lane.gates.free(parent, lane.clock.now())]).toEqual([3, 0]);
});
