import { describe, expect, it } from 'vitest';
import { createRateLimits } from '../../src/http/rate-limits.ts';
import { apiKey, secondApiKey, startTestServer } from './http-harness.ts';

const tooMany = { status: 429, code: 'too_many_requests' };

describe('requests', () => {
  it('of one sender are counted, and another one is not held up', async () => {
    const server = await startTestServer({}, { senderRate: 3 });
    const ask = (key: string) => server.get('/api/status', { headers: { 'x-api-key': key } });
    for (let count = 0; count < 3; count += 1) expect((await ask(apiKey)).status).toBe(200);
    const refused = await ask(apiKey);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({
      code: 'too_many_requests',
      detail: expect.stringContaining('SENDER_RATE'),
    });
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect((await ask(secondApiKey)).status).toBe(200);
  });

  it('without a good credential are refused after ten, and good ones from the same address are not', async () => {
    const server = await startTestServer({}, { failureRate: 10 });
    const ask = (key: string) => server.get('/api/status', { headers: { 'x-api-key': key } });
    const statuses: number[] = [];
    for (let count = 0; count < 12; count += 1) statuses.push((await ask(`wrong-${count}`)).status);
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
    expect((await ask(apiKey)).status).toBe(200);
  });

  it('are not counted with 0', async () => {
    const limits = createRateLimits({ senderRate: 0, failureRate: 0 });
    for (let count = 0; count < 1_000; count += 1) await limits.countRequest('one');
    for (let count = 0; count < 1_000; count += 1) await limits.countFailure('192.0.2.1');
    await expect(limits.countRequest('one')).resolves.toBeUndefined();
  });
});

describe('an address', () => {
  it.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:ffff::1', true],
    ['2001:db8:1:2::', '2001:db8:1:2::9', true],
    ['2001:db8::1', '2001:db8:0:0:7::', true],
    ['::1', '::2', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['192.0.2.1', '192.0.2.2', false],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
  ])('%s and %s: one network %s', async (first, second, isOne) => {
    const limits = createRateLimits({ senderRate: 0, failureRate: 1 });
    await limits.countFailure(first);
    const answer: unknown = await limits.countFailure(second).catch((error: unknown) => error);
    expect(answer !== undefined).toBe(isOne);
  });

  it('that is not known is counted as one', async () => {
    const limits = createRateLimits({ senderRate: 0, failureRate: 1 });
    await limits.countFailure(undefined);
    await expect(limits.countFailure(undefined)).rejects.toMatchObject(tooMany);
  });
});
