// SENDER_RATE and FAILURE_RATE hold for all replicas together, and neither usual requests nor a flood reach the database.

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createRateLimits } from '../../src/http/rate-limits.ts';
import type { Database } from '../../src/storage/database.ts';
import { createTakeRequests, forgetRequestCounts, type TakeRequests } from '../../src/storage/request-counts.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { type Replica, startReplica } from '../helpers/replicas.ts';
import { startSkill } from '../helpers/skill.ts';

async function startTwo(env: Record<string, string>): Promise<[Replica, Replica]> {
  const skill = await startSkill({ env });
  onTestFinished(() => skill.stop());
  return [await startReplica(skill), await startReplica(skill)];
}

/** The statuses of so many requests, in turn at each. */
async function askInTurn(replicas: readonly Replica[], times: number, headers = {}): Promise<number[]> {
  const statuses: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const answer = await replicas[time % replicas.length]?.ask('/api/status', { headers });
    statuses.push(answer?.status ?? 0);
  }
  return statuses;
}

const count = (statuses: readonly number[], status: number): number =>
  statuses.filter((other) => other === status).length;

describe('two replicas', () => {
  it('let a sender ask so often in a minute as one would, and say when it may again', async () => {
    const [first, second] = await startTwo({ SENDER_RATE: '20' });
    const statuses = await askInTurn([first, second], 60);
    expect(statuses).toEqual([...Array<number>(20).fill(200), ...Array<number>(40).fill(429)]);
    const refused = await second.ask('/api/status');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(40);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
  });

  it('let an address fail so often as one would', async () => {
    const [first, second] = await startTwo({ FAILURE_RATE: '10' });
    const statuses = await askInTurn([first, second], 40, { 'x-api-key': 'wrong' });
    expect([count(statuses, 401), count(statuses, 429)]).toEqual([10, 30]);
    expect((await second.ask('/api/status')).status).toBe(200);
  });
});

describe('limits that share their count', () => {
  let db: Database;
  let statements: number;
  let take: TakeRequests;

  beforeEach(async () => {
    db = await openTestDatabase();
    statements = 0;
    const taken = createTakeRequests(db);
    take = (...args) => {
      statements += 1;
      return taken(...args);
    };
  });

  const createOne = (senderRate: number, takeRequests: TakeRequests = take) =>
    createRateLimits({ senderRate, failureRate: 0, takeRequests });

  /** How many of so many requests were not refused. */
  async function flood(limits: ReturnType<typeof createOne>, times: number, sender = 'erp'): Promise<number> {
    const asked = Array.from({ length: times }, () => limits.countRequest(sender));
    return (await Promise.allSettled(asked)).filter(({ status }) => status === 'fulfilled').length;
  }

  it('never let more through than one alone, whatever comes at once, and hardly fewer', async () => {
    const replicas = [createOne(1_000), createOne(1_000), createOne(1_000)];
    const through = await Promise.all(replicas.map((limits) => flood(limits, 2_000)));
    const total = through.reduce((sum, part) => sum + part, 0);
    console.log(`SENDER_RATE 1000, three replicas, 6,000 at once: ${total} let through (${through.join(', ')})`);
    expect(total).toBe(1_000);
  });

  it('ask the database once for a hundredth of the rate, and not at all when it is exhausted', async () => {
    const limits = createOne(6_000);
    expect(await flood(limits, 3_000)).toBe(3_000);
    expect(statements).toBe(50);
    expect(await flood(limits, 20_000)).toBe(3_000);
    const atEnd = statements;
    expect(await flood(limits, 20_000)).toBe(0);
    console.log(`SENDER_RATE 6000: ${atEnd} statements for 23,000 requests, ${statements - atEnd} for 20,000 more`);
    expect([atEnd, statements]).toEqual([101, 101]);
  });

  it('refuse at most a hundredth too early for each other replica', async () => {
    const [idle, busy] = [createOne(1_000), createOne(1_000)];
    expect(await flood(idle, 1)).toBe(1);
    expect(await flood(busy, 1_000)).toBe(990);
    expect(await flood(idle, 1_000)).toBe(9);
  });

  it('count each sender for itself', async () => {
    const limits = createOne(5);
    expect(await flood(limits, 10, 'erp')).toBe(5);
    expect(await flood(limits, 10, 'crm')).toBe(5);
  });

  it('count for themselves while the database is away', async () => {
    const limits = createOne(5, () => Promise.reject(new Error('away')));
    expect(await flood(limits, 10)).toBe(5);
  });

  it('begin anew when the window is over, and are forgotten then', async () => {
    expect(await take('sender erp', 4, 5, 50)).toMatchObject({ count: 4 });
    expect(await take('sender erp', 4, 5, 50)).toMatchObject({ count: 1 });
    expect(await take('sender erp', 4, 5, 50)).toMatchObject({ count: 0 });
    const rows = () => db.selectFrom('request_counts').select('key').execute();
    await forgetRequestCounts(db);
    const { msLeft } = await take('sender crm', 1, 5, 60_000);
    expect(msLeft).toBe(60_000);
    await expect.poll(() => take('sender erp', 4, 5, 50)).toMatchObject({ count: 4 });
    await expect.poll(() => forgetRequestCounts(db).then(rows)).toEqual([{ key: 'sender crm' }]);
  });
});
