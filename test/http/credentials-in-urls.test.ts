// A credential in a URL is in the log of every proxy on its way: refused, so that nobody gets used to it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiKey, createSharedTestServer, exchange, requestText, statusOf, type TestServer } from './http-harness.ts';

let server: TestServer;

beforeAll(async () => {
  server = await createSharedTestServer();
});
afterAll(() => server.stop());

const secret = 'hush-hush';
const credential = { authorization: `Bearer ${apiKey}` };
const routes = [
  ['POST', '/api/messages'],
  ['POST', '/api/notify'],
  ['GET', '/api/notifications'],
  ['GET', '/api/notifications/n1'],
  ['HEAD', '/api/status'],
  ['DELETE', '/api/keys/k1'],
  ['GET', '/api/nowhere'],
] as const;

async function ask(method: string, target: string): Promise<string> {
  const headers = ['Content-Type: application/json', `Authorization: Bearer ${apiKey}`, 'Content-Length: 2'];
  return exchange(server.port, requestText(`${method} ${target} HTTP/1.1`, headers, '{}'));
}

describe.each(routes)(
  '%s %s with a credential in its URL is refused with 400, with a good one in a header too',
  (...route) => {
    const [method, path] = route;

    it.each([
      'code',
      'key',
      'api_key',
      'apikey',
      'api-key',
      'apiKey',
      'X-API-Key',
      'subscription-key',
      'x-functions-key',
      'token',
      'access_token',
      'id_token',
      'sig',
      'signature',
      'Authorization',
      'auth',
      'bearer',
      'client_secret',
      'password',
    ])('%s', async (name) => {
      const answer = await ask(method, `${path}?${name}=${secret}`);
      expect(statusOf(answer)).toBe(400);
      expect(answer).toContain('application/problem+json');
      expect(answer).not.toContain(secret);
      expect(server.log.at(-1)).toMatchObject({ msg: 'request', status: 400, code: 'malformed_request' });
    });
  },
);

it('the answer says where a credential belongs', async () => {
  expect(await ask('POST', `/api/notify?code=${secret}`)).toMatch(
    /"code":"malformed_request","detail":"Send the credential in a header/,
  );
});

describe('a credential is seen', () => {
  it.each([
    ['with an empty value', '/api/notify?code='],
    ['without a value', '/api/notify?code'],
    ['after other parameters', `/api/notify?limit=1&code=${secret}`],
    ['twice', `/api/notify?code=${secret}&code=${secret}`],
    ['percent-encoded', `/api/notify?%63ode=${secret}`],
    ['in capitals', `/api/notify?CODE=${secret}`],
    ['after a semicolon', `/api/notify?limit=1;code=${secret}`],
    ['after a second question mark', `/api/notify?a?key=${secret}`],
    ['in the fragment', `/api/notify#access_token=${secret}`],
    ['at another spelling of the path', `/api/x/../notify?code=${secret}`],
    ['in an absolute URL', `http://localhost/api/notify?code=${secret}`],
    ['before the host of an absolute URL', `http://user:${secret}@localhost/api/notify`],
  ])('%s', async (_, target) => {
    const answer = await ask('POST', target);
    expect(statusOf(answer)).toBe(400);
    expect(answer).not.toContain(secret);
  });
});

it('no line of the log has anything of them', () => {
  expect(server.log.length).toBeGreaterThan(routes.length * 19);
  expect(JSON.stringify(server.log)).not.toContain('hush');
});

it.each(['/api/notifications?limit=5', '/api/notifications?note=x&utm_source=mail', '/health/live?key=probe'])(
  'GET %s is served: other parameters, and those of other routes, are none of its business',
  async (path) => {
    expect((await server.get(path, { headers: credential })).status).toBe(200);
  },
);
