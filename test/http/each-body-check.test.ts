// Each check of a body alone, with its words, and what is just good enough.

import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { readBytes } from '../../src/http/json-body.ts';
import { apiKey, exchange, requestText, startTestServer, statusOf } from './http-harness.ts';

const limit = 64 * 1024;
const inLists = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const nested = (depth: number): string => `{"a":${inLists(depth - 1)}}`;
const withKeys = (count: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [index, 1])));

const withValue = (json: string): string => `{"type":"message","value":${json}}`;

async function send(body: string | Uint8Array, headers: Record<string, string> = {}) {
  const server = await startTestServer();
  const answer = await server.post('/api/notify', body, { 'x-api-key': apiKey, ...headers });
  const { detail, code } = (await answer.json()) as { detail?: string; code?: string };
  return { status: answer.status, code, detail };
}

const post = async (headers: readonly string[], body: string): Promise<number> => {
  const server = await startTestServer();
  const all = ['Content-Type: application/json', `X-API-Key: ${apiKey}`, ...headers];
  return statusOf(await exchange(server.port, requestText('POST /api/notify HTTP/1.1', all, body)));
};
const chunk = (size: number): string => `${size.toString(16)}\r\n${'{}'.padEnd(size)}\r\n`;

describe('the words name the check that a body did not pass', () => {
  const noObject = 'The body must be a JSON object.';
  const noJson = 'The body is not valid JSON in UTF-8.';
  const prototype = 'The body has a key that would change a prototype.';
  it.each<[detail: string, body: string | Uint8Array]>([
    [noObject, '[]'],
    [noObject, 'null'],
    [noObject, '7'],
    [noJson, '{'],
    [noJson, '\uFEFF{}'],
    [noJson, new Uint8Array([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
    ['The body is nested deeper than 32 levels.', nested(33)],
    ['The body has more than 500 keys.', withKeys(501)],
    ['The body has more than 500 keys.', `{"a":[${withKeys(250)},${withKeys(250)}]}`],
    ['The body has a number that is too large.', '{"a":[1e999]}'],
    ['The body has a number that is too large.', '{"a":-1e999}'],
    [prototype, '{"__proto__":1}'],
    [prototype, '{"a":[{"__proto__":1}]}'],
    [prototype, '{"constructor":{"prototype":1}}'],
  ])('%s', async (detail, body) => {
    expect(await send(body)).toEqual({ status: 400, code: 'malformed_request', detail });
  });

  // What is wrong with these is what the notification lacks, not the JSON.
  it.each([
    ['32 levels', nested(32)],
    ['500 keys', withKeys(500)],
    ['the largest number', '{"a":1e308}'],
    ['as long as it may be', '{}'.padEnd(limit)],
    ['a constructor of another kind', '{"constructor":{"a":1}}'],
    ['a constructor that is a text', '{"constructor":"prototype"}'],
    ['a prototype of its own', '{"prototype":{"a":1}}'],
  ])('%s is JSON as it may be', async (_, body) => {
    expect(await send(body)).toMatchObject({ status: 422, code: 'invalid_notification' });
  });
});

describe('a content type', () => {
  it.each([
    ['application/json', 422],
    ['application/json; charset=utf-8', 422],
    ['application/json; charset=utf-16', 415],
    ['application/json; charset=utf-8; version=1', 415],
    ['application/jsonp', 415],
    ['application/json-patch+json', 415],
    ['text/json', 415],
    ['x application/json', 415],
    ['', 415],
  ])('%j: %i', async (contentType, status) => {
    expect((await send('{}', { 'content-type': contentType })).status).toBe(status);
  });
});

it('a content type is refused beside another one', async () => {
  expect(await post(['Content-Type: text/plain', 'Content-Length: 2'], '{}')).toBe(415);
});

it('a body whose sender has left is not waited for', async () => {
  const req = new IncomingMessage(new Socket());
  req.destroy();
  await once(req, 'close');
  await expect(readBytes(req, limit)).rejects.toMatchObject({ code: 'malformed_request' });
}, 5_000);

describe('a body that is too large', () => {
  it('by its declared length is refused before it comes', async () => {
    expect(await post([`Content-Length: ${limit + 1}`], '')).toBe(413);
  }, 5_000);

  it('in chunks is refused as soon as it is, to the byte', async () => {
    // The last chunk never comes.
    expect(await post(['Transfer-Encoding: chunked'], chunk(limit + 1))).toBe(413);
    expect(await post(['Transfer-Encoding: chunked'], `${chunk(limit)}0\r\n\r\n`)).toBe(422);
  }, 5_000);
});

describe('an activity may have more', () => {
  it.each<[detail: string | undefined, status: number, body: string]>([
    [undefined, 200, withValue(inLists(63))],
    ['The body is nested deeper than 64 levels.', 400, withValue(inLists(64))],
    [undefined, 200, withValue(withKeys(1_998))],
    ['The body has more than 2000 keys.', 400, withValue(withKeys(1_999))],
    [undefined, 200, withValue('1').padEnd(4 * limit)],
    [`The body may have at most ${4 * limit} bytes.`, 413, withValue('1').padEnd(4 * limit + 1)],
  ])('%s %i', async (detail, status, body) => {
    const server = await startTestServer();
    const answer = await server.post('/api/messages', body);
    const text = await answer.text();
    expect(answer.status).toBe(status);
    expect(text === '' ? undefined : (JSON.parse(text) as { detail?: string }).detail).toBe(detail);
  });
});
