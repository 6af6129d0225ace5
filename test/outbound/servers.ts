// A server that answers as a test says, and a request to it.

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { HttpRequest } from '../../src/outbound/http-client.ts';

export function requestTo(url: string): HttpRequest {
  return { method: 'GET', url, headers: {}, body: null, withinMs: 5_000, mostBytes: 1_000, route: 'direct' };
}

/** Stopped after the test. `asked`: resolves at the first request. */
export async function startServer(answer: (path: string, res: ServerResponse) => void) {
  const server = createServer((req, res) => answer(req.url ?? '', res)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: once(server, 'request') };
}
