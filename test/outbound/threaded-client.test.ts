// What a thread of its own adds to a request: its beginning, its end, and its failure.

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { HttpRequest } from '../../src/outbound/http-client.ts';
import { startHttpThread } from '../../src/outbound/threaded-client.ts';
import { startTestThread } from './clients.ts';

it('many requests at once each get their own answer', async () => {
  const { url } = await startServer((path, res) => res.end(path));
  const client = startTestThread();
  onTestFinished(() => client.close());
  const paths = Array.from({ length: 300 }, (_, index) => `/${index}`);
  const answers = await Promise.all(paths.map((path) => client.request(requestTo(url + path))));
  expect(answers.map(({ body }) => body)).toEqual(paths);
});

it('what is in flight at the end gets its answer, what comes after is refused', async () => {
  const held: ServerResponse[] = [];
  const { url, asked } = await startServer((_, res) => void held.push(res));
  const client = startTestThread();
  const inFlight = client.request(requestTo(url));
  await asked;
  const closed = client.close();
  await expect(client.request(requestTo(url))).rejects.toMatchObject({ errorClass: 'reset' });
  for (const res of held) res.end('late');
  expect(await inFlight).toMatchObject({ status: 200, body: 'late' });
  await closed;
  // Again, as a process that is told twice to stop does.
  await client.close();
});

it('a request that is asked for just before the end is made', async () => {
  const { url } = await startServer((_, res) => res.end('made'));
  const client = startTestThread();
  const asked = client.request(requestTo(url));
  await client.close();
  expect(await asked).toMatchObject({ body: 'made' });
});

it.each([
  ['throws', 'throw new Error("broken")', { cause: { message: 'broken' } }],
  [
    'throws at a request',
    'import("node:worker_threads").then(({ parentPort }) => parentPort.on("message", () => { throw new Error("broken") }))',
    { cause: { message: 'broken' } },
  ],
  ['ends', '', { cause: undefined }],
])('a thread that %s rejects what is in flight, and says so once', async (_, code, failure) => {
  const failures: Error[] = [];
  const file = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const client = startHttpThread({ file, onFailure: (error) => void failures.push(error) });
  await expect(client.request(requestTo('http://127.0.0.1:1'))).rejects.toMatchObject({ errorClass: 'reset' });
  await client.close();
  await expect(client.request(requestTo('http://127.0.0.1:1'))).rejects.toMatchObject({ errorClass: 'reset' });
  expect(failures).toMatchObject([failure]);
});

function requestTo(url: string): HttpRequest {
  return { method: 'GET', url, headers: {}, body: null, withinMs: 5_000, mostBytes: 1_000, route: 'direct' };
}

async function startServer(answer: (path: string, res: ServerResponse) => void) {
  const server = createServer((req, res) => answer(req.url ?? '', res)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: once(server, 'request') };
}
