// Every request here once ended a process somewhere, or tries to. After each, the same server answers a good one.

import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { apiKey, createSharedTestServer, exchange, requestText, statusOf, type TestServer } from './http-harness.ts';

let server: TestServer;

beforeAll(async () => {
  server = await createSharedTestServer();
});
afterAll(() => server.stop());

async function expectAlive(): Promise<void> {
  const answer = await server.post('/api/messages', { type: 'message', text: 'still there' });
  expect(answer.status).toBe(200);
}

function nested(depth: number): string {
  return `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
}

function withKeys(count: number): string {
  return JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [index, 1])));
}

function keepAlive(startLine: string, body = ''): string {
  const headers = ['Host: localhost', 'Content-Type: application/json', `Content-Length: ${body.length}`];
  return [startLine, ...headers, '', body].join('\r\n');
}

function statusesOf(answers: string): number[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

const posts = [
  { path: '/api/messages', limit: 256 * 1024, depth: 64, keys: 2000 },
  { path: '/api/notify', limit: 64 * 1024, depth: 32, keys: 500 },
] as const;
const keyHeader = { 'x-api-key': apiKey };

describe.each(posts)('POST $path', ({ path, limit, depth, keys }) => {
  it.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['broken JSON', '{"type":'],
    ['two values', '{} {}'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a number', '7'],
    ['a string', '"x"'],
    ['NaN', '{"type":NaN}'],
    ['invalid UTF-8', new Uint8Array([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
    ['UTF-16', Buffer.from('{"type":"message"}', 'utf16le')],
    ['a byte order mark', '\uFEFF{"type":"message"}'],
    ['NUL bytes', new Uint8Array(100)],
    ['a __proto__ key', '{"type":"message","__proto__":{"isAdmin":true}}'],
    ['an escaped __proto__ key', '{"type":"message","\\u005f_proto__":{"isAdmin":true}}'],
    ['a deep __proto__ key', '{"type":"message","value":[{"__proto__":1}]}'],
    ['a second __proto__ key', '{"__proto__":1,"__proto__":{"isAdmin":true}}'],
    ['constructor.prototype', '{"type":"message","constructor":{"prototype":{"isAdmin":true}}}'],
    ['constructor.prototype in a list', '{"type":"message","value":[{"constructor":{"prototype":1}}]}'],
    ['1e999, which JSON.parse makes Infinity of', '{"type":"message","value":[1e999]}'],
    ['-1e999', '{"type":"message","value":{"a":-1e999}}'],
    ['one level too many', nested(depth + 1)],
    ['30,000 levels', nested(30_000)],
    ['one key too many', withKeys(keys + 1)],
    ['one key too many, in many objects', JSON.stringify({ a: Array.from({ length: keys }, () => ({ b: 1 })) })],
  ])('refuses %s with 400', async (_name, body) => {
    const answer = await server.post(path, body, keyHeader);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'malformed_request' });
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
    await expectAlive();
  });

  it.each(['application/json;charset=utf-8', 'Application/JSON; Charset="UTF-8"', 'application/json;'])(
    'takes the content type %j',
    async (contentType) => {
      const body = { type: 'message', subject: 'a', text: 'b' };
      const sent = path === '/api/notify' ? { subject: 'a', text: 'b' } : body;
      const answer = await server.post(path, sent, { ...keyHeader, 'content-type': contentType });
      expect(answer.ok).toBe(true);
    },
  );

  it.each([
    ['levels', nested(depth)],
    ['keys', withKeys(keys)],
  ])('looks at the fields of a body with as many %s as it may have', async (_name, body) => {
    const answer = await server.post(path, body, keyHeader);
    expect(await answer.json()).toMatchObject({ errors: expect.any(Array) });
  });

  it('refuses a body declared too large, and its sender sees the answer', async () => {
    const answer = await server.post(path, ' '.repeat(limit + 1), keyHeader);
    expect(answer.status).toBe(413);
    await expectAlive();
  });

  it('refuses a body declared far too large without waiting for it', async () => {
    const headers = ['Content-Type: application/json', `X-API-Key: ${apiKey}`, 'Content-Length: 99999999999'];
    expect(statusOf(await exchange(server.port, requestText(`POST ${path} HTTP/1.1`, headers)))).toBe(413);
    await expectAlive();
  });

  it('refuses a chunked body as soon as it is too large', async () => {
    const headers = ['Content-Type: application/json', `X-API-Key: ${apiKey}`, 'Transfer-Encoding: chunked'];
    const size = limit + 1;
    const chunk = `${size.toString(16)}\r\n${' '.repeat(size)}\r\n`;
    // The last chunk never comes.
    const answer = await exchange(server.port, requestText(`POST ${path} HTTP/1.1`, headers, chunk));
    expect(statusOf(answer)).toBe(413);
    await expectAlive();
  });

  it('takes a body as large as the limit', async () => {
    const body = '{"type":"message","subject":"a","text":"b"}';
    expect((await server.post(path, body.padEnd(limit), keyHeader)).status).not.toBe(413);
  });

  it('forgets an upload that is broken off', async () => {
    const logged = server.log.filter((line) => line.aborted === true).length;
    const headers = ['Content-Type: application/json', `X-API-Key: ${apiKey}`, 'Content-Length: 1000'];
    const socket = connect(server.port, '127.0.0.1');
    socket.write(requestText(`POST ${path} HTTP/1.1`, headers, '{"type":"mess'), () => socket.destroy());
    await vi.waitFor(() => {
      expect(server.log.filter((line) => line.aborted === true)).toHaveLength(logged + 1);
    });
    await expectAlive();
  });
});

describe('a request', () => {
  const hosts = ['[', 'foo|bar', 'a:99999', 'a b', '%', '::1', 'x@y:z'];
  const targets = ['/health/live', '/nowhere', '/manifests/skill.json', '*'];
  it.each(hosts.flatMap((host) => targets.map((target) => [host, target])))(
    'with Host %j for %s does not get past the guard as an error of the service',
    async (host, target) => {
      const answer = await exchange(
        server.port,
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      expect([200, 400, 404]).toContain(statusOf(answer));
      await expectAlive();
    },
  );

  it.each(['[', 'foo|bar', 'a:99999'])('with Host %j is answered with 400 and logged', async (host) => {
    const answer = await exchange(server.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(statusOf(answer)).toBe(400);
    expect(answer).toContain('application/problem+json');
    expect(server.log.at(-1)).toMatchObject({ msg: 'request', status: 400, route: 'none' });
  });

  it.each(['/%', '/manifests/%', '/api/notifications/%zz', '/manifests/%c3%28', 'http://[', '//', '/\\', '?', '/;a=b'])(
    'for the URL %s is answered with 4xx',
    async (target) => {
      const status = statusOf(await exchange(server.port, requestText(`GET ${target} HTTP/1.1`)));
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      await expectAlive();
    },
  );

  it.each(['websocket', 'h2c'])('to upgrade to %s is served as if it had not asked', async (protocol) => {
    const headers = ['Host: localhost', 'Connection: Upgrade, close', `Upgrade: ${protocol}`];
    const ask = (path: string) => exchange(server.port, [`GET ${path} HTTP/1.1`, ...headers, '', ''].join('\r\n'));
    expect(statusOf(await ask('/health/live'))).toBe(200);
    expect(statusOf(await ask('/socket'))).toBe(404);
    await expectAlive();
  });

  it('may ask before it sends its body', async () => {
    const body = '{"type":"message"}';
    const headers = ['Content-Type: application/json', `Content-Length: ${body.length}`, 'Expect: 100-continue'];
    const answer = await exchange(server.port, requestText('POST /api/messages HTTP/1.1', headers, body));
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  });
});

describe('pipelined requests', () => {
  it('go on after a body of known length that was refused unread, and end after one of unknown length', async () => {
    const chunked = ['Host: localhost', 'Content-Type: application/json', 'Transfer-Encoding: chunked', '', '2\r\n{}'];
    const answer = await exchange(
      server.port,
      [
        keepAlive('POST /api/messages HTTP/1.1', ' '.repeat(300 * 1024)),
        keepAlive('GET /health/live HTTP/1.1'),
        ['POST /nowhere HTTP/1.1', ...chunked, '0', '', ''].join('\r\n'),
        keepAlive('GET /health/live HTTP/1.1'),
      ].join(''),
    );
    expect(statusesOf(answer)).toEqual([413, 200, 404]);
  });

  it('are all answered, in their order, whatever the ones before were', async () => {
    const answer = await exchange(
      server.port,
      [
        keepAlive('POST /api/messages HTTP/1.1', '{"type":"message"}'),
        keepAlive('POST /api/messages HTTP/1.1', '{'),
        keepAlive('GET /nowhere HTTP/1.1'),
        keepAlive('POST /api/notify HTTP/1.1', '{"subject":"a","text":"b"}'),
        keepAlive('GET /% HTTP/1.1'),
        requestText('GET /health/live HTTP/1.1'),
      ].join(''),
    );
    expect(statusesOf(answer)).toEqual([200, 400, 404, 401, 400, 200]);
    await expectAlive();
  });
});
