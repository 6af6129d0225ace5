import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { setTimeouts } from '../../src/http/timeouts.ts';

const ms = { headersMs: 150, requestMs: 300, idleMs: 65_000 };

async function startServer(timeouts?: typeof ms): Promise<Server> {
  const server = createServer((req, res) => {
    req.resume().once('end', () => res.end());
  });
  setTimeouts(server, timeouts);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return server;
}

it.each([
  ['says nothing', ''],
  ['never ends its head', 'POST / HTTP/1.1\r\nHost: localhost\r\nX-Slow:'],
  ['never ends its body', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{'],
  ['never ends its chunks', 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n'],
])('a client that %s gets 408 soon after its time', async (_, sent) => {
  const server = await startServer(ms);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const before = performance.now();
  socket.write(sent);
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
  expect(performance.now() - before).toBeGreaterThanOrEqual(ms.headersMs);
});

it('a head has 15 s and a request 30 s, looked at every second', async () => {
  const server = await startServer();
  expect(server).toMatchObject({
    headersTimeout: 15_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: 1_000,
  });
});
