// The database goes away under three replicas: it is restarted, or ends some of their connections.

import { setTimeout as delay } from 'node:timers/promises';
import { expect, inject, it, onTestFinished } from 'vitest';
import { startServer } from '../helpers/postgres.ts';
import { expectWhole } from '../chaos/judge.ts';
import { startBookkeeping, startLoad, untilMore } from '../chaos/load.ts';
import { createRandom } from '../chaos/random.ts';
import { createReplicaBench, type ReplicaBench } from '../chaos/replica-bench.ts';
import { scale } from '../chaos/scale.ts';

const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const restarts = scale(10, 2);
const terminations = scale(100, 15);

it(
  `${restarts} restarts of the database lose nothing and repeat nothing, and no replica ends`,
  async () => {
    const random = createRandom(seed);
    const server = await startServer();
    onTestFinished(() => server.stop());
    const bench = await createReplicaBench({ serverUrl: server.url, conversations: 40 });
    onTestFinished(() => bench.release());
    const { load, books } = startAll(bench);
    const backMs: number[] = [];
    for (let restart = 0; restart < restarts; restart += 1) {
      await delay(500 + random() * 500);
      await server.end(restart % 2 === 0 ? 'SIGINT' : 'SIGQUIT');
      await delay(random() * 1_000);
      await server.begin();
      const upAt = Date.now();
      await untilMore(load, 10);
      backMs.push(Date.now() - upAt);
    }
    expectAlive(bench);
    await load.stop();
    const run = { bench, load, books: await books.stop() };
    // The leases of work that was cut off as well: none is left to its end.
    const settledMs = await bench.settle({ keepLeases: true });

    const { report, words } = await expectWhole(run);
    console.log(
      `restarts of PostgreSQL: seed ${seed}, ${restarts} restarts, ${words}; ` +
        `slowest back ${Math.max(...backMs)} ms after the start, all settled ${settledMs} ms after the load`,
    );
    expect(report.duplicated).toEqual([]);
    expect(settledMs).toBeLessThan(15_000);
    expect(Math.max(...backMs)).toBeLessThan(10_000);
  },
  scale(300_000, 60_000),
);

it(
  `${terminations} times, connections that the database ends lose nothing and repeat nothing, and no replica ends`,
  async () => {
    const random = createRandom(seed);
    const bench = await createReplicaBench({ serverUrl: inject('postgresUrl'), conversations: 40 });
    onTestFinished(() => bench.release());
    const { load, books } = startAll(bench);
    let ended = 0;
    for (let time = 0; time < terminations; time += 1) {
      await delay(50 + random() * 150);
      ended += await endSomeConnections(bench, 0.2 + random() * 0.8, random);
    }
    await delay(500);
    expectAlive(bench);
    await load.stop();
    const run = { bench, load, books: await books.stop() };
    // The leases of work that was cut off as well: none is left to its end.
    const settledMs = await bench.settle({ keepLeases: true });

    const { report, words } = await expectWhole(run);
    console.log(
      `connections ended: seed ${seed}, ${ended} in ${terminations} times, ${words}; settled in ${settledMs} ms`,
    );
    expect(report.duplicated).toEqual([]);
    expect(settledMs).toBeLessThan(15_000);
    expect(ended).toBeGreaterThan(terminations);
  },
  scale(300_000, 60_000),
);

function startAll(bench: ReplicaBench) {
  bench.standIn.faults.set({ fault: { kind: 'delay', ms: 20 } });
  const load = startLoad(bench, { senders: 8, restMs: 20 });
  return { load, books: startBookkeeping(bench, load) };
}

/** Ends this share of the connections of the replicas; gives how many. */
async function endSomeConnections({ ask }: ReplicaBench, share: number, random: () => number): Promise<number> {
  const connections = await ask<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  const chosen = connections.filter(() => random() < share).map(({ pid }) => pid);
  if (chosen.length > 0) await ask(`select pg_terminate_backend(pid) from unnest(array[${chosen.join()}]) as pid`);
  return chosen.length;
}

/** Told with the reason of those that have ended. */
function expectAlive({ replicas }: ReplicaBench): void {
  expect(replicas.filter(({ hasEnded }) => hasEnded()).map(({ output }) => reasonOf(output()))).toEqual([]);
}

function reasonOf(output: string): string | undefined {
  return output.split('\n').find((line) => line.includes('"fatal"'));
}
