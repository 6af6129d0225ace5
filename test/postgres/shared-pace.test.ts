// HOST_SEND_RATE holds for all replicas together: each has its share, whoever comes, goes, hangs and comes back.
// PACE_SEED=<number> repeats a run.

import { sql } from 'kysely';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Replicas } from '../../src/notifications/replicas.ts';
import { HostPace } from '../../src/notifications/send-rate.ts';
import type { Database } from '../../src/storage/database.ts';
import { createRandom } from '../chaos/random.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { startReplica } from '../helpers/replicas.ts';
import { startSkill } from '../helpers/skill.ts';

const seed = Number(process.env['PACE_SEED'] ?? Date.now() % 2 ** 31);

/** Of the times, the most within any so many ms. */
function mostWithin(times: readonly number[], ms: number): number {
  const sorted = times.toSorted((first, second) => first - second);
  let most = 0;
  for (let first = 0, last = 0; last < sorted.length; last += 1) {
    while ((sorted[last] ?? 0) - (sorted[first] ?? 0) >= ms) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

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
    const replicas = new Replicas(db, { monotonic: () => now, database: () => sql<number>`${now}::bigint` });
    const pace = new HostPace(rate);
    return { replicas, pace, lookAt: now, hangsUntil: 0 };
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

describe('three replicas', () => {
  it('together send a host no more than HOST_SEND_RATE in a second, and hardly less', async () => {
    const rate = 20;
    const count = 80;
    const clock = { ...systemClock, advance: () => undefined };
    const env = { HOST_SEND_RATE: String(rate), DELIVERY_CONCURRENCY: '100' };
    const skill = await startSkill({ clock, env });
    onTestFinished(() => skill.stop());
    const replicas = [await startReplica(skill), await startReplica(skill)];
    const first = replicas[0];
    const all = Array.from({ length: count }, () => skill.standIn.openConversation());
    for (const conversation of all) await conversation.callAction('waitForNotification', { subject: 'all' });
    const arrivals: number[] = [];
    skill.standIn.onWire((record) => {
      if (record.direction === 'skill->agent') arrivals.push(performance.now());
    });
    expect((await first?.notify({ subject: 'all', text: 'hello', keepOpen: true }))?.status).toBe(202);
    await eventually('all have it', () => arrivals.length >= count);
    const seconds = ((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)) / 1_000;
    const most = `${mostWithin(arrivals, 1_000)} in a second, ${mostWithin(arrivals, 700)} in 700 ms`;
    console.log(`HOST_SEND_RATE ${rate}, three replicas: ${count} pushes in ${seconds.toFixed(1)} s, at most ${most}`);
    // What begins a second apart may arrive less than that apart, on a busy machine by some 100 ms.
    expect(mostWithin(arrivals, 700)).toBeLessThanOrEqual(rate);
    expect(seconds).toBeLessThan(2 * (count / rate));
  });
});
