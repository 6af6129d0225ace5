import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { startTestServer } from './http-harness.ts';

const problem = (status: number, code: string) => expect.objectContaining({ type: 'about:blank', status, code });

describe('answers', () => {
  it('carry the protective headers and no name of the server', async () => {
    const server = await startTestServer();
    for (const path of ['/health/live', '/nowhere', '/%']) {
      const { headers } = await server.get(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.has('server')).toBe(false);
      expect(headers.has('access-control-allow-origin')).toBe(false);
    }
  });

  it('return the X-Request-Id of the request, and log it', async () => {
    const server = await startTestServer();
    const answer = await server.get('/nowhere', { headers: { 'x-request-id': 'abc_DEF-1' } });
    expect(answer.headers.get('x-request-id')).toBe('abc_DEF-1');
    expect(await answer.json()).toMatchObject({ instance: 'abc_DEF-1' });
    expect(server.log).toContainEqual(expect.objectContaining({ msg: 'request', requestId: 'abc_DEF-1' }));
  });

  it.each(['', 'has space', 'a'.repeat(65), 'a;b', 'ä'])('make a request id of their own instead of %j', async (id) => {
    const server = await startTestServer();
    const { headers } = await server.get('/health/live', { headers: { 'x-request-id': id } });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('routes', () => {
  it.each([
    ['GET', '/health/live', 200],
    ['HEAD', '/health/live', 200],
    ['GET', '/health/ready', 200],
    ['GET', '/manifests/skill.json', 200],
    ['HEAD', '/manifests/skill.json', 200],
    ['GET', '/manifests/other.json', 404],
    ['GET', '/manifests/..%2f..%2fpackage.json', 404],
    ['GET', '/', 404],
    ['GET', '/api', 404],
    ['GET', '/health/live/', 404],
    ['GET', '//health/live', 404],
    ['GET', `/manifests/${'a'.repeat(101)}`, 404],
    ['GET', '/%', 400],
    ['GET', '/manifests/%', 400],
    ['GET', '/manifests/%ff', 400],
  ])('%s %s is answered with %i', async (method, path, status) => {
    const server = await startTestServer();
    const answer = await server.get(path, { method });
    expect(answer.status).toBe(status);
  });

  it.each([
    ['GET', '/nowhere', 404],
    ['GET', '/%', 400],
    ['PUT', '/api/notify', 405],
    ['POST', '/api/notify', 401],
  ])('%s %s is refused as a problem that names the request', async (method, path, status) => {
    const server = await startTestServer();
    const answer = await server.get(path, { method });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ status, instance: answer.headers.get('x-request-id') });
  });

  it('give out a manifest for a short while of caching', async () => {
    const server = await startTestServer();
    const answer = await server.get('/manifests/skill.json');
    expect(await answer.json()).toEqual({ name: 'skill' });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
  });
});

describe('readiness', () => {
  it('is 503 with the reason while the service is not ready, and liveness stays 200', async () => {
    const server = await startTestServer({ isReady: async () => ({ ready: false, reason: 'disk full' }) });
    const answer = await server.get('/health/ready');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ status: 'unavailable', reason: 'disk full' });
    expect((await server.get('/health/live')).status).toBe(200);
  });

  it('is 503 without details when the check itself fails', async () => {
    const server = await startTestServer({ isReady: () => Promise.reject(new Error('secret path')) });
    const answer = await server.get('/health/ready');
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain('secret path');
  });
});

describe('errors', () => {
  it('of the table are answered with their status, headers and faults', async () => {
    const faults = [{ path: 'to.subject', message: 'Too long' }];
    const headers = { 'Retry-After': '7' };
    const server = await startTestServer({
      verifyCaller: () => Promise.reject(new AppError('unavailable', 'Keys cannot be had.', { faults, headers })),
    });
    const answer = await server.post('/api/messages', { type: 'message' });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      code: 'unavailable',
      detail: 'Keys cannot be had.',
      instance: answer.headers.get('x-request-id'),
      errors: faults,
    });
  });

  it.each([new Error('leak'), Object.assign(new Error('leak'), { statusCode: 404 }), 'leak', undefined, null])(
    'that are a bug (%s) are answered with a constant 500 and logged in full',
    async (thrown) => {
      const server = await startTestServer({ processTurn: () => Promise.reject(thrown) });
      const answer = await server.post('/api/messages', { type: 'message' });
      const text = await answer.text();
      expect(answer.status).toBe(500);
      expect(JSON.parse(text)).toEqual(problem(500, 'internal'));
      expect(text).not.toContain('leak');
      expect(server.log).toContainEqual(expect.objectContaining({ msg: 'request failed', code: 'internal' }));
      expect((await server.get('/health/live')).status).toBe(200);
    },
  );
});

describe('the request log', () => {
  it('has one line per request with the pattern of the route, never its URL, token or text', async () => {
    const server = await startTestServer();
    await server.post('/api/messages?note=hush', { type: 'message', text: 'hush' }, { authorization: 'Bearer hush' });
    await server.get('/manifests/hush.json');
    await server.get('/%hush');
    const lines = server.log.filter((line) => line.msg === 'request');
    expect(lines.map(({ method, route, status, ms }) => ({ method, route, status, ms }))).toEqual([
      { method: 'POST', route: '/api/messages', status: 200, ms: 0 },
      { method: 'GET', route: '/manifests/:file', status: 404, ms: 0 },
      { method: 'GET', route: 'none', status: 400, ms: 0 },
    ]);
    expect(JSON.stringify(server.log)).not.toContain('hush');
  });
});

describe('listen', () => {
  it('rejects when the port is taken', async () => {
    const { port } = await startTestServer();
    await expect(startTestServer({}, { port })).rejects.toThrow('EADDRINUSE');
  });
});
