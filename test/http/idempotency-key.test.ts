// What the header Idempotency-Key may be, and what is asked with it before the body is read.

import { describe, expect, it } from 'vitest';
import type { Repeat } from '../../src/notifications/accept-notification.ts';
import { fingerprintOf } from '../../src/notifications/idempotency.ts';
import { apiKey, secondApiKey, startTestServer, type TestServer } from './http-harness.ts';

const body = { subject: 's', text: 'hello' };
const answer = { id: 'n1', status: 'pending', recipients: 1, expiresAt: 1_800_000_000_000 } as const;

/** A server that takes down what it is asked, and knows the answers of one sender. */
async function startAsked() {
  const asked: { sender: string; repeat: Repeat | undefined }[] = [];
  const server = await startTestServer({
    notifications: {
      findAnswer: async (sender, repeat) => (sender === 'first' && repeat.key === 'known' ? answer : undefined),
      accept: async (sender, _request, repeat) => {
        asked.push({ sender, repeat });
        return { ...answer, id: 'n2', replayed: false };
      },
    },
  });
  return { server, asked };
}

function notify(server: TestServer, keys: readonly string[], content: unknown = body, secret = apiKey) {
  const headers = new Headers({ 'x-api-key': secret, 'content-type': 'application/json' });
  for (const key of keys) headers.append('idempotency-key', key);
  return server.get('/api/notify', { method: 'POST', headers, body: JSON.stringify(content) });
}

describe('a key', () => {
  const longest = 'x'.repeat(255);
  it.each([
    ['k-1', 'k-1'],
    ['"k-1"', 'k-1'],
    ['a"', 'a"'],
    ['a\\b', 'a\\b'],
    ['"a\\\\b\\""', 'a\\b"'],
    [longest, longest],
    [`"${longest}"`, longest],
  ])('may be %s', async (given, key) => {
    const { server, asked } = await startAsked();
    expect((await notify(server, [given])).status).toBe(202);
    expect(asked).toEqual([{ sender: 'first', repeat: { key, fingerprint: fingerprintOf(body) } }]);
  });

  it.each([[['']], [['a b']], [['"a']], [[`${longest}x`]], [[`"${longest}x"`]], [['"a\\b"']], [['""']]])(
    'may not be %j',
    async (keys) => {
      const { server, asked } = await startAsked();
      expect((await notify(server, keys)).status).toBe(400);
      expect(asked).toEqual([]);
    },
  );

  // fetch would make one header of them.
  it('may not be there twice', async () => {
    const { server, asked } = await startAsked();
    const { request } = await import('undici');
    const { statusCode, body: text } = await request(`${server.url}/api/notify`, {
      method: 'POST',
      headers: [
        'x-api-key',
        apiKey,
        'content-type',
        'application/json',
        'idempotency-key',
        'a',
        'idempotency-key',
        'a',
      ],
      body: JSON.stringify(body),
    });
    expect(await text.json()).toMatchObject({ code: 'malformed_request' });
    expect(statusCode).toBe(400);
    expect(asked).toEqual([]);
  });

  it('may be left out', async () => {
    const { server, asked } = await startAsked();
    expect((await notify(server, [])).status).toBe(202);
    expect(asked).toEqual([{ sender: 'first', repeat: undefined }]);
  });
});

describe('a key that is known', () => {
  it('gives the answer, marked, also to a body that would be refused by now', async () => {
    const { server, asked } = await startAsked();
    const replayed = await notify(server, ['known'], { ...body, expiresAt: '2020-01-01T00:00:00Z' });
    expect(replayed.status).toBe(202);
    expect(replayed.headers.get('idempotent-replayed')).toBe('true');
    expect(await replayed.json()).toMatchObject({ id: 'n1' });
    expect(asked).toEqual([]);
  });

  it('of another sender is not known', async () => {
    const { server, asked } = await startAsked();
    const accepted = await notify(server, ['known'], body, secondApiKey);
    expect(accepted.headers.get('idempotent-replayed')).toBeNull();
    expect(asked).toMatchObject([{ sender: 'second', repeat: { key: 'known' } }]);
  });
});
