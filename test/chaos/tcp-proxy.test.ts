import { once } from 'node:events';
import { Agent, createServer, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { type ProxyMode, startTcpProxy } from './tcp-proxy.ts';

type Answer = (res: ServerResponse, body: string) => unknown;

const answerAndClose: Answer = (res) => res.setHeader('connection', 'close').end('pong');
const answerLong: Answer = (res) => res.setHeader('connection', 'close').end('x'.repeat(30_000_000));
const silent: Answer = () => undefined;
/** In two chunks. */
const answerInParts: Answer = (res) => {
  res.setHeader('connection', 'close').write('x'.repeat(300));
  setTimeout(() => res.end('y'.repeat(200)), 5);
};
const plain = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nping';

/** Sends a request over bare TCP. `broken`: the code of the error, or `end` when the proxy has closed the connection. */
function askRaw(port: number) {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  const broken = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    socket.on('end', () => resolve('end'));
  });
  onTestFinished(() => void socket.destroy());
  socket.write(plain);
  return { socket, chunks, broken };
}

/** A target behind a proxy. `taken`: the requests that the target has read in full. */
async function startBench(mode: ProxyMode, answer: Answer = (res) => res.end('pong')) {
  const taken: string[] = [];
  const waiting: ((res: ServerResponse) => void)[] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.setEncoding('latin1').on('data', (part) => (body += part));
    req.on('end', () => {
      taken.push(body);
      for (const tell of waiting.splice(0)) tell(res);
      answer(res, body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } });
  proxy.set(mode);
  const agent = new Agent({ keepAlive: true });
  onTestFinished(async () => {
    agent.destroy();
    await proxy.stop();
    server.closeAllConnections();
    server.close();
  });
  const post = async (body: string): Promise<string> => {
    const [res] = await once(request(proxy.url, { method: 'POST', agent }).end(body), 'response');
    return text(res);
  };
  const ask = () => {
    // The target's side of the next request that it reads.
    const asked = new Promise<ServerResponse>((resolve) => void waiting.push(resolve));
    return { ...askRaw(proxy.port), asked };
  };
  return { proxy, taken, post, ask };
}

describe('pass', () => {
  it('carries requests and answers, one after the other on a connection', async () => {
    const { proxy, taken, post } = await startBench({ kind: 'pass' }, (res, body) => res.end(`got ${body}`));
    expect(await post('one')).toBe('got one');
    expect(await post('two')).toBe('got two');
    expect(taken).toEqual(['one', 'two']);
    expect(proxy.connections()).toBe(1);
  });

  it('carries more than fits into any buffer, both ways', async () => {
    const { post } = await startBench({ kind: 'pass' }, (res, body) => res.end(body));
    const large = 'x'.repeat(20_000_000);
    expect((await post(large)) === large).toBe(true);
  });

  it('lets the target wait for a client that does not read', async () => {
    const { ask } = await startBench({ kind: 'pass' }, answerLong);
    const { socket, asked } = ask();
    socket.pause();
    const res = await asked;
    await once(res.setTimeout(100), 'timeout');
    expect(res.writableFinished).toBe(false);
  });

  it('closes the connection of the client when the target closes', async () => {
    const { proxy, ask } = await startBench({ kind: 'pass' }, answerAndClose);
    expect(await ask().broken).toBe('end');
    await eventually('the connection is closed', () => proxy.connections() === 0);
  });

  it('tells the target that the client has gone', async () => {
    const { ask } = await startBench({ kind: 'pass' }, silent);
    const { socket, asked } = ask();
    const res = await asked;
    socket.resetAndDestroy();
    await once(res, 'close');
    expect(res.writableFinished).toBe(false);
  });

  it('resets the client when the target resets, or is not there', async () => {
    const { ask } = await startBench({ kind: 'pass' }, (res) => res.socket?.resetAndDestroy());
    expect(await ask().broken).toBe('ECONNRESET');
    const lonely = await startTcpProxy({ target: { host: '127.0.0.1', port: 1 } });
    onTestFinished(() => lonely.stop());
    expect(await askRaw(lonely.port).broken).toBe('ECONNRESET');
  });
});

it('latency: the answer comes whole, after a wait each way', async () => {
  const { post } = await startBench({ kind: 'latency', ms: 60 });
  const startedAt = performance.now();
  expect(await post('ping')).toBe('pong');
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(115);
});

const slowModes = [{ kind: 'latency', ms: 20 } as const, { kind: 'drip', everyMs: 1 } as const];
it.each(slowModes)('$kind: the end comes behind the last of several chunks', async (mode) => {
  const { post } = await startBench(mode, answerInParts);
  expect(await post('ping')).toBe('x'.repeat(300) + 'y'.repeat(200));
});

it('reset: the client gets an RST, the target nothing, on new connections and on those that have passed before', async () => {
  const { proxy, taken, post, ask } = await startBench({ kind: 'reset' });
  expect(await ask().broken).toBe('ECONNRESET');
  proxy.set({ kind: 'pass' });
  expect(await post('between')).toBe('pong');
  proxy.set({ kind: 'reset' });
  await expect(post('lost')).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(taken).toEqual(['between']);
});

it('blackHole: no answer and no end, also later; only new connections pass', async () => {
  const { proxy, taken, post, ask } = await startBench({ kind: 'blackHole' });
  const { socket, chunks } = ask();
  await once(socket.setTimeout(50), 'timeout');
  proxy.set({ kind: 'pass' });
  socket.write(plain);
  expect(await post('new')).toBe('pong');
  await once(socket.setTimeout(50), 'timeout');
  expect({ chunks, taken, open: proxy.connections() }).toEqual({ chunks: [], taken: ['new'], open: 2 });
  await once(socket.end().setTimeout(50), 'timeout');
});

it('blackHole: an answer that is on its way never comes', async () => {
  const { proxy, ask } = await startBench({ kind: 'pass' }, silent);
  const { socket, chunks, asked } = ask();
  const res = await asked;
  proxy.set({ kind: 'blackHole' });
  res.end('pong');
  await once(socket.setTimeout(50), 'timeout');
  expect(chunks).toEqual([]);
  await once(socket.end().setTimeout(50), 'timeout');
});

it.each([0, 1, 200, 550])('cut: the answer ends after %i bytes', async (afterBytes) => {
  const { taken, post, ask } = await startBench({ kind: 'cut', afterBytes }, answerInParts);
  const { chunks, broken } = ask();
  expect(await broken).toBe('end');
  expect(Buffer.concat(chunks)).toHaveLength(afterBytes);
  await expect(post('again')).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(taken).toEqual(['ping', 'again']);
});

it('cut: counts anew for each answer', async () => {
  const { post } = await startBench({ kind: 'cut', afterBytes: 300 }, (res, body) => res.end(body));
  for (let i = 0; i < 5; i += 1) expect(await post('short')).toBe('short');
  await expect(post('x'.repeat(500))).rejects.toMatchObject({ code: 'ECONNRESET' });
});

it('drip: the answer comes byte by byte, and the rest at once when the mode changes', async () => {
  const { proxy, ask } = await startBench({ kind: 'drip', everyMs: 1 }, (res) => res.end('x'.repeat(5_000)));
  const { socket, chunks } = ask();
  while (chunks.length < 50) await once(socket, 'data');
  // Two writes may still become one chunk when this process is slow.
  expect(Buffer.concat(chunks).length).toBeLessThan(100);
  proxy.set({ kind: 'pass' });
  while (!Buffer.concat(chunks).toString().endsWith('x'.repeat(5_000))) await once(socket, 'data');
  expect(chunks.length).toBeLessThan(200);
});

it('lateReset: the target has the request and gives its whole answer, the client gets only an RST', async () => {
  const { taken, ask } = await startBench({ kind: 'lateReset' }, answerLong);
  const { chunks, asked, broken } = ask();
  const [hadError] = await once((await asked).req.socket, 'close');
  expect(await broken).toBe('ECONNRESET');
  expect({ chunks, taken, hadError }).toEqual({ chunks: [], taken: ['ping'], hadError: false });
});

it('slowClose: the answer is whole long before the connection is closed', async () => {
  const { ask } = await startBench({ kind: 'slowClose', ms: 200 }, answerAndClose);
  const { socket, chunks, broken } = ask();
  while (!Buffer.concat(chunks).toString().includes('pong')) await once(socket, 'data');
  const wholeAt = performance.now();
  expect(await broken).toBe('end');
  expect(performance.now() - wholeAt).toBeGreaterThan(100);
});

const countTimers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('stop', () => {
  it('ends every connection and every timer at once, and may be asked for twice', async () => {
    const { proxy, taken, ask } = await startBench({ kind: 'latency', ms: 600_000 });
    const clients = Array.from({ length: 20 }, ask);
    await eventually('all wait', () => countTimers() >= 20);
    const waiting = countTimers();
    await proxy.stop();
    expect(await Promise.all(clients.map(({ broken }) => broken))).toHaveLength(20);
    expect(waiting - countTimers()).toBeGreaterThan(15);
    expect({ open: proxy.connections(), taken }).toEqual({ open: 0, taken: [] });
    await expect(proxy.stop()).resolves.toBeUndefined();
  });

  it('ends what is left of clients that have been broken off', async () => {
    const { proxy, ask } = await startBench({ kind: 'lateReset' }, (res) => res.write('begun'));
    const { asked, broken } = ask();
    await broken;
    const left = once(await asked, 'close');
    await proxy.stop();
    await expect(left).resolves.toEqual([]);
  });
});

it('every request ends while the mode changes all the time, and nothing stays open', async () => {
  const plainModes = (['pass', 'reset', 'lateReset', 'slowClose'] as const).map((kind) => ({ kind }));
  const modes = [...plainModes, { kind: 'latency', ms: 1 }, { kind: 'cut', afterBytes: 60 }] as const;
  const { proxy, taken, post } = await startBench({ kind: 'pass' }, (res, body) => res.end(body));
  const outcomes: string[] = [];
  const send = async (sender: number): Promise<void> => {
    for (let i = 0; i < 25; i += 1) {
      proxy.set(modes[(sender + i * 5) % modes.length] ?? { kind: 'pass' });
      outcomes.push(await post(`${sender}-${i}`).catch((error: NodeJS.ErrnoException) => error.code ?? error.message));
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, sender) => send(sender)));
  const failed = outcomes.filter((outcome) => outcome === 'ECONNRESET').length;
  expect(failed).toBeGreaterThan(0);
  expect(failed).toBeLessThan(200);
  expect(outcomes.filter((outcome) => taken.includes(outcome))).toHaveLength(200 - failed);
  await proxy.stop();
  expect(proxy.connections()).toBe(0);
});
