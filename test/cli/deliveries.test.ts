import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cancelNotification, listDeliveries, purgeDeliveries, retryDeliveries } from '../../src/cli/deliveries.ts';

const key = 'the-key';

type Received = { readonly method: string | undefined; readonly url: string | undefined; readonly body: string };

/** A service that answers everything like this, and what it was asked. */
async function listen(status: number, answer: string): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      received.push({ method: request.method, url: request.url, body });
      response.writeHead(status).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

async function run(command: (write: (text: string) => void) => Promise<number>) {
  let out = '';
  const code = await command((text) => (out += text));
  return { code, out };
}

const attempt = { number: 1, status: 500, errorClass: null };
const dead = {
  id: 'AAAAAAAAAAAAAAAAAAAAAA',
  status: 'dead',
  reason: 'rejected',
  reasonText: 'The parent refused the activity (400).',
  nextAttemptAt: null,
  attempts: [attempt, { ...attempt, number: 2, status: 400 }],
};
const pending = {
  ...dead,
  id: 'BBBBBBBBBBBBBBBBBBBBBB',
  status: 'pending',
  reason: null,
  reasonText: null,
  nextAttemptAt: '2026-01-02T03:04:05.000Z',
  attempts: [{ ...attempt, status: null, errorClass: 'timeout' }],
};
const held = { ...dead, id: 'C', status: 'held', reason: 'not_reachable', reasonText: 'No action.', attempts: [] };

describe('deliveries', () => {
  it('are listed in columns', async () => {
    const { url } = await listen(200, JSON.stringify({ items: [dead, pending, held], nextCursor: null }));
    const { code, out } = await run((write) => listDeliveries({ url, key }, {}, write));
    expect(code).toBe(0);
    expect(out).toBe(
      [
        'id                      status   reason         attempts  last     next attempt              why',
        'AAAAAAAAAAAAAAAAAAAAAA  dead     rejected       2         400      -                         The parent refused the activity (400).',
        'BBBBBBBBBBBBBBBBBBBBBB  pending  -              1         timeout  2026-01-02T03:04:05.000Z  -',
        'C                       held     not_reachable  0         -        -                         No action.',
        '',
      ].join('\n'),
    );
  });

  it('are asked for by status and reason', async () => {
    const { url, received } = await listen(200, '{"items":[],"nextCursor":null}');
    const { code, out } = await run((write) => listDeliveries({ url, key }, { status: 'held', reason: 'a&b' }, write));
    expect({ code, out }).toEqual({ code: 0, out: 'There are none.\n' });
    await run((write) => listDeliveries({ url, key }, {}, write));
    expect(received.map((request) => request.url)).toEqual([
      '/api/deliveries?limit=200&status=held&reason=a%26b',
      '/api/deliveries?limit=200',
    ]);
  });

  it('say when there are more', async () => {
    const { url } = await listen(200, JSON.stringify({ items: [dead], nextCursor: '17' }));
    const { out } = await run((write) => listDeliveries({ url, key }, {}, write));
    expect(out.trimEnd().split('\n').at(-1)).toContain('Only the last 200');
  });

  it.each(['<h1>hello</h1>', '{"items":[{"id":7}]}', 'null'])('show what is no list as it came: %s', async (answer) => {
    const { url } = await listen(200, answer);
    expect(await run((write) => listDeliveries({ url, key }, {}, write))).toEqual({ code: 0, out: `${answer}\n` });
  });

  it('show a refusal', async () => {
    const { url } = await listen(400, '{"code":"malformed_request"}');
    const { code, out } = await run((write) => listDeliveries({ url, key }, { status: 'lost' }, write));
    expect(code).toBe(1);
    expect(out).toMatch(/^400 [\s\S]*malformed_request/);
  });
});

describe('retry', () => {
  it.each([
    ['one', 'a/b', {}, '/api/deliveries/a%2Fb/retry', {}],
    ['all of a status', undefined, { status: 'dead' }, '/api/deliveries/retry', { status: 'dead' }],
    [
      'all of a status and reason',
      undefined,
      { status: 'held', reason: 'forbidden' },
      '/api/deliveries/retry',
      { status: 'held', reason: 'forbidden' },
    ],
  ])('tries %s again', async (_, id, filter, path, body) => {
    const { url, received } = await listen(200, '{"retried":1}');
    const { code, out } = await run((write) => retryDeliveries({ url, key }, id, filter, write));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ retried: 1 });
    expect(received).toMatchObject([{ method: 'POST', url: path }]);
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(body);
  });

  it.each([
    ['nothing', undefined, {}],
    ['a reason without a status', undefined, { reason: 'rejected' }],
    ['an id and a status', 'd1', { status: 'dead' }],
    ['an id and a reason', 'd1', { reason: 'rejected' }],
  ])('refuses %s', async (_, id, filter) => {
    const { url, received } = await listen(200, '{}');
    const { code, out } = await run((write) => retryDeliveries({ url, key }, id, filter, write));
    expect(code).toBe(2);
    expect(out).toContain('--status dead or held');
    expect(received).toEqual([]);
  });

  it('shows a refusal', async () => {
    const { url } = await listen(409, '{"code":"not_retryable"}');
    const { code, out } = await run((write) => retryDeliveries({ url, key }, 'd1', {}, write));
    expect(code).toBe(1);
    expect(out).toMatch(/^409 [\s\S]*not_retryable/);
  });
});

describe('cancel', () => {
  it('takes a notification back', async () => {
    const { url, received } = await listen(200, '{"id":"n1","status":"cancelled"}');
    const { code, out } = await run((write) => cancelNotification({ url, key }, 'n1', write));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ id: 'n1', status: 'cancelled' });
    expect(received).toMatchObject([{ method: 'POST', url: '/api/notifications/n1/cancel' }]);
  });

  it('wants an id, and a key', async () => {
    const { url, received } = await listen(200, '{}');
    expect(await run((write) => cancelNotification({ url, key }, undefined, write))).toMatchObject({ code: 2 });
    expect(await run((write) => cancelNotification({ url, key: '' }, 'n1', write))).toMatchObject({ code: 2 });
    expect(received).toEqual([]);
  });
});

describe('purge', () => {
  it('forgets what the filter names', async () => {
    const { url, received } = await listen(200, '{"purged":3}');
    const { code, out } = await run((write) => purgeDeliveries({ url, key }, { status: 'dead' }, write));
    expect([code, JSON.parse(out)]).toEqual([0, { purged: 3 }]);
    expect(received).toEqual([{ method: 'POST', url: '/api/deliveries/purge', body: '{"status":"dead"}' }]);
  });

  it('asks for nothing without a state', async () => {
    const { url, received } = await listen(200, '{}');
    const { code, out } = await run((write) => purgeDeliveries({ url, key }, {}, write));
    expect(code).toBe(2);
    expect(out).toContain('--status');
    expect(received).toEqual([]);
  });
});
