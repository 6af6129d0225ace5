// Several replicas of the service, each a process of its own, on one PostgreSQL: the load goes to all of them in turn, the
// history is one.

import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../../standin/free-port.ts';
import { type StandIn, startStandIn } from '../../standin/stand-in.ts';
import { eventually } from '../helpers/eventually.ts';
import { askPostgres, createTestDatabase } from '../helpers/postgres.ts';
import { type ServiceProcess, startProcess, untilReady } from '../helpers/service-process.ts';
import { apiKey, settingsFor } from '../helpers/skill.ts';
import { type ChaosBench, openWaits, recordReceipts, settle } from './chaos-bench.ts';
import { createHistory } from './history.ts';
import { isFull } from './scale.ts';

/** Deliveries that one replica has at their parents at most. */
const slots = 4;

/**
 * What a kill of a replica may repeat: what is at its parent, and what it has said to that and is being stored just then.
 * Such a slot is free again before the transaction that gives it back is committed, and others are in theirs meanwhile.
 */
export const inFlightOfReplica = 2 * slots;

type Replica = {
  readonly url: string;
  /** Everything that it has printed, over all its lives. */
  output(): string;
  /** Starts it; `untilServing` tells when it is ready. */
  start(): void;
  untilServing(): Promise<void>;
  /** Kills it as a power cut would. */
  kill(): Promise<void>;
  /** SIGSTOP, as a host does that is too busy: nothing is closed, nothing answers. No load goes there meanwhile. */
  pause(): void;
  resume(): void;
  signal(name: NodeJS.Signals): void;
  /** Its process has come to an end, by whatever. */
  hasEnded(): boolean;
};

export type ReplicaBench = Pick<ChaosBench, 'standIn' | 'history' | 'subjects' | 'get'> & {
  /** The replica whose turn it is. One that is dead keeps its turn: whoever asks it is refused, and asks again. */
  readonly url: string;
  readonly replicas: readonly Replica[];
  /** Of the database that they share. */
  readonly databaseUrl: string;
  ask<Row>(statement: string): Promise<Row[]>;
  /**
   * Waits until nothing is on its way, then notes what the service says of each notification; gives the time it took. Where
   * replicas have died, a quick run spares itself the rest of their leases, unless told to `keepLeases`.
   */
  settle(options?: { readonly keepLeases?: boolean }): Promise<number>;
  release(): Promise<void>;
};

type BenchOptions = {
  readonly serverUrl: string;
  readonly conversations: number;
  /** Where the replicas reach the server, such as a proxy; default its own port. */
  readonly port?: number;
  /** Of each replica besides what all have. */
  readonly replicas?: readonly Record<string, string>[];
};

/** Builds it: every replica serves, and an action is open in each conversation. */
export async function createReplicaBench(options: BenchOptions): Promise<ReplicaBench> {
  const standIn = await startStandIn();
  const database = await createTestDatabase(options.serverUrl);
  const app = { appId: randomUUID(), secret: randomUUID() };
  standIn.registerApp(app);
  const usedUrl = new URL(database.url);
  if (options.port !== undefined) usedUrl.port = String(options.port);
  const replicas: ReturnType<typeof createReplica>[] = [];
  for (const own of options.replicas ?? [{}, {}, {}]) {
    const skill = { ...app, dataDir: tmpdir(), port: await findFreePort() };
    replicas.push(createReplica({ ...commonSettings(standIn, skill, usedUrl.href), ...own }));
  }
  const history = createHistory();
  recordReceipts(standIn, history);
  for (const replica of replicas) replica.start();
  await Promise.all(replicas.map((replica) => replica.untilServing()));
  standIn.addSkill({ appId: app.appId, endpointUrl: `${replicas[0]?.url}/api/messages` });
  const subjects = await openWaits(standIn, options.conversations);
  let turn = 0;
  const nextUrl = (): string => {
    turn += 1;
    const open = replicas.filter(({ isPaused }) => !isPaused());
    return open[turn % open.length]?.url ?? '';
  };
  const get = <T>(path: string): Promise<T> => getFromAny(nextUrl, path, replicas.length);
  const ask = <Row>(statement: string): Promise<Row[]> => askPostgres<Row>(database.url, statement);
  return {
    standIn,
    history,
    subjects,
    replicas,
    databaseUrl: database.url,
    get url() {
      return nextUrl();
    },
    get,
    ask,
    settle: async ({ keepLeases = isFull } = {}) => {
      const startedAt = Date.now();
      if (!keepLeases) await endDeadLeases(ask);
      await settle(get, history);
      return Date.now() - startedAt;
    },
    release: async () => {
      await Promise.all(replicas.map((replica) => replica.kill()));
      await standIn.stop();
      await database.drop();
    },
  };
}

function commonSettings(
  standIn: StandIn,
  skill: Parameters<typeof settingsFor>[1],
  databaseUrl: string,
): Record<string, string> {
  return {
    ...settingsFor(standIn, skill),
    DATABASE_URL: databaseUrl,
    DELIVERY_CONCURRENCY: String(slots),
    CONVERSATION_SEND_RATES: '1:100000',
    HOST_SEND_RATE: '0',
    LOG_LEVEL: 'warn',
  };
}

function createReplica(settings: Record<string, string>): Replica & { isPaused(): boolean } {
  const url = `http://127.0.0.1:${settings['PORT']}`;
  let service: ServiceProcess | undefined;
  let isPaused = false;
  let hasEnded = true;
  const past: string[] = [];
  const signal = (name: NodeJS.Signals): void => service?.kill(name);
  return {
    url,
    output: () => [...past, service?.output() ?? ''].join(''),
    start: () => {
      const started = startProcess(settings);
      service = started;
      hasEnded = false;
      void started.exited.then(() => (hasEnded ||= service === started));
    },
    untilServing: async () => {
      if (service) await untilReady(service, url);
    },
    kill: async () => {
      signal('SIGKILL');
      await service?.exited;
      past.push(service?.output() ?? '');
      service = undefined;
      isPaused = false;
    },
    pause: () => {
      isPaused = true;
      signal('SIGSTOP');
    },
    resume: () => {
      signal('SIGCONT');
      isPaused = false;
    },
    signal,
    hasEnded: () => hasEnded,
    isPaused: () => isPaused,
  };
}

/** From the first that answers. */
async function getFromAny<T>(nextUrl: () => string, path: string, replicas: number): Promise<T> {
  for (let asked = 1; ; asked += 1) {
    const answer = await fetch(nextUrl() + path, {
      headers: { authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.timeout(10_000),
    }).catch((error: unknown) => error);
    if (answer instanceof Response && answer.ok) return (await answer.json()) as T;
    if (asked >= replicas) throw new Error(`GET ${path}`, { cause: answer });
  }
}

/** Longer than whoever lives keeps a lease unchanged, also on a busy machine: 2 s and an attempt. */
const deadAfterMs = 4_000;

/**
 * Spares a run the minute that the leases of the dead go on: those are found by nobody touching them, and are over at once,
 * as if it had passed.
 */
export async function endDeadLeases(ask: ReplicaBench['ask']): Promise<void> {
  const read = () =>
    ask<{ id: string; token: string; run_at: string }>(
      'select conversation_id as id, token, run_at from lanes where token is not null',
    );
  const before = await read();
  await delay(deadAfterMs);
  const after = new Set((await read()).map((row) => JSON.stringify(row)));
  const dead = before.filter((row) => after.has(JSON.stringify(row))).map(({ token }) => `'${token}'`);
  if (dead.length > 0) await ask(`update lanes set run_at = 0 where token in (${dead.join()})`);
}

/** Waits until each replica answers that it is ready. */
export async function untilAllServe({ replicas }: ReplicaBench): Promise<void> {
  await Promise.all(replicas.map((replica) => replica.untilServing()));
}

/** Waits until a replica has deliveries in the middle of an attempt. */
export async function untilInFlight({ ask }: ReplicaBench): Promise<void> {
  await eventually('something is in flight', async () => {
    const [row] = await ask<{ count: number }>(`select count(*)::int from deliveries where state = 'sending'`);
    return row !== undefined && row.count > 0;
  });
}
