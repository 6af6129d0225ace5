// What replicas tell each other over LISTEN and NOTIFY, and what becomes of it when the connection is lost.

import { sql } from 'kysely';
import { createServer, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { createLogger } from '../../src/logger.ts';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { createSignals, type Signals } from '../../src/storage/signals.ts';
import { makePlace } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';

type Heard = readonly string[] | undefined;

async function makeDatabase(): Promise<{ url: string; db: Database }> {
  const { place, remove } = await makePlace();
  const db = await openDatabase(place);
  onTestFinished(async () => {
    await db.destroy();
    await remove();
  });
  return { url: place.url ?? '', db };
}

/** One end, with all that it hears of what has settled; the first is that anything may have, when it is connected. */
async function listenOn(url: string): Promise<{ signals: Signals; heard: Heard[] }> {
  const signals = createSignals(url, createLogger('silent'));
  onTestFinished(() => signals.close());
  const heard: Heard[] = [];
  signals.on('settled', (names) => heard.push(names));
  await eventually('it listens', () => heard.length > 0);
  return { signals, heard };
}

const namesIn = (heard: readonly Heard[]): string[] => heard.flatMap((names) => names ?? []);

/** Ends the connection that was opened first, or last, of those that are kept for this. */
const killOne = (db: Database, which: 'first' | 'last') =>
  sql`select pg_terminate_backend(pid) from (
      select pid from pg_stat_activity
      where application_name = 'copilot-notify signals' and datname = current_database()
      order by backend_start ${sql.raw(which === 'first' ? 'asc' : 'desc')} limit 1) as one`.execute(db);

it('what one tells the others hear, each name once, and it does not hear itself', async () => {
  const { url } = await makeDatabase();
  const [first, second, third] = await Promise.all([listenOn(url), listenOn(url), listenOn(url)]);
  const ids = Array.from({ length: 400 }, (_, index) => `0190-${index}`.padEnd(36, 'x'));
  for (const id of [...ids, ...ids]) first.signals.tell('settled', id);
  for (const { heard } of [second, third]) {
    await eventually('all are heard', () => namesIn(heard).length >= ids.length);
    expect(namesIn(heard).toSorted()).toEqual(ids.toSorted());
  }
  expect(namesIn(first.heard)).toEqual([]);
});

it('another topic is not heard', async () => {
  const { url } = await makeDatabase();
  const [first, second] = await Promise.all([listenOn(url), listenOn(url)]);
  first.signals.tell('due');
  first.signals.tell('settled', 'after it');
  await eventually('it is heard', () => namesIn(second.heard).length > 0);
  expect(second.heard.filter((names) => names !== undefined)).toEqual([['after it']]);
});

it('a thousand tellings within a moment are a few statements', async () => {
  const { url } = await makeDatabase();
  const [first, second] = await Promise.all([listenOn(url), listenOn(url)]);
  let times = 0;
  second.signals.on('due', (names) => (times += names ? 1 : 0));
  const endsAt = Date.now() + 300;
  while (Date.now() < endsAt) {
    first.signals.tell('due');
    await new Promise((resolve) => setImmediate(resolve));
  }
  await first.signals.close();
  await eventually('it is heard', () => times > 0);
  console.log(`told without pause for 300 ms: heard ${times} times`);
  // One at once and one each 50 ms, and the last at the end.
  expect(times).toBeLessThanOrEqual(8);
});

it('more than can be named is told as anything', async () => {
  const { url } = await makeDatabase();
  const [first, second] = await Promise.all([listenOn(url), listenOn(url)]);
  const before = second.heard.length;
  for (let index = 0; index < 5_000; index += 1) first.signals.tell('settled', `${index}`);
  await eventually('it is heard', () => second.heard.length > before);
  expect(second.heard.slice(before)).toEqual([undefined]);
});

it('what strangers notify does no harm', async () => {
  const { url, db } = await makeDatabase();
  const [first, second] = await Promise.all([listenOn(url), listenOn(url)]);
  for (const payload of ['', 'x', '{}', '["x"]', 'null', '["x","nothing","a"]', '["x","constructor"]']) {
    await sql`select pg_notify('copilot_notify', ${payload})`.execute(db);
  }
  first.signals.tell('settled', 'still');
  await eventually('it is heard', () => namesIn(second.heard).length > 0);
  expect(namesIn(second.heard)).toEqual(['still']);
});

it('who has lost the connection tells what was to be told over the next one', async () => {
  const { url, db } = await makeDatabase();
  const first = await listenOn(url);
  const second = await listenOn(url);
  await killOne(db, 'first');
  for (let index = 0; index < 300; index += 1) {
    first.signals.tell('settled', `${index}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually('the last is heard', () => namesIn(second.heard).includes('299'));
  expect(new Set(namesIn(second.heard)).size).toBe(300);
});

it('who has lost the connection hears that anything may have changed when it listens again', async () => {
  const { url, db } = await makeDatabase();
  const first = await listenOn(url);
  const second = await listenOn(url);
  const before = second.heard.length;
  const lostAt = performance.now();
  await killOne(db, 'last');
  await eventually('it is told', () => second.heard.length > before);
  expect(second.heard.at(-1)).toBeUndefined();
  await eventually('it hears again', () => {
    first.signals.tell('settled', 'again');
    return namesIn(second.heard).includes('again');
  });
  console.log(`a killed LISTEN connection: heard again ${Math.round(performance.now() - lostAt)} ms later`);
});

it('a connection that is open at one end only is found out, and made anew', async () => {
  const { url } = await makeDatabase();
  const target = new URL(url);
  const sockets: Socket[] = [];
  let isDeaf = false;
  const proxy = createServer((socket) => {
    const onward = connect(Number(target.port), target.hostname);
    sockets.push(socket, onward);
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      from.on('error', () => undefined);
      from.on('close', () => to.destroy());
      from.on('data', (bytes) => void (isDeaf || to.write(bytes)));
    }
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const near = new URL(url);
  near.port = String((proxy.address() as { port: number }).port);
  const [far, behind] = [await listenOn(url), await listenOn(near.href)];
  const connections = sockets.length;
  isDeaf = true;
  const deafAt = performance.now();
  far.signals.tell('settled', 'not heard');
  await eventually('the half-open connection is given up', () => sockets.length > connections);
  isDeaf = false;
  console.log(`a half-open LISTEN connection: given up after ${Math.round(performance.now() - deafAt)} ms`);
  far.signals.tell('settled', 'heard');
  await eventually('it hears again', async () => {
    far.signals.tell('settled', 'heard');
    return namesIn(behind.heard).includes('heard');
  });
  expect(behind.heard.filter((names) => names === undefined).length).toBeGreaterThan(1);
});
