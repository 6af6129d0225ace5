// A database that goes away in the middle of a lane's work: the lane is worked on again when it is back, not when its lease
// ends.

import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { leaseMs } from '../../src/notifications/lane-store.ts';
import { conversation } from '../helpers/conversation.ts';
import { eventually } from '../helpers/eventually.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { openFaultyDatabase } from '../helpers/faulty-database.ts';
import { LaneBench } from '../helpers/lane-bench.ts';

let lane: LaneBench;
let faults: Awaited<ReturnType<typeof openFaultyDatabase>>['faults'];
beforeEach(async () => {
  const opened = await openFaultyDatabase();
  ({ faults } = opened);
  lane = new LaneBench(opened.db, createFakeClock(Date.parse('2026-01-01T00:00:00Z')));
  await saveConversation(lane.db, conversation);
  // Nothing comes for it: at its deadline the lane is due, and its work is a transaction, then the end of the action.
  await lane.openWait('w1');
});

const start = async (onTaken?: () => void): Promise<void> => {
  const worker = lane.createWorker(onTaken);
  await worker.start();
  onTestFinished(() => {
    faults.isAway = false;
    return worker.stop();
  });
};

/** Passes time until this is so; gives how much. */
const timeUntil = async (what: string, check: () => boolean | Promise<boolean>): Promise<number> => {
  const from = lane.clock.now();
  await eventually(what, async () => {
    lane.clock.advance(20);
    return check();
  });
  return lane.clock.now() - from;
};

const timeUntilWaitIsOver = (): Promise<number> =>
  timeUntil('the wait is over', async () => {
    const { count } = await lane.db
      .selectFrom('lanes')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return count === 0;
  });

const passDeadline = (): void => lane.clock.advance(600_000);

it('a lane whose work failed because the database was away is worked on again soon after it is back', async () => {
  let taken = 0;
  await start(() => {
    taken += 1;
    faults.isAway = taken === 1;
  });
  passDeadline();
  await timeUntil('the work has failed, and attempts to let go of the lane', () => faults.refusals > 5);
  faults.isAway = false;
  expect(await timeUntilWaitIsOver()).toBeLessThan(leaseMs / 4);
  expect(taken).toBe(2);
});

it('lanes of a claim whose commit was stored, but told as failed, are claimed again soon', async () => {
  await start();
  faults.losesAnswers = true;
  passDeadline();
  await eventually('a lane is leased, and nobody knows', async () => {
    const leased = await lane.db.selectFrom('lanes').select('token').where('token', 'is not', null).executeTakeFirst();
    return leased !== undefined;
  });
  faults.losesAnswers = false;
  expect(await timeUntilWaitIsOver()).toBeLessThan(leaseMs / 4);
  expect(lane.kinds).toEqual(['endOfAction']);
});

it('a lane whose work fails again and again does not spin', async () => {
  let taken = 0;
  await start(() => {
    taken += 1;
    faults.isAway = true;
  });
  passDeadline();
  const ms = await timeUntil('the work has failed three times', () => {
    // The database is back each time that it has failed.
    if (faults.refusals >= 2 * taken) faults.isAway = false;
    return taken > 3;
  });
  expect(ms).toBeGreaterThanOrEqual(3_000);
});
