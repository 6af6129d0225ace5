// What the environment of the process changes, and what not.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getGlobalDispatcher, ProxyAgent, setGlobalDispatcher } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import type { Route } from '../../src/outbound/http-client.ts';
import { createUndiciClient } from '../../src/outbound/undici-client.ts';

it.each<[Route, object]>([
  ['direct', { status: 200 }],
  ['public', { errorClass: 'private_address' }],
  ['platform', { status: 502 }],
])('where the process has a proxy, a request by the route %s comes to %j', async (route, expected) => {
  const url = await startServer(200);
  const proxy = await startServer(502);
  // What Node makes of HTTPS_PROXY with NODE_USE_ENV_PROXY.
  const usual = getGlobalDispatcher();
  onTestFinished(() => setGlobalDispatcher(usual));
  setGlobalDispatcher(new ProxyAgent({ uri: proxy, proxyTunnel: false }));
  const client = createUndiciClient();
  onTestFinished(() => client.close());
  const request = { method: 'GET', url, headers: {}, body: null, withinMs: 1_000, mostBytes: 100, route };
  const outcome: unknown = await client.request(request).catch((error: unknown) => error);
  expect(outcome).toMatchObject(expected);
});

async function startServer(status: number): Promise<string> {
  const server = createServer((_, res) => res.writeHead(status).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
