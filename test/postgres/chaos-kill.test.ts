// Replicas that die, each at random moments, while the others go on.

import { setTimeout as delay } from 'node:timers/promises';
import { expect, inject, it, onTestFinished } from 'vitest';
import { expectWhole } from '../chaos/judge.ts';
import { startBookkeeping, startLoad, untilMore } from '../chaos/load.ts';
import { createRandom } from '../chaos/random.ts';
import { createReplicaBench, inFlightOfReplica, untilAllServe } from '../chaos/replica-bench.ts';
import { scale } from '../chaos/scale.ts';

const kills = scale(50, 5);
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);

it(
  `kill -9 of one of three replicas at ${kills} random moments loses nothing, and repeats no more than was in flight`,
  async () => {
    const random = createRandom(seed);
    const bench = await createReplicaBench({ serverUrl: inject('postgresUrl'), conversations: scale(200, 60) });
    onTestFinished(() => bench.release());
    // Slow enough that kills fall into attempts, and some refused, so that they fall into retries as well.
    bench.standIn.faults.set({
      fault: { kind: 'answer', status: 503, headers: { 'Retry-After': '1' } },
      share: 0.1,
      random,
    });
    bench.standIn.faults.set({ fault: { kind: 'delay', ms: 40 } });
    const load = startLoad(bench, { senders: 8, restMs: 40 });
    const books = startBookkeeping(bench, load);
    for (let kill = 0; kill < kills; kill += 1) {
      await untilMore(load, 8);
      await delay(random() * 700);
      // Also one that has just been started: then it dies on its way up.
      const replica = bench.replicas[Math.floor(random() * bench.replicas.length)];
      await replica?.kill();
      bench.history.crashed({ at: Date.now(), inFlight: inFlightOfReplica });
      replica?.start();
    }
    const lastAt = Date.now();
    await untilAllServe(bench);
    await load.stop();
    const run = { bench, load, books: await books.stop() };
    await bench.settle();
    const settledMs = Date.now() - lastAt;

    const { report, words } = await expectWhole(run);
    console.log(
      `kill -9 of replicas: seed ${seed}, ${kills} kills, ${words}; all settled ${settledMs} ms after the last kill`,
    );
    expect(report.acknowledged).toBeGreaterThanOrEqual(kills * 8);
    // A lease of 60 s, and the backlog that has gathered behind those of the dead.
    expect(settledMs).toBeLessThan(80_000);
  },
  scale(300_000, 60_000),
);
