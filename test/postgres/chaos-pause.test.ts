// A replica that stands still for longer than its leases last, and then goes on as if nothing had been.

import { setTimeout as delay } from 'node:timers/promises';
import { expect, inject, it, onTestFinished } from 'vitest';
import { expectWhole } from '../chaos/judge.ts';
import { startBookkeeping, startLoad } from '../chaos/load.ts';
import {
  createReplicaBench,
  endDeadLeases,
  inFlightOfReplica,
  type ReplicaBench,
  untilInFlight,
} from '../chaos/replica-bench.ts';
import { isFull, scale } from '../chaos/scale.ts';

const rounds = scale(2, 1);
/** Longer than a lease. */
const pauseMs = 66_000;

it(
  `two of three replicas that stand still beyond their leases (SIGSTOP), ${rounds} times, lose nothing and change nothing when they go on`,
  async () => {
    const bench = await createReplicaBench({ serverUrl: inject('postgresUrl'), conversations: scale(80, 40) });
    onTestFinished(() => bench.release());
    // Slow enough that they stand still in the middle of attempts.
    bench.standIn.faults.set({ fault: { kind: 'delay', ms: 100 } });
    const load = startLoad(bench, { senders: 8, restMs: scale(400, 40), patienceMs: 3_000 });
    const books = startBookkeeping(bench, load);
    for (let round = 0; round < rounds; round += 1) {
      const paused = [round, round + 1].flatMap((index) => bench.replicas[index % bench.replicas.length] ?? []);
      await delay(500);
      await untilInFlight(bench);
      for (const replica of paused) replica.pause();
      noteBreak(bench, paused.length);
      if (isFull) await delay(pauseMs);
      else await endDeadLeases(bench.ask);
      // What the leases have set free goes out by the third while those two still hold it to be theirs.
      await delay(1_000);
      for (const replica of paused) replica.resume();
      noteBreak(bench, paused.length);
    }
    await delay(500);
    await load.stop();
    const run = { bench, load, books: await books.stop() };
    const settledMs = await bench.settle();

    const { report, words } = await expectWhole(run);
    console.log(`SIGSTOP of replicas: ${rounds} rounds of 2, ${words}; settled in ${settledMs} ms`);
    expect(report.acknowledged).toBeGreaterThan(20);
  },
  scale(300_000, 60_000),
);

/** What was on its way may be repeated by whoever took it over, and what was about to leave by who goes on. */
function noteBreak(bench: ReplicaBench, replicas: number): void {
  bench.history.crashed({ at: Date.now(), inFlight: replicas * inFlightOfReplica });
}
