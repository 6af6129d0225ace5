import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createChaosBench } from './chaos-bench.ts';
import { checkHistory, formatReport, listFaults } from './history.ts';
import { startBookkeeping, startLoad } from './load.ts';
import { repeat } from './repeat.ts';
import { scale } from './scale.ts';

const restarts = scale(20, 3);

it(`${restarts} graceful restarts under load lose nothing, repeat nothing and reset no connection`, async () => {
  const bench = await createChaosBench({ conversations: 40, settings: { STOP_DELAY_SECONDS: '1' } });
  onTestFinished(() => bench.release());
  const balancer = watchReadiness(bench.url);
  const load = startLoad(bench, { senders: 8, isReady: balancer.isReady });
  const books = startBookkeeping(bench, load);
  const stopsMs: number[] = [];
  for (let restart = 0; restart < restarts; restart += 1) {
    await delay(500);
    const stopsAt = Date.now();
    expect(await bench.terminate()).toBe(0);
    stopsMs.push(Date.now() - stopsAt);
    await bench.start();
  }
  await delay(500);
  await load.stop();
  await balancer.stop();
  const { samples, wrong } = await books.stop();
  await bench.settle();

  const report = checkHistory(bench.history.read());
  const failures = Object.fromEntries(load.failures);
  console.log(
    `SIGTERM: ${restarts} restarts, ${formatReport(report)}; failed requests ${JSON.stringify(failures)}; ` +
      `books ${samples} samples, ${wrong.length} wrong; slowest stop ${Math.max(...stopsMs)} ms`,
  );
  expect(listFaults(report)).toEqual([]);
  expect(report.withheld).toEqual([]);
  // Whoever goes by readiness sees no failure at all: no reset, no refusal, no 503.
  expect(failures).toEqual({});
  expect(wrong).toEqual([]);
  expect(report.acknowledged).toBeGreaterThan(restarts * 20);
  expect(Math.max(...stopsMs)).toBeLessThan(30_000);
}, 900_000);

/** What a load balancer does: asks every 50 ms, and sends requests only where the last answer was 200. */
function watchReadiness(url: string): { isReady(): boolean; stop(): Promise<void> } {
  let isReady = false;
  const watch = repeat(async () => {
    const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
    await answer?.arrayBuffer();
    isReady = answer?.status === 200;
    await delay(50);
  });
  return { isReady: () => isReady, stop: watch.stop };
}
