// One process against three on one PostgreSQL: a stored backlog, worked off.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { askPostgres, startServer } from '../helpers/postgres.ts';
import { measure, type Sample } from './measure.ts';
import { seedBacklog, seedConversations } from './seed.ts';
import { copyDatabase, type Server, startService } from './servers.ts';
import type { SpeedOptions } from './speed.ts';
import type { AppIdentity } from './words.ts';

/** Arrivals a second, one entry a round; CPU of one of the processes, for each arrival. */
export type ReplicaSamples = { readonly one: Sample[]; readonly three: Sample[] };

const backlog = { conversations: 4_000, deliveries: 40_000 };

/** Measures both by turns, each time from the same backlog. Commits are on disk here as anywhere (`fsync` is on). */
export async function measureReplicas(options: SpeedOptions): Promise<ReplicaSamples> {
  const { parent, rounds, tell } = options;
  const app = await parent.register();
  const server = await startServer(['fsync=on']);
  try {
    const template = await storeBacklog(options, app, server.url);
    const samples: ReplicaSamples = { one: [], three: [] };
    for (let round = 0; round < rounds; round += 1) {
      tell(`replicas: round ${round + 1} of ${rounds}`);
      for (const [name, count] of [
        ['one', 1],
        ['three', 3],
      ] as const) {
        const database = `${name}_${round}`;
        await askPostgres(server.url, `create database ${database} template ${template}`);
        samples[name].push(await measureDrain(options, app, { count, url: urlOf(server.url, database), database }));
      }
    }
    return samples;
  } finally {
    await server.stop();
  }
}

/** By the command that moves a service's data. Returns the name of the database. */
async function storeBacklog(options: SpeedOptions, app: AppIdentity, serverUrl: string): Promise<string> {
  const dataDir = join(options.folder, 'replicas');
  const seed = { dataDir, parent: options.parent.address, skillAppId: app.appId };
  await seedConversations(seed, backlog.conversations);
  await seedBacklog(seed, backlog.conversations, backlog.deliveries);
  const name = 'backlog';
  await askPostgres(serverUrl, `create database ${name}`);
  const cli = join(import.meta.dirname, '../../src/cli/copilot-notify.js');
  const env = { ...process.env, DATA_DIR: dataDir, DATABASE_URL: urlOf(serverUrl, name) };
  await promisify(execFile)(process.execPath, [cli, 'migrate', 'sqlite-to-postgres'], { env });
  return name;
}

async function measureDrain(
  { parent, folder, settings, span }: SpeedOptions,
  app: AppIdentity,
  { count, url, database }: { readonly count: number; readonly url: string; readonly database: string },
): Promise<Sample> {
  const before = await parent.count();
  const servers: Server[] = [];
  for (let index = 0; index < count; index += 1) {
    const dataDir = copyDatabase(join(folder, 'replicas'), join(folder, `${database}-${index}`));
    servers.push(await startService(parent, { app, dataDir, settings: { ...settings, DATABASE_URL: url } }));
  }
  const [first] = servers;
  if (!first) throw new Error('no server');
  const sample = await measure(first.child, parent.count, span);
  const { count: arrived } = await parent.count();
  for (const { child } of servers) await child.kill();
  if (arrived - before.count >= backlog.deliveries) throw new Error('the backlog was too short for the time');
  return sample;
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}
