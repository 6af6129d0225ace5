// Each check before restify touches a request alone. Without it restify 12 would end the process, or hang.

import { describe, expect, it } from 'vitest';
import { findRefusal } from '../../src/http/request-guard.ts';
import { exchange, requestText, startTestServer, statusOf } from './http-harness.ts';

/** The request as restify makes it, with this URL; `getUrl` throws as its own does (restify/node-restify#2011). */
function requestOf(pathname: string | undefined, encoding?: string): Parameters<typeof findRefusal>[0] {
  const getUrl = () => {
    if (pathname === undefined) throw new TypeError('Invalid URL');
    return { pathname };
  };
  return { getUrl, headers: { 'content-encoding': encoding } } as never;
}

const url = 'The Host header or the URL is not valid.';
const coded = 'Send the body without Content-Encoding.';

it.each<[string | undefined, string | undefined, string | undefined]>([
  ['/health/live', undefined, undefined],
  ['/health/live', 'identity', undefined],
  ['/health/live', ' Identity ', undefined],
  ['/%c3%a4', undefined, undefined],
  [undefined, undefined, url],
  ['/%', undefined, url],
  ['/%c3%28', undefined, url],
  ['/health/live', 'gzip', coded],
  ['/health/live', 'identity, gzip', coded],
  ['/health/live', '', coded],
])('the path %s in the encoding %s is refused by: %s', (pathname, encoding, detail) => {
  expect(findRefusal(requestOf(pathname, encoding))?.detail).toBe(detail);
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
