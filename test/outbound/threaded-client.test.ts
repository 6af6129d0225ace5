// What a thread of its own adds to a request: its beginning, its end, and its failure.

import type { ServerResponse } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { startHttpThread } from '../../src/outbound/threaded-client.ts';
import { startTestThread, threadFile } from './clients.ts';
import { requestTo, startServer } from './servers.ts';

it('many requests at once each get their own answer', async () => {
  const { url } = await startServer((path, res) => res.end(path));
  const client = startTestThread();
  onTestFinished(() => client.close());
  const paths = Array.from({ length: 300 }, (_, index) => `/${index}`);
  const answers = await Promise.all(paths.map((path) => client.request(requestTo(url + path))));
  expect(answers.map(({ body }) => body)).toEqual(paths);
});

it.each(['direct', 'platform'] as const)(
  'what is in flight by the route %s at the end gets its answer, what comes after is refused',
  async (route) => {
    const held: ServerResponse[] = [];
    const { url, asked } = await startServer((_, res) => void held.push(res));
    const client = startTestThread();
    const inFlight = client.request({ ...requestTo(url), route });
    await asked;
    const closed = client.close();
    await expect(client.request(requestTo(url))).rejects.toMatchObject({ errorClass: 'reset' });
    for (const res of held) res.end('late');
    expect(await inFlight).toMatchObject({ status: 200, body: 'late' });
    await closed;
    // Again, as a process that is told twice to stop does.
    await client.close();
  },
);

it('a request by the route platform goes over the dispatcher that the thread has', async () => {
  const { url } = await startServer((_, res) => res.end());
  const proxy = await startServer((_, res) => res.writeHead(502).end());
  const code = `
    import { ProxyAgent, setGlobalDispatcher } from ${JSON.stringify(import.meta.resolve('undici'))};
    setGlobalDispatcher(new ProxyAgent({ uri: ${JSON.stringify(proxy.url)}, proxyTunnel: false }));
    await import(${JSON.stringify(threadFile.href)});`;
  const client = startHttpThread({ file: asFile(code), onFailure: fail });
  onTestFinished(() => client.close());
  const answers = (['direct', 'platform'] as const).map((route) => client.request({ ...requestTo(url), route }));
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 502]);
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
  const client = startHttpThread({ file: asFile(code), onFailure: (error) => void failures.push(error) });
  await expect(client.request(requestTo('http://127.0.0.1:1'))).rejects.toMatchObject({ errorClass: 'reset' });
  await client.close();
  await expect(client.request(requestTo('http://127.0.0.1:1'))).rejects.toMatchObject({ errorClass: 'reset' });
  expect(failures).toMatchObject([failure]);
});

function asFile(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

function fail(error: Error): never {
  throw error;
}
