// `Prefer: respond-async`: what a Logic App needs to wait for the end of a notification by polling, and nobody else gets.

import { describe, expect, it, vi } from 'vitest';
import { createSharedTestServer, apiKey, startTestServer } from './http-harness.ts';

const notification = { subject: 'order/42', text: 'shipped' };
const credential = { authorization: `Bearer ${apiKey}` };
const statusUrl = 'https://notify.example/api/notifications/n1';
const counts = { pending: 0, sending: 0, delivered: 1, held: 0, dead: 0, cancelled: 0 };
const view = {
  id: 'n1',
  status: 'delivered',
  to: { subject: 'order/42' },
  acceptedAt: '2026-01-02T03:04:05.000Z',
  expiresAt: '2026-02-03T04:05:06.000Z',
  recipients: 1,
  counts,
  deliveries: [],
} as const;

async function headersFor(prefer: string | undefined, server: Awaited<ReturnType<typeof startTestServer>>) {
  const headers = { ...credential, ...(prefer !== undefined && { prefer }) };
  const answer = await server.post('/api/notify', notification, headers);
  const body = (await answer.json()) as Record<string, unknown>;
  const [location, applied, retryAfter] = ['location', 'preference-applied', 'retry-after'].map((name) =>
    answer.headers.get(name),
  );
  return { status: answer.status, statusUrl: body['statusUrl'], location, applied, retryAfter };
}

describe('POST /api/notify', () => {
  it.each([
    'respond-async',
    'Respond-Async',
    'respond-async=""',
    'respond-async;a=b',
    'handling=strict, respond-async',
    'a="b, c",respond-async',
    'respond-async, wait=0',
  ])('with Prefer: %s tells where to poll', async (prefer) => {
    expect(await headersFor(prefer, await startTestServer())).toEqual({
      status: 202,
      statusUrl,
      location: `${statusUrl}?async=true`,
      applied: 'respond-async',
      retryAfter: '5',
    });
  });

  it.each([
    undefined,
    '',
    'wait=0',
    'respond-async=no',
    'respond',
    'a=respond-async',
    'a="x, respond-async"',
    'a;respond-async',
  ])('with Prefer: %s has no Location, which a Logic App would begin to poll', async (prefer) => {
    const nothing = { location: null, applied: null, retryAfter: null };
    expect(await headersFor(prefer, await startTestServer())).toEqual({ status: 202, statusUrl, ...nothing });
  });

  it.each(['respond-async, wait=10', 'wait=10, respond-async'])(
    'with Prefer: %s waits first, and is 200 without Location once everything is settled',
    async (prefer) => {
      const settledWithin = vi.fn(async () => view);
      const server = await startTestServer({ notifications: { settledWithin } });
      const nothing = { location: null, retryAfter: null };
      expect(await headersFor(prefer, server)).toEqual({ status: 200, statusUrl, applied: 'wait', ...nothing });
      expect(settledWithin).toHaveBeenCalledExactlyOnceWith('n1', 10_000);
    },
  );

  it('with both tells where to poll when the time has passed', async () => {
    const settledWithin = vi.fn(async () => undefined);
    const server = await startTestServer({ notifications: { settledWithin } });
    const answer = { status: 202, location: `${statusUrl}?async=true`, applied: 'respond-async' };
    expect(await headersFor('respond-async, wait=10', server)).toMatchObject(answer);
    expect(settledWithin).toHaveBeenCalledExactlyOnceWith('n1', 10_000);
  });

  it('tells it to nobody who could not look', async () => {
    const sender = { name: 'sends', scopes: ['notify:send'] };
    const server = await startTestServer({ keys: { find: async () => sender, isEmpty: async () => false } as never });
    expect(await headersFor('respond-async', server)).toMatchObject({ status: 202, location: null, applied: null });
  });

  it('tells it with a repeat too', async () => {
    const accepted = { id: 'n1', status: 'pending', recipients: 1, expiresAt: 0, replayed: false } as const;
    const server = await startTestServer({ notifications: { findAnswer: async () => accepted } });
    const headers = { ...credential, prefer: 'respond-async', 'idempotency-key': 'k' };
    const answer = await server.post('/api/notify', notification, headers);
    expect(answer.headers.get('idempotent-replayed')).toBe('true');
    expect(answer.headers.get('location')).toBe(`${statusUrl}?async=true`);
  });
});

describe('GET /api/notifications/{id}', () => {
  it.each([
    ['?async=true', false, 202],
    ['?async=true', true, 200],
    ['?async=false', false, 200],
    ['', false, 200],
    ['', true, 200],
  ])('%s, settled: %s, is answered with %i', async (query, isSettled, status) => {
    const settledWithin = vi.fn(async () => (isSettled ? view : undefined));
    const server = await createSharedTestServer({ notifications: { settledWithin } });
    const answer = await server.get(`/api/notifications/n1${query}`, { headers: credential });
    await server.stop();
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ id: 'n1', counts: expect.anything() });
    expect(answer.headers.get('retry-after')).toBe(status === 202 ? '5' : null);
    expect(answer.headers.get('location')).toBe(status === 202 ? `${statusUrl}?async=true` : null);
  });

  it('is 404 for an unknown one, polled or not', async () => {
    const server = await startTestServer();
    for (const query of ['', '?async=true']) {
      expect((await server.get(`/api/notifications/n2${query}`, { headers: credential })).status).toBe(404);
    }
  });

  it.each(['', '1', 'yes', 'TRUE'])('refuses async=%s', async (value) => {
    const server = await startTestServer();
    const answer = await server.get(`/api/notifications/n1?async=${value}`, { headers: credential });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'malformed_request', errors: [{ path: 'async' }] });
  });
});
