// Every route of senders and operators asks for a credential, and for its own scope: the table of them all.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Scope, type Sender, scopes } from '../../src/keys/api-key.ts';
import { createSharedTestServer, type TestServer } from './http-harness.ts';

const routes: readonly (readonly [method: string, path: string, scope: Scope])[] = [
  ['POST', '/api/notify', 'notify:send'],
  ['GET', '/api/notifications', 'notify:read'],
  ['GET', '/api/notifications/n1', 'notify:read'],
  ['POST', '/api/notifications/n1/cancel', 'notify:send'],
  ['GET', '/api/conversations', 'operate'],
  ['GET', '/api/conversations/c1', 'operate'],
  ['GET', '/api/deliveries', 'operate'],
  ['GET', '/api/deliveries/d1', 'operate'],
  ['POST', '/api/deliveries/d1/retry', 'operate'],
  ['POST', '/api/deliveries/retry', 'operate'],
  ['POST', '/api/deliveries/purge', 'operate'],
  ['GET', '/api/status', 'operate'],
  ['POST', '/api/backup', 'operate'],
  ['GET', '/api/keys', 'operate'],
  ['POST', '/api/keys', 'operate'],
  ['POST', '/api/keys/k1/rotate', 'operate'],
  ['DELETE', '/api/keys/k1', 'operate'],
  ['GET', '/api/webhooks', 'operate'],
  ['POST', '/api/webhooks', 'operate'],
  ['PATCH', '/api/webhooks/w1', 'operate'],
  ['POST', '/api/webhooks/w1/rotate', 'operate'],
  ['DELETE', '/api/webhooks/w1', 'operate'],
  ['GET', '/api/users/u1', 'operate'],
  ['DELETE', '/api/users/u1', 'operate'],
  ['DELETE', '/api/conversations/c1', 'operate'],
];

let server: TestServer;
let sender: Sender | undefined;

beforeAll(async () => {
  server = await createSharedTestServer({ keys: { find: async () => sender, isEmpty: async () => false } as never });
});
afterAll(() => server.stop());

const ask = (method: string, path: string, headers: Record<string, string>) =>
  server.get(path, { method, headers: { 'content-type': 'application/json', ...headers } });

describe.each(routes)('%s %s', (method, path, scope) => {
  it('without a credential: 401', async () => {
    sender = { name: 'all', scopes };
    const answer = await ask(method, path, {});
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'credential_required' });
  });

  it(`with every scope but ${scope}: 403`, async () => {
    sender = { name: 'most', scopes: scopes.filter((other) => other !== scope) };
    const answer = await ask(method, path, { 'x-api-key': 'x' });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      code: 'scope_missing',
      detail: `The API key lacks the scope ${scope}.`,
    });
  });
});
