import { describe, expect, it, vi } from 'vitest';
import type { DeliveryView } from '../../src/notifications/delivery-view.ts';
import { apiKey, startTestServer } from './http-harness.ts';

const credential = { 'x-api-key': apiKey };
const counts = { pending: 0, sending: 0, delivered: 1, held: 0, dead: 0, cancelled: 0 };

const delivery: DeliveryView = {
  id: 'd1',
  notificationId: 'n1',
  conversationId: 'c1',
  status: 'dead',
  reason: 'rejected',
  reasonText: 'The parent refused the activity (400).',
  nextAttemptAt: null,
  createdAt: '2026-01-02T03:04:05.000Z',
  expiresAt: '2026-01-02T04:04:05.000Z',
  settledAt: '2026-01-02T03:04:06.000Z',
  attempts: [],
};

describe('every route of operators', () => {
  const routes: readonly (readonly [string, string])[] = [
    ['GET', '/api/deliveries'],
    ['HEAD', '/api/deliveries'],
    ['GET', '/api/deliveries/d1'],
    ['POST', '/api/deliveries/d1/retry'],
    ['POST', '/api/deliveries/retry'],
    ['POST', '/api/deliveries/purge'],
    ['GET', '/api/status'],
  ];

  it.each(routes)('%s %s wants an API key, before anything else', async (method, path) => {
    const touched = vi.fn();
    const touch = async (): Promise<never> => touched() as never;
    const server = await startTestServer({
      notifications: { findDelivery: touch, listDeliveries: touch, retry: touch, purge: touch, status: touch },
    });
    for (const key of ['', 'x'.repeat(34)]) {
      const headers = { 'x-api-key': key };
      const body = method === 'POST' ? '{"status":' : null;
      const answer = await server.get(path, { method, headers, body });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
    expect(touched).not.toHaveBeenCalled();
  });
});

describe('GET /api/deliveries', () => {
  it.each([
    ['', {}, { limit: 50, cursor: undefined }],
    ['?status=dead', { status: 'dead' }, { limit: 50, cursor: undefined }],
    ['?status=held&reason=forbidden', { status: 'held', reason: 'forbidden' }, { limit: 50, cursor: undefined }],
    [
      '?notificationId=n1&conversationId=c1&limit=2&cursor=17',
      { notificationId: 'n1', conversationId: 'c1' },
      { limit: 2, cursor: '17' },
    ],
    ['?id=d1&colour=red', {}, { limit: 50, cursor: undefined }],
  ])('asks for %j', async (query, filter, page) => {
    const listDeliveries = vi.fn(async () => ({ items: [delivery], nextCursor: '16' }));
    const server = await startTestServer({ notifications: { listDeliveries } });
    const answer = await server.get(`/api/deliveries${query}`, { headers: credential });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ items: [delivery], nextCursor: '16' });
    expect(listDeliveries).toHaveBeenCalledExactlyOnceWith(filter, page);
  });

  it.each([
    ['status', '?status=lost'],
    ['status', '?status='],
    ['status', '?status=dead,held'],
    ['reason', '?reason='],
    ['notificationId', `?notificationId=${'x'.repeat(65)}`],
    ['conversationId', `?conversationId=${'x'.repeat(65)}`],
    ['limit', '?limit=0'],
    ['limit', '?limit=201'],
    ['cursor', '?cursor='],
    ['cursor', '?cursor=abc'],
    ['cursor', '?cursor=-1'],
    ['cursor', `?cursor=${'1'.repeat(16)}`],
  ])('refuses the %s of %j', async (path, query) => {
    const server = await startTestServer();
    const answer = await server.get(`/api/deliveries${query}`, { headers: credential });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'malformed_request', errors: [{ path }] });
  });
});

describe('GET /api/deliveries/{id}', () => {
  it('gives the delivery or 404', async () => {
    const findDelivery = vi.fn(async (id: string) => (id === 'd/1' ? delivery : undefined));
    const server = await startTestServer({ notifications: { findDelivery } });
    const found = await server.get('/api/deliveries/d%2F1', { headers: credential });
    expect(found.status).toBe(200);
    expect(await found.json()).toEqual(delivery);
    const missing = await server.get('/api/deliveries/d2', { headers: credential });
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ code: 'not_found' });
  });
});

describe('POST /api/deliveries/{id}/retry', () => {
  it('gives the delivery as it is afterwards', async () => {
    const retry = vi.fn(async () => 1);
    const pending: DeliveryView = { ...delivery, status: 'pending', reason: null, reasonText: null };
    const server = await startTestServer({ notifications: { retry, findDelivery: async () => pending } });
    const answer = await server.get('/api/deliveries/d1/retry', { method: 'POST', headers: credential });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual(pending);
    expect(retry).toHaveBeenCalledExactlyOnceWith({ id: 'd1' });
  });

  it('is 404 for a delivery that there is not', async () => {
    const server = await startTestServer();
    const answer = await server.post('/api/deliveries/d2/retry', {}, credential);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'not_found' });
  });

  it.each(['pending', 'sending', 'delivered', 'cancelled'] as const)('is 409 for one that is %s', async (status) => {
    const findDelivery = async () => ({ ...delivery, status });
    const server = await startTestServer({ notifications: { retry: async () => 0, findDelivery } });
    const answer = await server.post('/api/deliveries/d1/retry', {}, credential);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'not_retryable', detail: expect.stringContaining(status) });
  });
});

describe.each([
  { route: 'retry', done: 'retried', states: ['dead', 'held'], refused: ['pending', 'delivered', 'cancelled'] },
  { route: 'purge', done: 'purged', states: ['dead', 'cancelled'], refused: ['pending', 'delivered', 'held'] },
] as const)('POST /api/deliveries/$route', ({ route, done, states, refused }) => {
  const path = `/api/deliveries/${route}`;

  it.each(states)('takes what is %s, and says how many', async (status) => {
    const act = vi.fn(async () => 3);
    const server = await startTestServer({ notifications: { [route]: act } });
    const filter = { status, reason: 'rejected', notificationId: 'n1', conversationId: 'c1' };
    const answer = await server.post(path, filter, credential);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ [done]: 3 });
    await server.post(path, { status }, credential);
    expect(act.mock.calls).toEqual([[filter], [{ status }]]);
  });

  it.each<[string, unknown, string]>([
    ['no state', {}, 'status'],
    ['no state, but a reason', { reason: 'rejected' }, 'status'],
    ['another state', { status: refused[0] }, 'status'],
    ['a settled state', { status: refused[1] }, 'status'],
    ['a state of another route', { status: refused[2] }, 'status'],
    ['several states', { status: [...states] }, 'status'],
    ['an empty reason', { status: 'dead', reason: '' }, 'reason'],
    ['a reason that is no text', { status: 'dead', reason: null }, 'reason'],
    ['a long id', { status: 'dead', notificationId: 'x'.repeat(65) }, 'notificationId'],
    ['a field that is none', { status: 'dead', colour: 'red' }, 'colour'],
    ['the id, which has a route of its own', { status: 'dead', id: 'd1' }, 'id'],
  ])('refuses %s by its path', async (_, filter, fault) => {
    const act = vi.fn(async () => 0);
    const server = await startTestServer({ notifications: { [route]: act } });
    const answer = await server.post(path, filter, credential);
    expect(answer.status).toBe(422);
    const problem = await answer.json();
    expect(problem).toMatchObject({ code: 'invalid_filter', errors: [{ path: fault }] });
    expect(problem).toMatchObject({ detail: expect.stringContaining(fault) });
    expect(act).not.toHaveBeenCalled();
  });

  it.each<[string, number, string, Record<string, string>]>([
    ['what is not called JSON', 415, '{"status":"dead"}', { 'content-type': 'text/plain' }],
    ['more than 4 KB', 413, '{"status":"dead"}'.padEnd(4 * 1024 + 1), {}],
    ['no JSON', 400, '{"status":', {}],
    ['no object', 400, '["dead"]', {}],
  ])('refuses %s with %i', async (_, status, body, headers) => {
    const act = vi.fn(async () => 0);
    const server = await startTestServer({ notifications: { [route]: act } });
    expect((await server.post(path, body, { ...credential, ...headers })).status).toBe(status);
    expect(act).not.toHaveBeenCalled();
  });
});

describe('GET /api/status', () => {
  it('tells how many deliveries are where, and which parents are left alone', async () => {
    const openedAt = Date.parse('2026-01-02T03:04:05.678Z');
    const trouble = { cause: 'unauthorized', words: 'The parent refused our token (401).', openedAt } as const;
    const parents = [{ parent: 'agent.example:8443 app-id', ...trouble, probeAt: openedAt + 15_000 }];
    const status = { deliveries: counts, waiting: 3, oldestPendingAt: openedAt - 1, parents };
    const server = await startTestServer({ notifications: { status: async () => status } });
    const answer = await server.get('/api/status', { headers: credential });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      deliveries: counts,
      waiting: 3,
      oldestPendingAt: '2026-01-02T03:04:05.677Z',
      parents: [
        {
          host: 'agent.example:8443',
          audience: 'app-id',
          cause: 'unauthorized',
          detail: 'The parent refused our token (401).',
          since: '2026-01-02T03:04:05.678Z',
          nextTryAt: '2026-01-02T03:04:20.678Z',
        },
      ],
    });
  });
});
