// Both routes of the same thread: bounds, and what the environment of the process changes.

import type { ServerResponse } from 'node:http';
import { getGlobalDispatcher, ProxyAgent, setGlobalDispatcher } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Route } from '../../src/outbound/http-client.ts';
import { createUndiciClient } from '../../src/outbound/undici-client.ts';
import { requestTo, startServer } from './servers.ts';

describe.each<Route>(['direct', 'platform'])('by the route %s', (route) => {
  it('an answer without an end is read to its bound, and no further', async () => {
    const taken: Promise<number>[] = [];
    const { url } = await startServer((_, res) => void taken.push(writeUntilClosed(res)));
    const answer = await send(url, route);
    expect(answer).toMatchObject({ status: 200, isCut: true });
    // What is in the buffers of two sockets, and far from all that could have been sent in the time of the request.
    expect(await taken[0]).toBeLessThan(100_000_000);
  });

  it('an answer that does not come is waited for as long as the request says', async () => {
    const { url } = await startServer(() => undefined);
    const startedAt = Date.now();
    expect(await send(url, route, 200)).toMatchObject({ errorClass: 'timeout' });
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });
});

it.each<[Route, object]>([
  ['direct', { status: 200 }],
  ['public', { errorClass: 'private_address' }],
  ['platform', { status: 502 }],
])('where the process has a proxy, a request by the route %s comes to %j', async (route, expected) => {
  const { url } = await startServer((_, res) => res.end());
  const proxy = await startServer((_, res) => res.writeHead(502).end());
  // As Node does where NODE_USE_ENV_PROXY is set; without a tunnel, so that the proxy itself can answer.
  const usual = getGlobalDispatcher();
  onTestFinished(() => setGlobalDispatcher(usual));
  setGlobalDispatcher(new ProxyAgent({ uri: proxy.url, proxyTunnel: false }));
  expect(await send(url, route)).toMatchObject(expected);
});

/** What it comes to. */
async function send(url: string, route: Route, withinMs = 5_000): Promise<unknown> {
  const client = createUndiciClient();
  onTestFinished(() => client.close());
  return client.request({ ...requestTo(url), withinMs, route }).catch((error: unknown) => error);
}

/** Resolves with how many bytes were taken before the client left. */
function writeUntilClosed(res: ServerResponse): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024);
  let bytes = 0;
  const write = (): void => {
    while (!res.destroyed && res.write(chunk)) bytes += chunk.length;
    if (!res.destroyed) res.once('drain', write);
  };
  write();
  return new Promise((resolve) => res.once('close', () => resolve(bytes)));
}
