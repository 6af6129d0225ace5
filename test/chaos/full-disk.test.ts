import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { createChaosBench } from './chaos-bench.ts';
import { checkHistory, formatReport, listFaults } from './history.ts';
import { startLoad } from './load.ts';

it.skipIf(process.platform === 'win32')(
  'a full disk is 503 with Retry-After, nothing that had its 202 is lost, and room makes it ready again',
  async () => {
    const bench = await createChaosBench({ conversations: 20 });
    onTestFinished(() => bench.release());
    await bench.terminate();
    const service = await bench.start({ fileBlocks: 2_000 });
    const load = startLoad(bench, { senders: 8 });
    await eventually('the disk is full', () => load.failures.has('503'), 60_000);

    await eventually('it is not ready', async () => {
      const ready = await fetch(`${bench.url}/health/ready`);
      const { reason } = (await ready.json()) as { reason?: string };
      return ready.status === 503 && reason === 'The storage takes nothing: see DATA_DIR.';
    });
    expect((await fetch(`${bench.url}/health/live`)).status).toBe(200);
    const refused = await fetch(`${bench.url}/api/notify`, {
      method: 'POST',
      headers: { authorization: 'Bearer test-secret-of-enough-characters', 'content-type': 'application/json' },
      body: JSON.stringify({ subject: 'chaos/0', text: 'x'.repeat(8_000) }),
    });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '30']);
    expect(await refused.json()).toMatchObject({ code: 'unavailable' });
    // Still the same process, and no 202 is given while nothing can be kept.
    expect(service.output()).not.toContain('unexpected error');

    await bench.kill();
    await bench.start();
    await eventually('senders are served again', () => load.acknowledged > 0 && load.failures.size > 0);
    await delay(300);
    await load.stop();
    await bench.settle();
    const report = checkHistory(bench.history.read());
    console.log(`full disk: ${formatReport(report)}; refused ${load.failures.get('503')} times`);
    expect(listFaults(report).filter((fault) => fault !== 'duplicated')).toEqual([]);
    expect(report.withheld).toEqual([]);
  },
  120_000,
);
