// Each check before restify touches a request alone. Without it restify 12 would end the process, or hang.

import { describe, expect, it } from 'vitest';
import { findRefusal } from '../../src/http/request-guard.ts';
import { exchange, requestText, startTestServer, statusOf } from './http-harness.ts';

type Change = {
  /** Undefined: `getUrl` throws, as that of restify does (restify/node-restify#2011). */
  readonly url?: string | undefined;
  readonly version?: number;
  readonly hosts?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly count?: number;
};

/** A good request as restify makes it, but for this. */
function requestOf(change: Change): Parameters<typeof findRefusal>[0] {
  const { url, version = 1, hosts = ['localhost'], headers = {}, count = 1 } = { url: '/api/status', ...change };
  const getUrl = () => new URL(url ?? '//[', 'http://localhost');
  const rawHeaders = Array<string>(count * 2).fill('a');
  return { getUrl, httpVersionMajor: version, headers, headersDistinct: { host: hosts }, rawHeaders } as never;
}

const malformed = 'The Host header or the URL is not valid.';
const coded = 'Send the body without Content-Encoding.';
const transfer = 'Send the body with no Transfer-Encoding but chunked.';
const credential = 'Send the credential in a header (Authorization or X-API-Key), never in the URL, which proxies log.';

it.each<[string | undefined, Change]>([
  [undefined, {}],
  [undefined, { url: '/%c3%a4' }],
  [undefined, { url: '/health/live?key=a' }],
  [undefined, { hosts: [] }],
  [undefined, { hosts: ['localhost:3978'] }],
  [undefined, { count: 200 }],
  [undefined, { headers: { 'content-encoding': ' Identity ' } }],
  [undefined, { headers: { 'transfer-encoding': 'Chunked' } }],
  ['Send the request as HTTP/1.1.', { version: 2 }],
  ['A request may have at most 200 headers.', { count: 201 }],
  [malformed, { url: undefined }],
  [malformed, { url: '/%' }],
  [malformed, { url: '/%c3%28' }],
  [malformed, { url: 'http://user@localhost/api/status' }],
  [malformed, { url: 'http://:word@localhost/api/status' }],
  [malformed, { hosts: ['localhost', 'localhost'] }],
  [malformed, { hosts: ['localhost/health/live?'] }],
  [malformed, { hosts: ['user@localhost'] }],
  [credential, { url: '/api/status?key=a' }],
  [credential, { url: '/api/status?pass-word=a' }],
  [credential, { url: '/api/status?o_auth_token=a' }],
  [coded, { headers: { 'content-encoding': 'gzip' } }],
  [coded, { headers: { 'content-encoding': 'identity, gzip' } }],
  [coded, { headers: { 'content-encoding': '' } }],
  [transfer, { headers: { 'transfer-encoding': 'gzip, chunked' } }],
  [transfer, { headers: { 'transfer-encoding': 'identity' } }],
])('the words are %j for %j', (detail, change) => {
  expect(findRefusal(requestOf(change))?.detail).toBe(detail);
});

describe('over a socket', () => {
  it('a request that is refused does not reach its route', async () => {
    const server = await startTestServer();
    const answer = await exchange(server.port, requestText('GET /health/live HTTP/1.1', ['Content-Encoding: gzip']));
    expect(statusOf(answer)).toBe(415);
    expect(answer).not.toContain('"status":"ok"');
    expect(server.log.filter(({ msg }) => msg === 'request')).toMatchObject([{ status: 415, route: 'none' }]);
  });

  it('a request to upgrade is served as if it had not asked', async () => {
    const server = await startTestServer();
    const headers = ['Host: x', 'Connection: Upgrade, close', 'Upgrade: websocket'];
    expect(statusOf(await exchange(server.port, ['GET /health/live HTTP/1.1', ...headers, '', ''].join('\r\n')))).toBe(
      200,
    );
  }, 5_000);
});
