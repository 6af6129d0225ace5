import { describe, expect, it, vi } from 'vitest';
import { apiKey, startTestServer } from './http-harness.ts';

const notification = { subject: 'order/42', text: 'shipped' };
const credential = { authorization: `Bearer ${apiKey}` };
const expiresAt = Date.parse('2026-02-03T04:05:06Z');
const accepted = { id: 'n/1', status: 'pending', recipients: 3, expiresAt, replayed: false } as const;

describe('POST /api/notify with Prefer: wait', () => {
  const counts = { pending: 0, sending: 0, delivered: 3, held: 0, dead: 0, cancelled: 0 };
  const settled = {
    id: 'n/1',
    status: 'delivered',
    to: { subject: 'order/42' },
    acceptedAt: '2026-01-02T03:04:05.000Z',
    expiresAt: '2026-02-03T04:05:06.000Z',
    recipients: 3,
    counts,
    deliveries: [],
  } as const;

  it('is 200 with the counts once everything is settled', async () => {
    const settledWithin = vi.fn(async () => settled);
    const server = await startTestServer({ notifications: { accept: async () => accepted, settledWithin } });
    const answer = await server.post('/api/notify', notification, { ...credential, prefer: 'wait=10' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('preference-applied')).toBe('wait');
    expect(await answer.json()).toEqual({
      id: 'n/1',
      status: 'delivered',
      recipients: 3,
      statusUrl: 'https://notify.example/api/notifications/n%2F1',
      expiresAt: '2026-02-03T04:05:06.000Z',
      counts,
    });
    expect(settledWithin).toHaveBeenCalledExactlyOnceWith('n/1', 10_000);
  });

  it('is 202 at once for a broadcast that is still being spread', async () => {
    const settledWithin = vi.fn(async () => settled);
    const spreading = { ...accepted, recipients: null };
    const server = await startTestServer({ notifications: { accept: async () => spreading, settledWithin } });
    const answer = await server.post('/api/notify', notification, { ...credential, prefer: 'wait=10' });
    expect(answer.status).toBe(202);
    expect(settledWithin).not.toHaveBeenCalled();
  });

  it('is 200 for a repeat too', async () => {
    const server = await startTestServer({
      notifications: { findAnswer: async () => accepted, settledWithin: async () => settled },
    });
    const headers = { ...credential, prefer: 'wait=10', 'idempotency-key': 'k' };
    const answer = await server.post('/api/notify', notification, headers);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('idempotent-replayed')).toBe('true');
    expect(answer.headers.get('preference-applied')).toBe('wait');
  });

  it.each([
    ['wait=1', 1_000],
    ['wait=30', 30_000],
    ['wait=31', 30_000],
    ['wait=999999', 30_000],
    ['handling=lenient,wait=5;strict', 5_000],
    ['wait="5"', 5_000],
    ['note="a, wait=9", wait=5', 5_000],
    ['Wait = 5', 5_000],
    ['wait=5, wait=7', 5_000],
    ['handling=strict, wait=010', 10_000],
  ])('waits for %j, at most half a minute, and is then 202', async (prefer, ms) => {
    const settledWithin = vi.fn(async () => undefined);
    const server = await startTestServer({ notifications: { settledWithin } });
    const answer = await server.post('/api/notify', notification, { ...credential, prefer });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('preference-applied')).toBeNull();
    expect(settledWithin).toHaveBeenCalledExactlyOnceWith('n1', ms);
  });

  it.each([
    '',
    'respond-async',
    'wait',
    'wait=',
    'wait=0',
    'wait=-5',
    'wait=5.5',
    'wait=1e3',
    'wait=5s',
    'await=5',
    'wait=0, wait=5',
    'a="wait=5"',
    'a;wait=5',
    '"',
  ])('does not wait for %j', async (prefer) => {
    const settledWithin = vi.fn(async () => settled);
    const server = await startTestServer({ notifications: { settledWithin } });
    expect((await server.post('/api/notify', notification, { ...credential, prefer })).status).toBe(202);
    expect(settledWithin).not.toHaveBeenCalled();
  });
});
