// The wire between the service and its parent: reset, cut, slow, silent, at random, under load.

import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { countOnTheirWay, createChaosBench } from './chaos-bench.ts';
import { checkHistory, formatReport, listFaults } from './history.ts';
import { startBookkeeping, startLoad } from './load.ts';
import { createRandom } from './random.ts';
import { scale } from './scale.ts';
import { type ProxyMode, startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const rounds = scale(40, 6);
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);

const modes: ProxyMode[] = [
  { kind: 'latency', ms: 50 },
  { kind: 'reset' },
  { kind: 'lateReset' },
  { kind: 'cut', afterBytes: 20 },
  { kind: 'drip', everyMs: 2 },
  { kind: 'slowClose', ms: 50 },
];

it(`a wire that breaks in ${rounds} random ways loses nothing and keeps the order`, async () => {
  const random = createRandom(seed);
  let proxy: TcpProxy | undefined;
  const bench = await createChaosBench({
    conversations: 40,
    serviceUrl: async (standIn) => {
      const { hostname: host, port, pathname } = new URL(standIn.agent.serviceUrl);
      proxy = await startTcpProxy({ target: { host, port: Number(port) } });
      return `${proxy.url}${pathname}`;
    },
  });
  onTestFinished(async () => {
    await bench.release();
    await proxy?.stop();
  });
  const load = startLoad(bench, { senders: 8 });
  const books = startBookkeeping(bench, load);
  for (let round = 0; round < rounds; round += 1) {
    await delay(100 + random() * 200);
    proxy?.set(modes[Math.floor(random() * modes.length)] ?? { kind: 'pass' });
    await delay(50 + random() * 250);
    proxy?.set({ kind: 'pass' });
  }
  await load.stop();
  const { samples, wrong } = await books.stop();
  const waiting = await countOnTheirWay(bench.get);
  await bench.settle();

  const report = checkHistory(bench.history.read());
  // A request whose answer was lost is repeated: the parent may have taken it. Its attempt says so.
  const unanswered = report.duplicated.filter(({ attempt }) => attempt < 2);
  console.log(
    `broken wire: seed ${seed}, ${rounds} breaks, ${formatReport(report)}; ${waiting} were still waiting at the end of ` +
      `the load; books ${samples} samples, ${wrong.length} wrong`,
  );
  expect(listFaults(report).filter((fault) => fault !== 'duplicated')).toEqual([]);
  expect(unanswered).toEqual([]);
  expect(report.withheld).toEqual([]);
  expect(wrong).toEqual([]);
}, 900_000);
