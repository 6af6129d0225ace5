// HOST_SEND_RATE holds for all replicas together: each has its share, whoever comes, goes, hangs and comes back.
// PACE_SEED=<number> repeats a run.

import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { Replicas } from '../../src/notifications/replicas.ts';
import { HostPace } from '../../src/notifications/send-rate.ts';
import type { Database } from '../../src/storage/database.ts';
import { createRandom } from '../chaos/random.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { mostWithin } from '../helpers/most-within.ts';

const seed = Number(process.env['PACE_SEED'] ?? Date.now() % 2 ** 31);

describe('shares', () => {
  let db: Database;
  let now: number;
  let begun: number[];

  beforeEach(async () => {
    db = await openTestDatabase();
    now = 1_000_000;
    begun = [];
  });

  const createReplica = (rate: number) => {
    const late = { ms: 0 };
    const database = () => sql<number>`${now + late.ms}::bigint`;
    const replicas = new Replicas(db, { monotonic: () => now, database });
    return { replicas, pace: new HostPace(rate), late, lookAt: now, hangsUntil: 0 };
  };
  type Simulated = ReturnType<typeof createReplica>;

  /** Looks as SharedGates does, and sends all that it may. */
  async function live(all: readonly Simulated[], rate: number, ms: number): Promise<void> {
    for (const endsAt = now + ms; now < endsAt; now += 50) {
      const awake = all.filter(({ hangsUntil }) => hangsUntil <= now);
      await Promise.all(awake.filter(({ lookAt }) => lookAt <= now).map(look));
      for (const { replicas, pace } of awake) while (pace.begin(now, replicas.share(rate))) begun.push(now);
    }
  }

  async function look(simulated: Simulated): Promise<void> {
    await simulated.replicas.look();
    simulated.lookAt = now + (simulated.replicas.isSharing() ? 1_000 : 100);
  }

  it('are all of it for one alone, at once', async () => {
    const one = createReplica(10);
    expect(one.replicas.share(10)).toBe(0);
    await look(one);
    expect(one.replicas.share(10)).toBe(10);
  });

  it('are all of it at most where several begin at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      await db.deleteFrom('replicas').execute();
      const all = Array.from({ length: 6 }, () => createReplica(10));
      await Promise.all(all.map(look));
      const total = all.reduce((sum, { replicas }) => sum + replicas.share(10), 0);
      expect(total).toBeLessThanOrEqual(10);
    }
  });

  it.each([
    [10, 3, [4, 3, 3]],
    [2, 3, [1, 1, 0]],
    [1, 2, [1, 0]],
    [100, 2, [50, 50]],
  ])('of %i a second among %i replicas are %j', async (rate, count, shares) => {
    const all = Array.from({ length: count }, () => createReplica(rate));
    await live(all, rate, 4_000);
    const found = all.map(({ replicas }) => replicas.share(rate));
    expect(found.toSorted((first, second) => second - first)).toEqual(shares);
  });

  it('pass to the others a second after one goes', async () => {
    const [first, second] = [createReplica(10), createReplica(10)];
    await live([first, second], 10, 4_000);
    await first.replicas.leave();
    expect(first.replicas.share(10)).toBe(0);
    await look(second);
    expect(second.replicas.share(10)).toBe(5);
    now += 1_000;
    await look(second);
    expect(second.replicas.share(10)).toBe(10);
  });

  it('are not used by one that comes until a second after the others have said that they know it', async () => {
    const [first, second] = [createReplica(10), createReplica(10)];
    await look(first);
    await look(second);
    now += 1_500;
    await look(second);
    expect([first, second].map(({ replicas }) => replicas.share(10))).toEqual([10, 0]);
    await look(first);
    await look(second);
    now += 999;
    await look(second);
    expect([first, second].map(({ replicas }) => replicas.share(10))).toEqual([5, 0]);
    now += 1;
    await look(second);
    expect(second.replicas.share(10)).toBe(5);
  });

  it('of one that says nothing any more pass to the others after five seconds', async () => {
    const [, second] = await startSharing();
    const silentFrom = now;
    for (now += 1_000; now < silentFrom + 5_000; now += 500) {
      await look(second);
      expect(second.replicas.share(10)).toBe(5);
    }
    await look(second);
    expect(second.replicas.share(10)).toBe(10);
  });

  it('are lost by one whose statement came to the database too late', async () => {
    const [first] = await startSharing();
    const other = createReplica(10);
    // Meanwhile another has come, whom nobody told the first of.
    other.late.ms = 4_000;
    await look(other);
    other.late.ms = 6_000;
    await look(other);
    expect(other.replicas.share(10)).toBe(10);
    first.late.ms = 6_500;
    await look(first);
    expect(first.replicas.share(10)).toBe(0);
  });

  it('grow only when nobody can think any more that it is known', async () => {
    const [, second, seen] = await startSharing();
    now += 2_500;
    await look(second);
    now += 2_500;
    seen.length = 0;
    await look(second);
    // Before each of its two statements to the database; the first still says that it knows the other.
    expect(seen).toEqual([5, 5]);
    expect(second.replicas.share(10)).toBe(10);
  });

  /** Two that have half of ten each, looked at last now, and what the second may send whenever it asks the database. */
  async function startSharing(): Promise<[Simulated, Simulated, number[]]> {
    const first = createReplica(10);
    const second = createReplica(10);
    const seen: number[] = [];
    const database = () => {
      seen.push(second.replicas.share(10));
      return sql<number>`${now}::bigint`;
    };
    second.replicas = new Replicas(db, { monotonic: () => now, database });
    await live([first, second], 10, 4_000);
    for (const one of [first, second]) await look(one);
    expect([first, second].map(({ replicas }) => replicas.share(10))).toEqual([5, 5]);
    return [first, second, seen];
  }

  it('end by themselves when the database says nothing for three seconds', async () => {
    const one = createReplica(10);
    await look(one);
    now += 2_999;
    expect(one.replicas.share(10)).toBe(10);
    now += 1;
    expect(one.replicas.share(10)).toBe(0);
  });

  it('are never more than all of it within any second, whatever happens, and all of it in the end', async () => {
    const random = createRandom(seed);
    const below = (count: number): number => Math.floor(random() * count);
    const total = { histories: 12, begun: 0, comes: 0, goes: 0, hangs: 0, slow: 0 };
    for (let history = 0; history < total.histories; history += 1) {
      await db.deleteFrom('replicas').execute();
      now += 100_000;
      begun = [];
      const rate = 1 + below(12);
      let all = [createReplica(rate)];
      for (let step = 0; step < 12; step += 1) {
        await live(all, rate, below(1_500));
        const one = all[below(all.length)];
        const kind = below(5);
        if (kind <= 1 && all.length < 5) {
          total.comes += 1;
          all = [...all, createReplica(rate)];
        } else if (kind === 2 && one && one.hangsUntil <= now) {
          total.goes += 1;
          await one.replicas.leave();
          all = all.filter((other) => other !== one);
        } else if (kind === 3 && one) {
          // The whole process stands still, as in a long collection of garbage.
          total.hangs += 1;
          one.hangsUntil = now + below(8_000);
        } else if (one && one.hangsUntil <= now) {
          // Or while it waits for the database.
          total.slow += 1;
          const looking = look(one);
          const others = all.filter((other) => other !== one);
          await live(others, rate, below(7_000));
          await looking;
        }
      }
      for (const one of all) one.hangsUntil = 0;
      await live(all, rate, 8_000);
      expect(mostWithin(begun, 1_000), `history ${history}, seed ${seed}`).toBeLessThanOrEqual(rate);
      const shares = all.map(({ replicas }) => replicas.share(rate));
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(all.length > 0 ? rate : 0);
      total.begun += begun.length;
    }
    console.log(`shared pace, generated: ${JSON.stringify(total)}, seed ${seed}`);
  });
});
