// The figures against the baselines, in rounds: each round measures every server once, so that whatever else the machine
// does meets all of them.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { notifyBodies, numbers, pushBody, turnBodies } from './activities.ts';
import { Load, measure, type Sample, type Span, untilDelivered } from './measure.ts';
import { seedBacklog, seedConversations } from './seed.ts';
import { copyDatabase, type Parent, type Server, senderHeaders, startBaseline, startService } from './servers.ts';
import type { LoadOrder } from './words.ts';

export type Figure = 'notify' | 'drain' | 'sustained' | 'accepts' | 'busy' | 'turns';
export type ServerName = 'today' | 'agentsSdk' | 'limit' | 'ours';
/** By figure and server, one sample a round. */
export type Samples = Map<`${Figure} ${ServerName}`, Sample[]>;
/** How long each notification took from its request to its arrival. */
export type Latencies = Record<'today' | 'ours', number[]>;

export type SpeedOptions = {
  readonly parent: Parent;
  readonly folder: string;
  readonly rounds: number;
  readonly span: Span;
  readonly figures: ReadonlySet<string>;
  readonly settings: Readonly<Record<string, string>>;
  readonly tell: (words: string) => void;
};

const conversations = 2_000;
const senders = 64;
/** How many accepted notifications may be on their way: more would be a backlog, and its drain another figure. */
const mostOnTheirWay = 512;
const backlog = { conversations: 20_000, deliveries: 80_000 };
/** Not those that are notified: a turn that opens no action leaves its conversation without a push. */
const firstOfTurns = 50_000_000;
const idleEveryMs = 25;
/** A process that has just started, beside others that have long been warm: V8 takes seconds to compile what is hot. */
const startedWarmMs = 4_000;

type Stage = SpeedOptions & {
  readonly load: Load;
  readonly servers: Readonly<Record<'today' | 'agentsSdk' | 'ours', Server>>;
  readonly turnHeaders: ReadonlyMap<Server, Record<string, string>>;
  readonly limitHeaders: Record<string, string>;
  readonly backlogFolder: string;
  readonly samples: Samples;
  readonly latencies: Latencies;
};

/** Measures what is asked for; `latencies` are empty where they are not. */
export async function measureSpeed(options: SpeedOptions): Promise<{ samples: Samples; latencies: Latencies }> {
  const stage = await setUp(options);
  for (let round = 0; round < options.rounds; round += 1) {
    options.tell(`round ${round + 1} of ${options.rounds}`);
    await measureToday(stage, 'today');
    await measureToday(stage, 'agentsSdk');
    await measureLimit(stage);
    await measureOurs(stage, round);
  }
  for (const { child } of [...Object.values(stage.servers), stage.load]) await child.kill();
  return stage;
}

async function setUp(options: SpeedOptions): Promise<Stage> {
  const { parent, folder, tell, figures, settings } = options;
  tell('starting the servers');
  const load = new Load();
  const today = await startBaseline('botbuilder', parent);
  const agentsSdk = await startBaseline('agents-sdk', parent);
  const app = await parent.register();
  const seed = { parent: parent.address, skillAppId: app.appId };
  const dataDir = join(folder, 'ours');
  await seedConversations({ ...seed, dataDir }, conversations);
  const backlogFolder = join(folder, 'backlog');
  if (figures.has('drain')) {
    await seedConversations({ ...seed, dataDir: backlogFolder }, backlog.conversations);
    await seedBacklog({ ...seed, dataDir: backlogFolder }, backlog.conversations, backlog.deliveries);
  }
  const servers = { today, agentsSdk, ours: await startService(parent, { app, dataDir, settings }) };
  const turnHeaders = new Map<Server, Record<string, string>>();
  for (const server of Object.values(servers)) turnHeaders.set(server, await parent.authorize(server.app));
  const stage: Stage = {
    ...options,
    load,
    servers,
    turnHeaders,
    limitHeaders: { ...senderHeaders, authorization: await parent.tokenFor(app) },
    backlogFolder,
    samples: new Map(),
    latencies: { today: [], ours: [] },
  };
  // What is notified later is known from a turn, and all are warm.
  for (const server of [today, agentsSdk]) await load.post(turnsAt(stage, server, 0));
  await load.post(turnsAt(stage, servers.ours, firstOfTurns));
  for (const server of Object.values(servers)) await load.during(notifyAt(server), () => delay(1_000));
  await untilDelivered(servers.ours);
  return stage;
}

function notifyAt(server: Server): LoadOrder {
  return {
    url: `${server.url}/api/notify`,
    headers: senderHeaders,
    bodies: notifyBodies(numbers(conversations)),
    senders,
  };
}

function turnsAt({ parent, turnHeaders }: Stage, server: Server, first = firstOfTurns): LoadOrder {
  return {
    url: `${server.url}/api/messages`,
    headers: turnHeaders.get(server) ?? {},
    bodies: turnBodies(parent.address, server.app.appId, numbers(conversations, { first })),
    senders,
  };
}

function note({ samples }: Stage, figure: Figure, server: ServerName, sample: Sample): void {
  samples.set(`${figure} ${server}`, [...(samples.get(`${figure} ${server}`) ?? []), sample]);
}

/** What is pushed while the sender waits for its answer. */
async function measureToday(stage: Stage, name: 'today' | 'agentsSdk'): Promise<void> {
  const { load, span, figures } = stage;
  const server = stage.servers[name];
  const { child } = server;
  if (['drain', 'sustained', 'accepts'].some((figure) => figures.has(figure))) {
    note(stage, 'notify', name, await load.during(notifyAt(server), () => measure(child, load.count, span)));
  }
  if (figures.has('turns')) {
    note(stage, 'turns', name, await load.during(turnsAt(stage, server), () => measure(child, load.count, span)));
  }
  if (figures.has('latency') && name === 'today') await measureLatency(stage, 'today');
}

async function measureLimit(stage: Stage): Promise<void> {
  const { load, span, parent, limitHeaders, servers } = stage;
  const order = {
    url: `${parent.address.serviceUrl}v3/conversations/bench/activities`,
    headers: limitHeaders,
    bodies: [pushBody(parent.address, servers.ours.app.appId)],
    senders,
  };
  note(stage, 'notify', 'limit', await load.during(order, () => measure(load.child, load.count, span)));
}

async function measureOurs(stage: Stage, round: number): Promise<void> {
  const { load, span, parent, figures } = stage;
  const { ours } = stage.servers;
  if (figures.has('drain')) note(stage, 'drain', 'ours', await measureDrain(stage, round));
  if (figures.has('sustained')) {
    const window = { takenUrl: `${parent.address.serviceUrl}bench/taken`, most: mostOnTheirWay };
    const order = { ...notifyAt(ours), window };
    note(stage, 'sustained', 'ours', await load.during(order, () => measure(ours.child, parent.count, span)));
    await untilDelivered(ours);
  }
  if (figures.has('accepts')) {
    note(stage, 'busy', 'ours', await load.during(notifyAt(ours), () => measure(ours.child, load.count, span)));
    await untilDelivered(ours);
    note(stage, 'accepts', 'ours', await measureAccepts(stage, round));
  }
  if (figures.has('turns')) {
    note(stage, 'turns', 'ours', await load.during(turnsAt(stage, ours), () => measure(ours.child, load.count, span)));
  }
  if (figures.has('latency')) await measureLatency(stage, 'ours');
}

/** A process that finds its backlog when it starts. */
async function measureDrain(stage: Stage, round: number): Promise<Sample> {
  const { parent, span, folder, backlogFolder, settings, servers } = stage;
  const dataDir = copyDatabase(backlogFolder, join(folder, `drain-${round}`));
  const before = await parent.count();
  const server = await startService(parent, { app: servers.ours.app, dataDir, settings });
  const sample = await measure(server.child, parent.count, { ...span, warmMs: startedWarmMs });
  const { count } = await parent.count();
  await server.child.kill();
  if (count - before.count >= backlog.deliveries) throw new Error('the backlog was too short for the time');
  return sample;
}

/** The pace of the host holds all but one a second of them back: what an accept costs, and nothing besides. */
async function measureAccepts(stage: Stage, round: number): Promise<Sample> {
  const { load, span, folder, parent, settings, servers } = stage;
  const dataDir = join(folder, `accepts-${round}`);
  await seedConversations({ parent: parent.address, skillAppId: servers.ours.app.appId, dataDir }, conversations);
  const held = { ...settings, HOST_SEND_RATE: '1' };
  const server = await startService(parent, { app: servers.ours.app, dataDir, settings: held });
  const order = notifyAt(server);
  const warm = { ...span, warmMs: startedWarmMs };
  const sample = await load.during(order, () => measure(server.child, load.count, warm));
  await server.child.kill();
  return sample;
}

/** One at a time, with pauses: nothing waits for anything else. */
async function measureLatency(stage: Stage, name: 'today' | 'ours'): Promise<void> {
  const { load, parent, span, latencies } = stage;
  const bodies = notifyBodies(numbers(conversations), { timed: true });
  await parent.child.call('latencies');
  await load.during({ ...notifyAt(stage.servers[name]), bodies, everyMs: idleEveryMs }, () => delay(span.ms * 2));
  if (name === 'ours') await untilDelivered(stage.servers.ours);
  latencies[name].push(...(await parent.child.call<number[]>('latencies')));
  await parent.child.call('stopLatencies');
}
