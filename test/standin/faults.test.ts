import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../standin/types.ts';
import { type CallbackBench, findFailure, findFailureOfBody, startCallbackBench } from './callback-bench.ts';

let bench: CallbackBench;

beforeEach(async () => {
  bench = await startCallbackBench();
});

afterEach(async () => {
  await bench.stop();
});

/** Everything that comes back over the connection, byte for byte. */
async function sendRaw(): Promise<string> {
  const { hostname, port, pathname } = new URL(bench.standIn.agent.serviceUrl);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
  const head = [
    `POST ${pathname}v3/conversations/${encodeURIComponent(bench.conversation.id)}/activities HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${bench.token}`,
    'Content-Length: 18',
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n{"type":"message"}`);
  await once(socket, 'end');
  return received;
}

describe('an answer', () => {
  it.each([200, 202, 301, 308, 400, 403, 404, 409, 410, 413, 429, 500, 503, 599])('with status %d', async (status) => {
    const headers = { Location: 'https://elsewhere.example/', 'Retry-After': '7', 'Content-Type': 'text/html' };
    bench.standIn.faults.set({ fault: { kind: 'answer', status, headers, body: '<h1>No</h1>' } });
    const response = await bench.send('a');
    expect([response.status, await response.text()]).toEqual([status, '<h1>No</h1>']);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      location: 'https://elsewhere.example/',
      'retry-after': '7',
      'content-type': 'text/html',
    });
    expect(bench.standIn.wire.at(-1)).toMatchObject({ status, reason: `fault set on purpose: ${status}` });
    expect(bench.listTaken()).toEqual([]);
  });

  it.each([204, 304])('with status %d has no body, whatever was asked for', async (status) => {
    bench.standIn.faults.set({ fault: { kind: 'answer', status, body: 'nothing of this' } });
    expect(await sendRaw()).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*\r\n\r\n$`));
    expect((await bench.send('a')).status).toBe(status);
  });
});

describe('without an answer', () => {
  it('a callback hangs until the client gives up, and others do not', async () => {
    bench.standIn.faults.set({ fault: { kind: 'hang' }, times: 1 });
    const giveUp = new AbortController();
    const recorded = bench.nextRecord();
    const hanging = findFailure(bench.send('a', { signal: giveUp.signal }));
    expect(await recorded).toMatchObject({ status: 0, reason: 'fault set on purpose: hang' });
    expect((await bench.send('b')).status).toBe(200);
    giveUp.abort();
    expect(await hanging).toBe('AbortError');
    expect(bench.listTaken()).toEqual(['b']);
  });

  it.each([
    ['reset', 'ECONNRESET'],
    ['close', 'UND_ERR_SOCKET'],
  ] as const)('a callback ends in a %s', async (kind, code) => {
    bench.standIn.faults.set({ fault: { kind }, times: 1 });
    expect(await findFailure(bench.send('a'))).toBe(code);
    expect(bench.standIn.wire.at(-1)).toMatchObject({ status: 0, reason: `fault set on purpose: ${kind}` });
    expect((await bench.send('b')).status).toBe(200);
    expect(bench.listTaken()).toEqual(['b']);
  });
});

describe('a body', () => {
  it('drips to its end', async () => {
    bench.standIn.faults.set({ fault: { kind: 'drip', everyMs: 1, bytes: 4 } });
    const response = await bench.send('a');
    expect([response.status, await response.text()]).toEqual([200, 'xxxx']);
    expect(bench.standIn.wire.at(-1)).toMatchObject({ status: 200, reason: 'fault set on purpose: drip' });
  });

  it('drips for ever, byte for byte', async () => {
    bench.standIn.faults.set({ fault: { kind: 'drip', everyMs: 1 } });
    const response = await bench.send('a');
    const reader = response.body?.getReader();
    let received = '';
    for (let part = await reader?.read(); received.length < 20 && part?.value; part = await reader?.read()) {
      received += Buffer.from(part.value).toString();
    }
    expect(received).toMatch(/^x{20,}$/);
    await reader?.cancel();
  });

  it('drips after a head that comes at once', async () => {
    bench.standIn.faults.set({ fault: { kind: 'drip', everyMs: 3_600_000 } });
    const response = await bench.send('a');
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  it.each([0, 1, 100_000])('is cut after %d bytes', async (sendBytes) => {
    bench.standIn.faults.set({ fault: { kind: 'cut', sendBytes } });
    const response = await bench.send('a');
    expect([response.status, response.headers.get('content-length')]).toEqual([200, String(sendBytes + 1)]);
    expect(await findFailure(response.text())).toBe('UND_ERR_SOCKET');
    expect((await sendRaw()).split('\r\n\r\n')[1]).toHaveLength(sendBytes);
    expect(bench.standIn.wire.at(-1)).toMatchObject({ status: 200, reason: 'fault set on purpose: cut' });
  });

  it.each([0, 1, 5_000_001])('is %d bytes large', async (bytes) => {
    bench.standIn.faults.set({ fault: { kind: 'huge', bytes } });
    const response = await bench.send('a');
    expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, bytes]);
  });

  it('without an end leaves time for other callbacks', async () => {
    bench.standIn.faults.set({ fault: { kind: 'huge', bytes: Infinity }, times: 1 });
    const response = await bench.send('a');
    expect(await bench.sendAll('bc')).toEqual([200, 200]);
    await response.body?.cancel();
  });
});

describe('a delay', () => {
  it('lets the activity in at once and answers later', async () => {
    bench.standIn.faults.set({ fault: { kind: 'delay', ms: 100 }, times: 1 });
    const startedAt = performance.now();
    const recorded = bench.nextRecord();
    const answer = bench.send('a').then((response) => [response.status, performance.now() - startedAt >= 99]);
    expect(await recorded).toMatchObject({
      status: 200,
      reason: 'fault set on purpose: delay; the activity was taken',
    });
    expect((await bench.send('b')).status).toBe(200);
    expect(bench.listTaken()).toEqual(['a', 'b']);
    expect(await answer).toEqual([200, true]);
  });

  it('delays a refusal as well', async () => {
    await bench.conversation.cancel({ tellSkill: false });
    bench.standIn.faults.set({ fault: { kind: 'delay', ms: 1 } });
    const response = await bench.send('a');
    expect([response.status, await response.text()]).toEqual([404, expect.stringContaining('is over')]);
    expect(bench.standIn.wire.at(-1)?.reason).toBe(
      'fault set on purpose: delay; no action is open any more (last one: cancelled)',
    );
  });
});

describe('after', () => {
  const faults: Fault[] = [
    { kind: 'answer', status: 503 },
    { kind: 'hang' },
    { kind: 'reset' },
    { kind: 'close' },
    { kind: 'drip', everyMs: 1, bytes: 1 },
    { kind: 'cut', sendBytes: 1 },
    { kind: 'huge', bytes: 1 },
  ];

  it.each(faults)('the activity is in, before $kind', async (fault) => {
    bench.standIn.faults.set({ fault, after: true, times: 1 });
    const taken = bench.conversation.until(() => bench.listTaken().length === 1);
    const giveUp = new AbortController();
    const answer = findFailureOfBody(bench.send('a', { signal: giveUp.signal }));
    await taken;
    if (fault.kind === 'hang') giveUp.abort();
    await answer;
    expect(bench.standIn.wire.at(-1)?.reason).toMatch(/^fault set on purpose: \w+; the activity was taken$/);
    expect((await bench.send('b')).status).toBe(200);
    expect(bench.listTaken()).toEqual(['a', 'b']);
  });

  it.each(faults)('is not meant by default: $kind takes nothing', async (fault) => {
    bench.standIn.faults.set({ fault, times: 1 });
    const giveUp = new AbortController();
    const recorded = bench.nextRecord();
    const answer = findFailureOfBody(bench.send('a', { signal: giveUp.signal }));
    await recorded;
    if (fault.kind === 'hang') giveUp.abort();
    await answer;
    expect(bench.listTaken()).toEqual([]);
  });

  it('a refusal stays one, and is told by the record only', async () => {
    await bench.conversation.cancel({ tellSkill: false });
    bench.standIn.faults.set({ fault: { kind: 'answer', status: 200 }, after: true });
    expect((await bench.send('a')).status).toBe(200);
    expect(bench.standIn.wire.at(-1)?.reason).toContain('200; no action is open any more');
    expect(bench.listTaken()).toEqual([]);
  });
});
