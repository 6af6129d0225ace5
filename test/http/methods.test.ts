// N15: what each path answers to a method that it does not have, and that no page of another origin reads any of it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiKey, createSharedTestServer, exchange, requestText, statusOf, type TestServer } from './http-harness.ts';

let server: TestServer;

beforeAll(async () => {
  server = await createSharedTestServer();
});
afterAll(() => server.stop());

const paths: Readonly<Record<string, readonly string[]>> = {
  '/api/messages': ['POST'],
  '/api/notify': ['POST'],
  '/api/notifications': ['GET', 'HEAD'],
  '/api/notifications/n1': ['GET', 'HEAD'],
  '/api/notifications/n1/cancel': ['POST'],
  '/api/deliveries': ['GET', 'HEAD'],
  '/api/deliveries/d1': ['GET', 'HEAD'],
  '/api/deliveries/d1/retry': ['POST'],
  '/api/status': ['GET', 'HEAD'],
  '/api/conversations': ['GET', 'HEAD'],
  '/api/conversations/c1': ['DELETE', 'GET', 'HEAD'],
  '/api/keys': ['GET', 'HEAD', 'POST'],
  '/api/keys/k1': ['DELETE'],
  '/manifests/skill.json': ['GET', 'HEAD'],
  '/health/live': ['GET', 'HEAD'],
  '/health/ready': ['GET', 'HEAD'],
};
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'MKCOL', 'PURGE'];

async function ask(method: string, path: string, headers: readonly string[] = []): Promise<string> {
  return exchange(server.port, requestText(`${method} ${path} HTTP/1.1`, headers));
}

function headerOf(answer: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)\r$`, 'im').exec(answer)?.[1];
}

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}

const other = Object.entries(paths).flatMap(([path, allowed]) =>
  methods.filter((method) => !allowed.includes(method)).map((method) => [method, path, allowed] as const),
);

it.each(other)('%s %s is 405, and Allow names %j', async (method, path, allowed) => {
  const answer = await ask(method, path, [`X-API-Key: ${apiKey}`]);
  expect(statusOf(answer)).toBe(405);
  expect(headerOf(answer, 'Allow')?.split(', ').toSorted()).toEqual(allowed.toSorted());
  expect(headerOf(answer, 'Content-Type')).toBe('application/problem+json');
});

it.each([...methods, 'OPTIONS'])('%s of a path that there is not is 404', async (method) => {
  for (const path of ['/', '/api', '/api/', '/api/notify/', '/API/notify', '/api/notify/x', '/favicon.ico']) {
    const answer = await ask(method, path);
    expect(statusOf(answer)).toBe(404);
    expect(headerOf(answer, 'Allow')).toBeUndefined();
  }
});

describe.each(Object.entries(paths))('%s', (path, allowed) => {
  it('answers OPTIONS with its methods, and needs no credential for that', async () => {
    const answer = await ask('OPTIONS', path);
    expect(statusOf(answer)).toBe(204);
    expect(headerOf(answer, 'Allow')?.split(', ').toSorted()).toEqual(allowed.toSorted());
    expect(bodyOf(answer)).toBe('');
  });

  it('answers HEAD as GET, without the body', async () => {
    const credential = [`X-API-Key: ${apiKey}`];
    const [got, headed] = [await ask('GET', path, credential), await ask('HEAD', path, credential)];
    expect(bodyOf(headed)).toBe('');
    expect(statusOf(headed)).toBe(statusOf(got));
    expect(headerOf(headed, 'Content-Type')).toBe(headerOf(got, 'Content-Type'));
    expect(headerOf(headed, 'Content-Length')).toBe(headerOf(got, 'Content-Length'));
  });

  it('has no CORS header for any method, also not for a preflight', async () => {
    const crossSite = ['Origin: https://attacker.example', 'Access-Control-Request-Method: POST'];
    const preflight = [...crossSite, 'Access-Control-Request-Headers: content-type, x-api-key'];
    for (const method of [...methods, 'OPTIONS']) {
      for (const credential of [[], [`X-API-Key: ${apiKey}`]]) {
        expect(await ask(method, path, [...preflight, ...credential])).not.toMatch(/^access-control-/im);
      }
    }
  });
});
