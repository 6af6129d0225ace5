// Each check of a request's credential alone, with its words.

import { describe, expect, it } from 'vitest';
import type { Sender } from '../../src/keys/api-key.ts';
import { apiKey, secondApiKey, startTestServer } from './http-harness.ts';

const holding = (sender: Sender | undefined) => ({
  keys: { find: async () => sender, isEmpty: async () => false } as never,
});

describe('the words name what is wrong with a credential', () => {
  const send = 'Send an API key as Authorization: Bearer <key> or as X-API-Key: <key>.';
  const form = 'Authorization must have the form: Bearer <API key>.';
  it.each<[string, Record<string, string>]>([
    [send, {}],
    [send, { 'x-api-key': '' }],
    [form, { authorization: 'Basic x' }],
    [form, { authorization: 'Bearer', 'x-api-key': apiKey }],
    ['The API key is not known.', { 'x-api-key': 'x'.repeat(34) }],
    [
      'Authorization and X-API-Key hold different keys; send one of them.',
      { authorization: `Bearer ${apiKey}`, 'x-api-key': secondApiKey },
    ],
  ])('%s', async (detail, headers) => {
    const server = await startTestServer();
    const answer = await server.get('/api/status', { headers });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'credential_required', detail });
  });
});

it('a service without any key says so before it looks at one', async () => {
  const server = await startTestServer({}, { withoutKeys: true });
  const answer = await server.get('/api/status', { headers: { 'x-api-key': apiKey } });
  expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'not_configured' }]);
});

it('a key that is good for something else is not good for this', async () => {
  const server = await startTestServer(holding({ name: 'n', scopes: ['notify:send', 'notify:read'] }));
  const answer = await server.get('/api/status', { headers: { 'x-api-key': 'x' } });
  expect(answer.status).toBe(403);
  expect(await answer.json()).toMatchObject({ code: 'scope_missing', detail: 'The API key lacks the scope operate.' });
});

describe('what is counted', () => {
  it('is every request of a sender, also one for which it lacks the scope', async () => {
    const server = await startTestServer(holding({ name: 'n', scopes: [] }), { senderRate: 1 });
    const statuses: number[] = [];
    for (let count = 0; count < 2; count += 1) {
      statuses.push((await server.get('/api/status', { headers: { 'x-api-key': 'x' } })).status);
    }
    expect(statuses).toEqual([403, 429]);
  });

  it('is every request without a good credential', async () => {
    const server = await startTestServer(holding(undefined), { failureRate: 2 });
    const statuses: number[] = [];
    const requests: Record<string, string>[] = [{}, { 'x-api-key': 'x' }, { authorization: 'Basic x' }];
    for (const headers of requests) {
      statuses.push((await server.get('/api/status', { headers })).status);
    }
    expect(statuses).toEqual([401, 401, 429]);
  });
});
