import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { apiKey, secondApiKey, startTestServer } from './http-harness.ts';

const notification = { subject: 'order/42', text: 'shipped' };
const credential = { authorization: `Bearer ${apiKey}` };
const expiresAt = Date.parse('2026-02-03T04:05:06Z');
const accepted = { id: 'n/1', status: 'pending', recipients: 3, expiresAt, replayed: false } as const;

describe('POST /api/notify', () => {
  it('accepts a notification for the sender the key belongs to', async () => {
    const accept = vi.fn(async () => accepted);
    const server = await startTestServer({ notifications: { accept } });
    const answer = await server.post('/api/notify', notification, credential);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toEqual({
      id: 'n/1',
      status: 'pending',
      recipients: 3,
      statusUrl: 'https://notify.example/api/notifications/n%2F1',
      expiresAt: '2026-02-03T04:05:06.000Z',
    });
    // The harness' clock stands at 2026-01-02T03:04:05Z and a notification lives for an hour there.
    expect(accept).toHaveBeenCalledExactlyOnceWith(
      'first',
      expect.objectContaining({ to: { subject: 'order/42' }, expiresAt: Date.parse('2026-01-02T04:04:05Z') }),
      undefined,
    );
    expect(server.log).toContainEqual(expect.objectContaining({ msg: 'request', sender: 'first', status: 202 }));
  });

  it('names the faults of a notification by their path', async () => {
    const server = await startTestServer();
    const answer = await server.post('/api/notify', { ...notification, subject: 7 }, credential);
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ code: 'invalid_notification', errors: [{ path: 'subject' }] });
  });

  it('passes a refusal on', async () => {
    const server = await startTestServer({
      notifications: { accept: () => Promise.reject(new AppError('not_found', 'No such conversation.')) },
    });
    expect((await server.post('/api/notify', notification, credential)).status).toBe(404);
  });

  it('looks at the credential before content type and body', async () => {
    const server = await startTestServer();
    const answer = await server.post('/api/notify', '{', { 'content-type': 'text/plain' });
    expect(answer.status).toBe(401);
  });
});

describe('GET /api/notifications/{id}', () => {
  it('gives the notification or 404', async () => {
    const server = await startTestServer();
    const found = await server.get('/api/notifications/n1', { headers: credential });
    expect(found.status).toBe(200);
    expect(await found.json()).toMatchObject({ id: 'n1', status: 'waiting' });
    const missing = await server.get('/api/notifications/n2', { headers: credential });
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ code: 'not_found' });
  });
});

describe('GET /api/notifications', () => {
  it('gives the page that is asked for', async () => {
    const list = vi.fn(async () => ({ items: [], nextCursor: 'n7' }));
    const server = await startTestServer({ notifications: { list } });
    const answer = await server.get('/api/notifications?limit=2&cursor=n9', { headers: credential });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ items: [], nextCursor: 'n7' });
    expect(list).toHaveBeenCalledExactlyOnceWith({ limit: 2, cursor: 'n9' }, undefined);
    const refused = await server.get('/api/notifications?limit=many', { headers: credential });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ errors: [{ path: 'limit' }] });
  });
});

describe('POST /api/notifications/{id}/cancel', () => {
  it('gives the notification or 404', async () => {
    const server = await startTestServer();
    const found = await server.get('/api/notifications/n1/cancel', { method: 'POST', headers: credential });
    expect(found.status).toBe(200);
    expect(await found.json()).toMatchObject({ id: 'n1' });
    const missing = await server.post('/api/notifications/n2/cancel', {}, credential);
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ code: 'not_found' });
  });
});

describe('GET /api/conversations', () => {
  it.each([
    ['', { limit: 50, cursor: undefined }],
    ['?limit=1', { limit: 1, cursor: undefined }],
    ['?limit=200&cursor=abc%2B', { limit: 200, cursor: 'abc+' }],
  ])('asks for the page of %j', async (query, page) => {
    const listConversations = vi.fn(async () => ({ items: [{ id: 'c1' }], nextCursor: 'next' }));
    const server = await startTestServer({ listConversations });
    const answer = await server.get(`/api/conversations${query}`, { headers: credential });
    expect(await answer.json()).toEqual({ items: [{ id: 'c1' }], nextCursor: 'next' });
    expect(listConversations).toHaveBeenCalledExactlyOnceWith(page);
  });

  it.each([
    ['limit', '?limit=0'],
    ['limit', '?limit=201'],
    ['limit', '?limit=-1'],
    ['limit', '?limit=1e2'],
    ['limit', '?limit='],
    ['cursor', '?cursor='],
    ['cursor', `?cursor=${'x'.repeat(513)}`],
  ])('refuses the %s of %j', async (path, query) => {
    const server = await startTestServer();
    const answer = await server.get(`/api/conversations${query}`, { headers: credential });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ errors: [{ path }] });
  });
});

describe('GET /api/conversations/{id}', () => {
  it('shows the conversation, or answers 404', async () => {
    const server = await startTestServer();
    const found = await server.get('/api/conversations/c1', { headers: credential });
    expect([found.status, await found.json()]).toEqual([200, { id: 'c1' }]);
    const missing = await server.get('/api/conversations/c2', { headers: credential });
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ code: 'not_found' });
  });
});

describe('the credential of a sender', () => {
  const routes: readonly (readonly [string, string])[] = [
    ['POST', '/api/notify'],
    ['GET', '/api/notifications/n1'],
    ['HEAD', '/api/notifications/n1'],
    ['GET', '/api/notifications'],
    ['POST', '/api/notifications/n1/cancel'],
    ['GET', '/api/conversations'],
  ];

  it.each([
    ['a Bearer key', { authorization: `Bearer ${apiKey}` }, true],
    ['a lower-case scheme', { authorization: `bearer ${secondApiKey}` }, true],
    ['X-API-Key', { 'x-api-key': secondApiKey }, true],
    ['the same key twice', { authorization: `Bearer ${apiKey}`, 'x-api-key': apiKey }, true],
    ['two different keys', { authorization: `Bearer ${apiKey}`, 'x-api-key': secondApiKey }, false],
    ['no key', {}, false],
    ['an empty X-API-Key', { 'x-api-key': '' }, false],
    ['an empty Bearer', { authorization: 'Bearer ' }, false],
    ['another scheme', { authorization: `Basic ${btoa(`first:${apiKey}`)}` }, false],
    ['another scheme beside a good key', { authorization: 'Basic x', 'x-api-key': apiKey }, false],
    ['an unknown key', { 'x-api-key': 'x'.repeat(34) }, false],
    ['the name of a key', { 'x-api-key': 'first' }, false],
    ['name and secret', { 'x-api-key': `first:${apiKey}` }, false],
    ['a shortened key', { 'x-api-key': apiKey.slice(0, -1) }, false],
    ['a lengthened key', { 'x-api-key': `${apiKey}0` }, false],
    ['a key in other letters', { 'x-api-key': apiKey.toUpperCase() }, false],
    ['a key given twice', { 'x-api-key': `${apiKey}, ${apiKey}` }, false],
  ])('%s', async (_name, headers, isAccepted) => {
    const server = await startTestServer();
    for (const [method, path] of routes) {
      const answer =
        method === 'POST'
          ? await server.post(path, notification, headers)
          : await server.get(path, { method, headers });
      expect(answer.status === 401).toBe(!isAccepted);
      expect(answer.ok).toBe(isAccepted);
      expect(answer.headers.get('www-authenticate')).toBe(isAccepted ? null : 'Bearer');
    }
  });

  it('cannot be right while no key is configured: 503 names the setting', async () => {
    const server = await startTestServer({}, { withoutKeys: true });
    const answer = await server.post('/api/notify', notification, { 'x-api-key': '' });
    expect(answer.status).toBe(503);
    const problem = await answer.json();
    expect(problem).toMatchObject({ code: 'not_configured', detail: expect.stringContaining('NOTIFY_API_KEYS') });
    expect((await server.get('/api/conversations')).status).toBe(503);
    expect(server.log.filter((line) => line.level === 50)).toEqual([]);
  });
});
