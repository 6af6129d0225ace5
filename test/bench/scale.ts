// What a million stored conversations cost against a thousand, and how much memory they take with a backlog of 100,000.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { notifyBodies, numbers, turnBodies } from './activities.ts';
import { Load, measure, type Sample, untilDelivered } from './measure.ts';
import { seedBacklog, seedConversations } from './seed.ts';
import { senderHeaders, type Server, startService } from './servers.ts';
import type { SpeedOptions } from './speed.ts';
import type { AppIdentity, LoadOrder } from './words.ts';

export type ScaleOptions = SpeedOptions & {
  readonly many: number;
  readonly pending: number;
};

/** Of one size, one entry a round. */
type SizeSamples = { readonly startMs: number[]; readonly notify: Sample[]; readonly turns: Sample[] };
export type ScaleSamples = {
  readonly few: SizeSamples;
  readonly many: SizeSamples;
  readonly peakMb: number | undefined;
};

const few = 1_000;
const senders = 64;
const mostOnTheirWay = 512;
/** More than fit in what SQLite keeps in memory. */
const mostAddressed = 5_000;

type Stage = ScaleOptions & {
  readonly load: Load;
  readonly app: AppIdentity;
  readonly turnHeaders: Record<string, string>;
};

/** Measures starts, notifications and turns of both sizes by turns, then the memory of the large one. */
export async function measureScale(options: ScaleOptions): Promise<ScaleSamples> {
  const { parent, folder, rounds, figures, many, tell } = options;
  const app = await parent.register();
  const stage: Stage = { ...options, load: new Load(), app, turnHeaders: await parent.authorize(app) };
  const sizes = [
    { count: few, dataDir: join(folder, 'few'), samples: createSamples() },
    { count: many, dataDir: join(folder, 'many'), samples: createSamples() },
  ] as const;
  for (const { count, dataDir } of sizes) {
    const startedAt = performance.now();
    await seedConversations({ dataDir, parent: parent.address, skillAppId: app.appId }, count);
    tell(`${count} conversations stored in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  }
  for (let round = 0; figures.has('scale') && round < rounds; round += 1) {
    tell(`scale: round ${round + 1} of ${rounds}`);
    for (const { count, dataDir, samples } of sizes) await measureSize(stage, count, dataDir, samples);
  }
  const [, { dataDir }] = sizes;
  const peakMb = figures.has('memory') ? await measureMemory(stage, dataDir) : undefined;
  for (const size of sizes) rmSync(size.dataDir, { recursive: true });
  await stage.load.child.kill();
  return { few: sizes[0].samples, many: sizes[1].samples, peakMb };
}

function createSamples(): SizeSamples {
  return { startMs: [], notify: [], turns: [] };
}

async function measureSize(stage: Stage, count: number, dataDir: string, samples: SizeSamples): Promise<void> {
  const { parent, load, span } = stage;
  const startedAt = performance.now();
  const server = await startService(parent, { app: stage.app, dataDir, settings: stage.settings });
  samples.startMs.push(performance.now() - startedAt);
  samples.notify.push(
    await load.during(notifyOrder(stage, server, count), () => measure(server.child, parent.count, span)),
  );
  await untilDelivered(server);
  samples.turns.push(await load.during(turnOrder(stage, server, count), () => measure(server.child, load.count, span)));
  await server.child.stop();
}

/** Those with even numbers are notified, in the others turns are taken: a turn leaves its conversation without a push. */
function addressed(count: number, first: 0 | 1): number[] {
  const most = Math.min(mostAddressed, count / 2);
  return numbers(most, { first, step: 2 * Math.floor(count / 2 / most) });
}

function notifyOrder({ parent }: Stage, server: Server, count: number): LoadOrder {
  const window = { takenUrl: `${parent.address.serviceUrl}bench/taken`, most: mostOnTheirWay };
  const bodies = notifyBodies(addressed(count, 0));
  return { url: `${server.url}/api/notify`, headers: senderHeaders, bodies, senders, window };
}

function turnOrder({ parent, app, turnHeaders }: Stage, server: Server, count: number): LoadOrder {
  const bodies = turnBodies(parent.address, app.appId, addressed(count, 1));
  return { url: `${server.url}/api/messages`, headers: turnHeaders, bodies, senders };
}

/** The most that the process holds while it works off its backlog, and turns and notifications come in besides. */
async function measureMemory(stage: Stage, dataDir: string): Promise<number> {
  const { parent, load, app, many, pending, span, tell } = stage;
  await seedBacklog({ dataDir, parent: parent.address, skillAppId: app.appId }, pending, pending);
  tell(`${pending} pending deliveries stored`);
  const server = await startService(parent, { app, dataDir, settings: stage.settings });
  await delay(span.ms);
  const { window: _, ...notify } = notifyOrder(stage, server, many);
  await load.during(notify, () => delay(span.ms));
  await load.during(turnOrder(stage, server, many), () => delay(span.ms));
  const { peakMb } = await server.child.usage();
  await server.child.kill();
  return peakMb;
}
