// The database is away: down, behind a wire that swallows everything, or kept busy by somebody's lock. The service says
// 503 in time, and is back by itself.

import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { expect, inject, it, onTestFinished } from 'vitest';
import { sql } from 'kysely';
import { Client } from 'pg';
import { findFreePort } from '../../standin/free-port.ts';
import { startStandIn } from '../../standin/stand-in.ts';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { transact } from '../../src/storage/transact.ts';
import { createReplicaBench, type ReplicaBench } from '../chaos/replica-bench.ts';
import { startTcpProxy } from '../chaos/tcp-proxy.ts';
import { makePlace } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { startServer } from '../helpers/postgres.ts';
import { startProcess } from '../helpers/service-process.ts';
import { apiKey, settingsFor } from '../helpers/skill.ts';

/** A statement has 5 s, and its answer one more; the rest is this machine's. */
const inTimeMs = 7_000;
const backMs = 10_000;
const mostOfPoolAndListener = 10 + 1;

type Answer = { readonly status: number; readonly ms: number; readonly id?: string; readonly reason?: string };

async function ask(url: string, init?: RequestInit): Promise<Answer> {
  const startedAt = Date.now();
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(30_000) });
  const body = (await answer.json()) as Pick<Answer, 'id' | 'reason'>;
  return { ...body, status: answer.status, ms: Date.now() - startedAt };
}

function notify({ url, subjects }: ReplicaBench, text: string): Promise<Answer> {
  return ask(`${url}/api/notify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'idempotency-key': text },
    body: JSON.stringify({ subject: subjects[0], text, keepOpen: true }),
  });
}

/** One of each kind, at once: reads, writes, and both probes. */
async function askAll(bench: ReplicaBench, round: string) {
  const { url } = bench;
  const headers = { authorization: `Bearer ${apiKey}` };
  const [live, ready, ...others] = await Promise.all([
    ask(`${url}/health/live`),
    ask(`${url}/health/ready`),
    ask(`${url}/api/status`, { headers }),
    ask(`${url}/api/notifications`, { headers }),
    // More than there are connections: some have to wait for one.
    ...Array.from({ length: 12 }, (_, index) => notify(bench, `${round}-${index}`)),
  ]);
  return {
    live: live.status,
    ready: ready.status,
    reason: ready.reason,
    statuses: new Set(others.map(({ status }) => status)),
    slowestMs: Math.max(ready.ms, ...others.map(({ ms }) => ms)),
  };
}

/** Until the service takes a notification again and has delivered it; in ms. */
async function untilBack(bench: ReplicaBench, text: string): Promise<number> {
  const startedAt = Date.now();
  await eventually('it takes notifications again', async () => (await notify(bench, text)).status === 202);
  await eventually('they are delivered', () => bench.history.read().received.some(({ key }) => key === text));
  const ms = Date.now() - startedAt;
  // What is in work when the database goes away has its lease to the end: not what is asked here.
  await eventually('no lane is in work', async () => {
    const leased = await bench.ask('select 1 from lanes where token is not null');
    return leased.length === 0;
  });
  return ms;
}

async function startBehindProxy() {
  const { hostname: host, port } = new URL(inject('postgresUrl'));
  const proxy = await startTcpProxy({ target: { host, port: Number(port) } });
  const bench = await createReplicaBench({
    serverUrl: inject('postgresUrl'),
    port: proxy.port,
    conversations: 1,
    replicas: [{}],
  });
  onTestFinished(async () => {
    await bench.release();
    await proxy.stop();
  });
  return { proxy, bench };
}

/** Holds a lock on the table until `release`. */
async function lockTable({ databaseUrl }: ReplicaBench, table: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query(`lock table ${table} in access exclusive mode`);
  return async () => {
    await client.query('commit');
    await client.end();
  };
}

it('a server that is down: 503 at once, and back by itself when it is up', async () => {
  const server = await startServer();
  onTestFinished(() => server.stop());
  const bench = await createReplicaBench({ serverUrl: server.url, conversations: 1, replicas: [{}] });
  onTestFinished(async () => {
    await bench.replicas[0]?.kill();
  });
  await server.end('SIGINT');
  const down = await askAll(bench, 'down');
  await server.begin();
  const ms = await untilBack(bench, 'up-again');
  console.log(`PostgreSQL down: slowest 503 after ${down.slowestMs} ms, back ${ms} ms after its start`);
  expect(down).toMatchObject({ live: 200, statuses: new Set([503]) });
  expect(down.slowestMs).toBeLessThan(5_000);
  expect(ms).toBeLessThan(backMs);
  expect(bench.replicas[0]?.hasEnded()).toBe(false);
});

it('a wire that swallows everything: 503 in time, at most its connections, and back when the wire is', async () => {
  const { proxy, bench } = await startBehindProxy();
  await untilBack(bench, 'before');
  proxy.set({ kind: 'blackHole' });
  const first = await askAll(bench, 'first');
  const second = await askAll(bench, 'second');
  const open = proxy.connections();
  proxy.set({ kind: 'pass' });
  const ms = await untilBack(bench, 'after');
  const slowestMs = Math.max(first.slowestMs, second.slowestMs);
  console.log(`black hole: slowest 503 after ${slowestMs} ms, ${open} connections, back after ${ms} ms`);
  expect(first).toMatchObject({ live: 200, statuses: new Set([503]) });
  // Its first answer may have been a look of the second before.
  expect(second).toMatchObject({
    live: 200,
    ready: 503,
    reason: 'The storage takes nothing: see DATABASE_URL.',
    statuses: new Set([503]),
  });
  expect(slowestMs).toBeLessThan(inTimeMs);
  expect(open).toBeLessThanOrEqual(mostOfPoolAndListener);
  expect(ms).toBeLessThan(backMs);
  expect(proxy.connections()).toBeLessThanOrEqual(mostOfPoolAndListener);
});

it('a wire that breaks in the middle of a transaction: 503 in time, its locks are let go, and the repeat is stored once', async () => {
  const { proxy, bench } = await startBehindProxy();
  await untilBack(bench, 'before');
  const release = await lockTable(bench, 'notifications');
  const cut = notify(bench, 'cut');
  await eventually('the transaction waits for the lock', async () => {
    const rows = await bench.ask(`select 1 from pg_locks where not granted`);
    return rows.length > 0;
  });
  proxy.set({ kind: 'blackHole' });
  await release();
  const answer = await cut;
  proxy.set({ kind: 'pass' });
  const startedAt = Date.now();
  // The server does not know that the wire is dead: it ends the transaction when it has been idle for 10 s.
  const repeated = await eventually('the repeat is taken', async () => {
    const again = await notify(bench, 'cut');
    return again.status === 202 && again;
  });
  const ms = Date.now() - startedAt;
  console.log(`black hole in a transaction: 503 after ${answer.ms} ms, the repeat is taken ${ms} ms after it`);
  expect(answer).toMatchObject({ status: 503 });
  expect(answer.ms).toBeLessThan(inTimeMs);
  expect(ms).toBeLessThan(12_000);
  const stored = await bench.ask(`select id from notifications where content like '%"cut"%'`);
  expect(stored).toEqual([{ id: repeated.id }]);
});

it('a lock that somebody else holds: 503 when the statement has had its time, and 202 when it is gone', async () => {
  const bench = await createReplicaBench({
    serverUrl: inject('postgresUrl'),
    conversations: 1,
    replicas: [{}],
  });
  onTestFinished(() => bench.release());
  const release = await lockTable(bench, 'notifications');
  const locked = await notify(bench, 'locked');
  await release();
  const ms = await untilBack(bench, 'free');
  console.log(`a lock: 503 after ${locked.ms} ms, back after ${ms} ms`);
  expect(locked.status).toBe(503);
  expect(locked.ms).toBeLessThan(inTimeMs);
  expect(ms).toBeLessThan(backMs);
});

it.each(['nobody listens', 'nothing comes back'])(
  'a start while %s ends with a word about DATABASE_URL',
  async (away) => {
    const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: 1 } });
    onTestFinished(() => proxy.stop());
    proxy.set({ kind: 'blackHole' });
    const port = away === 'nobody listens' ? await findFreePort() : proxy.port;
    const standIn = await startStandIn();
    onTestFinished(() => standIn.stop());
    const skill = { appId: randomUUID(), secret: randomUUID(), dataDir: tmpdir(), port: await findFreePort() };
    const startedAt = Date.now();
    const service = startProcess({
      ...settingsFor(standIn, skill),
      DATABASE_URL: `postgres://somebody:the-canary@127.0.0.1:${port}/notify`,
    });
    onTestFinished(() => service.kill('SIGKILL'));
    expect(await service.exited).toBe(1);
    expect(Date.now() - startedAt).toBeLessThan(15_000);
    expect(service.output()).toContain('DATABASE_URL');
    expect(service.output()).not.toContain('the-canary');
  },
);

async function openOwn(): Promise<Database> {
  const { place, remove } = await makePlace();
  const db = await openDatabase(place);
  onTestFinished(async () => {
    await db.destroy();
    await remove();
  });
  return db;
}

it('a connection that ends between two statements of a transaction is an error of the next one', async () => {
  const db = await openOwn();
  const cut = transact(db, async (trx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
    const pid = rows[0]?.pid;
    await sql`select pg_terminate_backend(${pid})`.execute(db);
    await eventually('it has ended', async () => {
      const left = await sql`select 1 from pg_stat_activity where pid = ${pid}`.execute(db);
      return left.rows.length === 0;
    });
    await sql`select 1`.execute(trx);
  });
  await expect(cut).rejects.toMatchObject({ code: 'unavailable', status: 503 });
  const { rows } = await sql`select 1 as one`.execute(db);
  expect(rows).toEqual([{ one: 1 }]);
});

it('the server ends sessions whose client has gone without a word', async () => {
  const db = await openOwn();
  const { rows } = await sql`
    select current_setting('idle_session_timeout') as idle,
      current_setting('idle_in_transaction_session_timeout') as in_transaction`.execute(db);
  expect(rows).toEqual([{ idle: '1min', in_transaction: '10s' }]);
});
