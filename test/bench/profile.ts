// Where the time of the service goes: each figure once, in a process of its own under V8's sampling profiler.

import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { notifyBodies, numbers, turnBodies } from './activities.ts';
import { Load } from './measure.ts';
import { seedBacklog, seedConversations } from './seed.ts';
import { type Parent, senderHeaders, type Server, startService } from './servers.ts';

const conversations = 20_000;
const backlog = 100_000;
const senders = 64;
const warmMs = 2_000;
const mostShown = 32;
/** Each thread leaves a file, CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile (nodejs.org/api/cli.html#--cpu-prof). */
const ofMainThread = /\.0\.\d+\.cpuprofile$/u;

type ProfileOptions = {
  readonly parent: Parent;
  readonly folder: string;
  readonly ms: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly tell: (words: string) => void;
};

/** Prints the functions in which the service spends its time, by figure. */
export async function profile({ parent, folder, ms, settings, tell }: ProfileOptions): Promise<void> {
  const app = await parent.register();
  const turnHeaders = await parent.authorize(app);
  const load = new Load();
  const indexes = numbers(conversations);
  const loads: Record<string, (server: Server) => Promise<void>> = {
    drain: () => delay(ms),
    accepts: ({ url }) => {
      const bodies = notifyBodies(indexes);
      return load.during({ url: `${url}/api/notify`, headers: senderHeaders, bodies, senders }, () => delay(ms));
    },
    turns: ({ url }) => {
      const bodies = turnBodies(parent.address, app.appId, indexes);
      return load.during({ url: `${url}/api/messages`, headers: turnHeaders, bodies, senders }, () => delay(ms));
    },
  };
  for (const [name, work] of Object.entries(loads)) {
    const dataDir = join(folder, `profile-${name}`);
    const profiles = join(dataDir, 'profiles');
    const seed = { dataDir, parent: parent.address, skillAppId: app.appId };
    await seedConversations(seed, conversations);
    if (name === 'drain') await seedBacklog(seed, conversations, backlog);
    mkdirSync(profiles);
    const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
    const startedAt = performance.now();
    const server = await startService(parent, { app, dataDir, nodeOptions, settings });
    const skippedUs = (performance.now() - startedAt + warmMs) * 1_000;
    await work(server);
    await server.child.stop();
    const file = readdirSync(profiles).find((entry) => ofMainThread.test(entry));
    const written = JSON.parse(readFileSync(join(profiles, file ?? ''), 'utf8')) as CpuProfile;
    tell(`${name}:\n${describe(written, skippedUs)}`);
  }
  await load.child.kill();
}

type CallFrame = { readonly functionName: string; readonly url: string; readonly lineNumber: number };
type CpuProfile = {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

const notWork = new Set(['(idle)', '(root)']);

/** Without the start: what loads modules and compiles is another matter. */
function describe({ nodes, samples, timeDeltas }: CpuProfile, skippedUs: number): string {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byFunction = new Map<string, number>();
  const byPlace = new Map<string, number>();
  let total = 0;
  let atUs = 0;
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id);
    const us = timeDeltas[index] ?? 0;
    atUs += us;
    if (!frame || atUs < skippedUs || notWork.has(frame.functionName)) continue;
    total += us;
    const place = placeOf(frame);
    byPlace.set(place, (byPlace.get(place) ?? 0) + us);
    const name = `${frame.functionName || '(anonymous)'} ${shortUrl(frame)}`;
    byFunction.set(name, (byFunction.get(name) ?? 0) + us);
  }
  return `${list(byPlace, total, 14)}\n\n${list(byFunction, total, mostShown)}\n`;
}

function list(times: ReadonlyMap<string, number>, total: number, most: number): string {
  return [...times]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, us]) => `${((us / total) * 100).toFixed(1).padStart(6)} %  ${name}`)
    .join('\n');
}

/** A package, a folder of the service, or Node itself. */
function placeOf({ functionName, url }: CallFrame): string {
  if (functionName.startsWith('(')) return functionName;
  const parts = url.split('/node_modules/');
  if (parts.length > 1) return `package ${/^(?:@[^/]+\/)?[^/]+/.exec(parts.at(-1) ?? '')?.[0]}`;
  const ours = /\/dist\/src\/(?<path>[^/]+)/.exec(url)?.groups?.['path'];
  return ours === undefined ? (url === '' ? 'native' : 'node') : `src/${ours}`;
}

function shortUrl({ url, lineNumber }: CallFrame): string {
  const short = url.replace(/^.*\/(?:node_modules|dist)\//, '');
  return short === '' ? '' : `${short}:${lineNumber + 1}`;
}
