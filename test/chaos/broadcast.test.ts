import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { startStandIn } from '../../standin/stand-in.ts';
import type { NotificationView } from '../../src/notifications/notification-view.ts';
import { eventually } from '../helpers/eventually.ts';
import { type ServiceProcess, startProcess, untilReady } from '../helpers/service-process.ts';
import { apiKey, settingsFor } from '../helpers/skill.ts';
import { startBareParent } from './bare-parent.ts';
import { type LoopDelay, measureLoopDelay, readLoopDelay } from './loop-delay.ts';
import { repeat } from './repeat.ts';
import { scale } from './scale.ts';
import { storeSubscribers } from './subscribers.ts';

const many = scale(100_000, 6_000);
const few = scale(10_000, 600);
const credential = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };

/** Of the service; some 60 MB of it are the SDK. */
const heapMb = 128;

/** DELIVERY_CONCURRENCY of the one parent. */
const mostInFlight = 64;

type Figures = { ms: number; peakMb: number; loop: LoopDelay; slowestLiveMs: number; told: number; copies: number };

it(`a broadcast to ${many} recipients is spread page by page, also through a crash, and memory stays flat`, async () => {
  const small = await broadcast(few);
  const large = await broadcast(many, { killAfterShare: 0.3 });
  console.log(`broadcast: ${inWords(small)}; with kill -9 in the middle ${inWords(large)}`);
  expect(small).toMatchObject({ told: few, copies: few });
  expect(large.told).toBe(many);
  // At most what was in flight at the kill.
  expect(large.copies - many).toBeLessThanOrEqual(mostInFlight);
  expect(large.peakMb - small.peakMb).toBeLessThan(64);
  expect(Math.max(small.loop.max, large.loop.max)).toBeLessThan(500);
  expect(Math.max(small.slowestLiveMs, large.slowestLiveMs)).toBeLessThan(500);
}, 1_200_000);

function inWords({ ms, peakMb, loop, slowestLiveMs, told, copies }: Figures): string {
  return (
    `${told} told within a heap of ${heapMb} MB in ${(ms / 1_000).toFixed(1)} s (${Math.round((told / ms) * 1_000)}/s), peak ${peakMb} MB, ` +
    `event loop p99 ${Math.round(loop.p99)} ms, max ${Math.round(loop.max)} ms, ` +
    `slowest /health/live ${Math.round(slowestLiveMs)} ms, copies ${copies - told}`
  );
}

async function broadcast(count: number, { killAfterShare }: { killAfterShare?: number } = {}): Promise<Figures> {
  const standIn = await startStandIn();
  onTestFinished(() => standIn.stop());
  const parent = await startBareParent(standIn);
  onTestFinished(() => parent.stop());
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-broadcast-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const loopFile = join(dataDir, 'loop-delay.json');
  const skill = { appId: randomUUID(), secret: randomUUID(), dataDir, port: await findFreePort() };
  standIn.registerApp(skill);
  const { serviceUrl } = parent;
  await storeSubscribers({ dataDir, count, subject: 'news', standIn, skillAppId: skill.appId, serviceUrl });
  const settings = {
    ...settingsFor(standIn, skill),
    ALLOWED_SERVICE_URLS: new URL(serviceUrl).origin,
    HOST_SEND_RATE: '0',
    LOG_LEVEL: 'error',
    ...measureLoopDelay(loopFile, heapMb),
  };
  const url = `http://127.0.0.1:${skill.port}`;
  let service: ServiceProcess = startProcess(settings);
  onTestFinished(() => service.kill('SIGKILL'));
  await untilReady(service, url);
  service.kill('SIGUSR2');

  const startedAt = performance.now();
  const answer = await fetch(`${url}/api/notify`, {
    method: 'POST',
    headers: credential,
    body: JSON.stringify({ subject: 'news', text: 'to all' }),
  });
  expect(answer.status).toBe(202);
  const accepted = (await answer.json()) as { id: string; recipients: number | null };
  expect(accepted.recipients).toBeNull();
  const live = watchLive(url);
  if (killAfterShare !== undefined) {
    await eventually('a share is told', () => parent.taken.size >= count * killAfterShare, 600_000);
    service.kill('SIGKILL');
    await service.exited;
    service = startProcess(settings);
    await untilReady(service, url);
    service.kill('SIGUSR2');
  }
  await eventually('all are told', () => parent.taken.size === count, 900_000);
  const ms = performance.now() - startedAt;
  const slowestLiveMs = await live.stop();
  const peakMb = readPeakMb(service.pid);
  const loop = await eventually('the figures are whole', () => tryReadLoopDelay(loopFile));
  await eventually('all are settled', async () => {
    const view = (await (
      await fetch(`${url}/api/notifications/${accepted.id}`, { headers: credential })
    ).json()) as NotificationView;
    return view.recipients === count && view.counts.delivered === count;
  });
  const copies = [...parent.taken.values()].reduce((sum, times) => sum + times, 0);
  service.kill('SIGKILL');
  await service.exited;
  return { ms, peakMb, loop, slowestLiveMs, told: parent.taken.size, copies };
}

/** Asks for /health/live all the time; gives the slowest answer in ms. */
function watchLive(url: string): { stop(): Promise<number> } {
  let slowest = 0;
  const watch = repeat(async () => {
    const askedAt = performance.now();
    const answer = await fetch(`${url}/health/live`).catch(() => undefined);
    await answer?.arrayBuffer();
    // While the process is dead there is no answer to time.
    if (answer?.status === 200) slowest = Math.max(slowest, performance.now() - askedAt);
    await delay(20);
  });
  return {
    stop: async () => {
      await watch.stop();
      return slowest;
    },
  };
}

/** It is written ten times a second, and may be caught half written. */
function tryReadLoopDelay(file: string): LoopDelay | undefined {
  try {
    return readLoopDelay(file);
  } catch {
    return undefined;
  }
}

/** The most memory the process has held so far, in MB; 0 where the system does not tell (only Linux does). */
function readPeakMb(pid: number): number {
  try {
    const kb = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(kb) / 1_024);
  } catch {
    return 0;
  }
}
