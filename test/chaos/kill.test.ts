import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createChaosBench } from './chaos-bench.ts';
import { checkHistory, formatReport, listFaults, listUnexplainedDuplicates } from './history.ts';
import { startBookkeeping, startLoad, untilMore } from './load.ts';
import { createRandom } from './random.ts';
import { scale } from './scale.ts';

const kills = scale(50, 6);
/** What the dead process had sent is taken by the parent so long after its death at most; its successor has not begun by then. */
const lateMs = 500;
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);

it(`kill -9 at ${kills} random moments under load loses nothing, and repeats no more than was in flight`, async () => {
  const random = createRandom(seed);
  const bench = await createChaosBench({ conversations: 40 });
  onTestFinished(() => bench.release());
  // Every tenth push is refused for a second, so that kills fall into retries as well.
  bench.standIn.faults.set({
    fault: { kind: 'answer', status: 503, headers: { 'Retry-After': '1' } },
    share: 0.1,
    random,
  });
  const load = startLoad(bench, { senders: 8 });
  const books = startBookkeeping(bench, load);
  const restartsMs: number[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    await delay(50 + random() * 450);
    await bench.kill();
    const startedAt = Date.now();
    await bench.start();
    restartsMs.push(Date.now() - startedAt);
    await untilMore(load, 10);
  }
  await delay(500);
  await load.stop();
  const { samples, wrong } = await books.stop();
  await bench.settle();

  const history = bench.history.read();
  const report = checkHistory(history);
  const longest = Math.max(...restartsMs);
  console.log(
    `kill -9: seed ${seed}, ${kills} kills, ${formatReport(report)}; books ${samples} samples, ${wrong.length} wrong; slowest restart ${longest} ms`,
  );
  expect(listFaults(report).filter((fault) => fault !== 'duplicated')).toEqual([]);
  expect(listUnexplainedDuplicates(history, lateMs)).toEqual([]);
  expect(report.withheld).toEqual([]);
  expect(wrong).toEqual([]);
  expect(samples).toBeGreaterThan(kills);
  expect(report.acknowledged).toBeGreaterThanOrEqual(kills * 10);
  expect(longest).toBeLessThan(10_000);
}, 900_000);
