// T6: what is not a plain request, against the service as a process of its own: status, no file in its temporary
// folder, memory, and at the end it is still the same process.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { type StandIn, startStandIn } from '../../standin/stand-in.ts';
import { type ServiceProcess, startProcess, untilReady } from '../helpers/service-process.ts';
import { apiKey, settingsFor } from '../helpers/skill.ts';
import { exchange } from './http-harness.ts';
import { oddPosts } from './odd-posts.ts';
import { oddRequests } from './odd-requests.ts';

const mostGrowthMb = 30;

let standIn: StandIn;
let service: ServiceProcess;
let port: number;
let url: string;
let folder: string;
let temporary: string;
let token: string;
let rssBefore: number;
let sent = 0;

beforeAll(async () => {
  standIn = await startStandIn();
  port = await findFreePort();
  folder = mkdtempSync(join(tmpdir(), 'copilot-notify-'));
  temporary = mkdtempSync(join(folder, 'tmp-'));
  const skill = { appId: randomUUID(), secret: randomUUID(), dataDir: join(folder, 'data'), port };
  standIn.registerApp(skill);
  const places = { TMPDIR: temporary, TEMP: temporary, TMP: temporary };
  // V8 lets garbage lie for as long as there is room: with little of it, what grows is what is kept.
  const heap = { NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=1' };
  service = startProcess({ ...settingsFor(standIn, skill), ...places, ...heap });
  url = `http://127.0.0.1:${port}`;
  standIn.addSkill({ appId: skill.appId, endpointUrl: `${url}/api/messages` });
  token = await standIn.signToken();
  await untilReady(service, url);
  // What the first requests load is not growth.
  for (const route of Object.keys(routes) as Route[]) {
    for (let count = 0; count < 20; count += 1) await post(route, ['Content-Length: 2'], '{}');
  }
  sent = 0;
  rssBefore = rssMb();
});
afterAll(async () => {
  service.kill('SIGKILL');
  await service.exited;
  await standIn.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  const answer = await fetch(`${url}/health/live`);
  if (!answer.ok) throw new Error(`the service answers ${answer.status}`);
});

const activity = {
  type: 'conversationUpdate',
  channelId: 'directline',
  serviceUrl: 'https://europe.directline.botframework.com/',
  deliveryMode: 'expectReplies',
  from: { id: 'user', name: 'ä' },
  recipient: { id: 'bot' },
  conversation: { id: 'c1' },
};
const routes = {
  '/api/messages': { good: JSON.stringify(activity), taken: 200, maxBytes: 256 * 1024 },
  '/api/notify': { good: JSON.stringify({ subject: 's', text: 'ä' }), taken: 202, maxBytes: 64 * 1024 },
} as const;
type Route = keyof typeof routes;

async function post(route: Route, headers: readonly string[], body: Uint8Array | string): Promise<string> {
  return send(bytesOf(route, headers, body));
}

function bytesOf(route: Route, headers: readonly string[], body: Uint8Array | string, connection = 'close'): Buffer {
  const credential = route === '/api/notify' ? `X-API-Key: ${apiKey}` : `Authorization: Bearer ${token}`;
  const upgrades = headers.some((header) => header.startsWith('Upgrade:'));
  const head = [`POST ${route} HTTP/1.1`, 'Host: localhost', `Connection: ${upgrades ? 'Upgrade, ' : ''}${connection}`];
  const text = [...head, credential, ...headers, '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(text, 'latin1'), Buffer.from(body)]);
}

async function send(bytes: Uint8Array): Promise<string> {
  sent += 1;
  return exchange(port, bytes);
}

/** Statuses of the answers, without those that only say to go on. */
function statusesOf(answers: string): number[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
    .map((match) => Number(match[1]))
    .filter((status) => status >= 200);
}

/** What the service holds, in MB; 0 where the system does not tell (only Linux does). */
function rssMb(): number {
  if (process.platform !== 'linux') return 0;
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1];
  return Number(kb) / 1024;
}

/** What is wrong with the form of an answer, whatever its status; empty when nothing. */
function faultsOf(answer: string): string[] {
  const isOurs = /^X-Request-Id: [\w-]+\r$/m.test(answer);
  const isProblem = answer.includes('Content-Type: application/problem+json');
  // What Node cannot read it refuses itself, without a body.
  const isBare = /\r\nConnection: close\r\n/.test(answer) && /\r\n\r\n(?:0\r\n\r\n)?$/.test(answer);
  const faults = [];
  if (!isOurs && !isBare && answer !== '') faults.push('neither ours nor bare');
  if (isOurs && isProblem !== (statusesOf(answer)[0] ?? 0) >= 400) faults.push('a refusal is a problem, and only that');
  if (/node_modules|dist\/|SQLITE| {4}at |restify/i.test(answer)) faults.push('tells how it is made');
  return faults;
}

function row(headers: string[], body: string, connection = 'keep-alive'): [string[], string, string] {
  return [
    ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, ...headers],
    body,
    connection,
  ];
}

describe.each(Object.keys(routes) as Route[])('POST %s with a good credential and', (route) => {
  const { good, taken, maxBytes } = routes[route];

  it.each(oddPosts(good, maxBytes))('%s: %i', async (_, status, headers, body) => {
    const answer = await post(route, headers, body);
    // One answer, or none: nothing behind a bad request is taken for a second one.
    expect(statusesOf(answer)).toEqual([status === 200 ? taken : status].filter(Boolean));
    expect(faultsOf(answer)).toEqual([]);
  });

  // The reset that follows may overtake the answer.
  it('an upload of 20 MB: refused with 415, or just ended', async () => {
    const upload = Buffer.alloc(20_000_000, 'A');
    const headers = ['Content-Type: multipart/form-data; boundary=x', `Content-Length: ${upload.length}`];
    expect(statusesOf(await post(route, headers, upload))[0] ?? 415).toBe(415);
  });

  it.each([
    ['of known length', ['Content-Length: 1000'], '{"type":'],
    ['in chunks', ['Transfer-Encoding: chunked'], '8\r\n{"type":\r\n'],
    ['before any of it', ['Content-Length: 1000'], ''],
    ['that is expected', ['Content-Length: 1000', 'Expect: 100-continue'], ''],
  ])('a body %s that never ends is forgotten with its connection', async (_, headers, body) => {
    sent += 1;
    const socket = connect(port, '127.0.0.1');
    socket.end(bytesOf(route, ['Content-Type: application/json', ...headers], body));
    let answer = '';
    for await (const bytes of socket) answer += String(bytes);
    expect(statusesOf(answer)[0] ?? 400).toBe(400);
  });

  it('good and bad ones in a row are answered in their order', async () => {
    const rows = [row([], good), row([], '{'), row(['Content-Encoding: gzip'], 'junk'), row([], good, 'close')];
    const answers = await send(Buffer.concat(rows.map((parts) => bytesOf(route, ...parts))));
    expect(statusesOf(answers)).toEqual([taken, 400, 415, taken]);
  });
});

it.each(oddRequests)('%s: %i', async (_, status, text) => {
  const answer = await send(Buffer.from(text, 'latin1'));
  expect(statusesOf(answer)).toEqual([status].filter(Boolean));
  expect(faultsOf(answer)).toEqual([]);
});

describe('after all of them', () => {
  it('the process is the same, has logged no error and written no temporary file', async () => {
    expect(readdirSync(temporary)).toEqual([]);
    expect(service.output()).not.toMatch(/"level":"(?:error|fatal)"/);
    expect(await Promise.race([service.exited, Promise.resolve('runs')])).toBe('runs');
  });

  it(`its memory has grown by at most ${mostGrowthMb} MB`, () => {
    const growth = rssMb() - rssBefore;
    console.log(`T6: ${sent} requests, RSS ${rssBefore.toFixed(0)} MB before and ${growth.toFixed(1)} MB more after`);
    expect(growth).toBeLessThanOrEqual(mostGrowthMb);
  });
});
