// T15, the first try: a request that is refused, whatever for, leaves no key behind, and whose keys they are.

import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { otherKey, readRows, send } from '../helpers/repeats.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';
import { requestText } from '../http/http-harness.ts';

const body = { subject: 's', text: 'hello' };
const key = 'k';

async function start(env: Record<string, string> = {}): Promise<Skill> {
  const skill = await startSkill({ env: { NOTIFY_API_KEYS: `test:${apiKey},other:${otherKey}`, ...env } });
  onTestFinished(() => skill.stop());
  return skill;
}

/** Whether the key is new, and this one notification is all that is in the database afterwards. */
async function isNew(skill: Skill, secret = apiKey): Promise<boolean> {
  const { status, replayed, id } = await send(skill, body, { key, secret });
  const { notifications, keys } = await readRows(skill);
  const isAlone =
    notifications.length === 1 && notifications[0]?.id === id && keys.length === 1 && keys[0]?.key === key;
  return status === 202 && replayed === null && isAlone;
}

type MadeKey = { readonly id: string; readonly key: string };

async function askForKey(skill: Skill, path: string, content: unknown): Promise<MadeKey> {
  const answer = await fetch(`${skill.url}${path}`, {
    method: 'POST',
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
    body: JSON.stringify(content),
  });
  return (await answer.json()) as MadeKey;
}

describe('a first try that was refused leaves no key behind', () => {
  it.each<[name: string, status: number, content: unknown, sending: Parameters<typeof send>[2]]>([
    ['a field that is wrong', 422, { ...body, wrong: 1 }, {}],
    ['an end in the past', 422, { ...body, expiresAt: '2020-01-01T00:00:00Z' }, {}],
    ['a recipient that nobody knows', 422, { to: { conversationId: 'x' }, message: { text: 't' } }, {}],
    ['a body that is no JSON', 400, '{', {}],
    ['a body that is no object', 400, '[]', {}],
    ['a body that is too large', 413, { ...body, text: 'x'.repeat(70_000) }, {}],
    ['another content type', 415, body, { headers: { 'content-type': 'text/plain' } }],
    ['an encoding', 415, body, { headers: { 'content-encoding': 'gzip' } }],
    ['a wrong API key', 401, body, { secret: 'wrong-secret-of-enough-characters' }],
    ['two API keys', 401, body, { headers: { authorization: `Bearer ${otherKey}` } }],
  ])('%s', async (_, status, content, sending) => {
    const skill = await start();
    expect((await send(skill, content, { key, ...sending })).status).toBe(status);
    expect(await isNew(skill)).toBe(true);
  });

  it('a key that may not send', async () => {
    const skill = await start();
    const reader = await askForKey(skill, '/api/keys', { name: 'reader', scopes: ['notify:read'] });
    expect(await send(skill, body, { key, secret: reader.key })).toMatchObject({ status: 403, code: 'scope_missing' });
    expect(await isNew(skill)).toBe(true);
  });

  it('a key that may not notify this subject', async () => {
    const skill = await start();
    const narrow = await askForKey(skill, '/api/keys', { name: 'narrow', scopes: ['notify:send'], subjects: ['s'] });
    const refused = await send(skill, { ...body, subject: 'other' }, { key, secret: narrow.key });
    expect(refused).toMatchObject({ status: 403, code: 'recipient_not_allowed' });
    expect(await isNew(skill, narrow.key)).toBe(true);
  });

  it('too many requests', async () => {
    const skill = await start({ SENDER_RATE: '2' });
    for (let count = 0; count < 2; count += 1) await send(skill, '{', {});
    const refused = await send(skill, body, { key });
    expect(refused).toMatchObject({ status: 429, code: 'too_many_requests' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    // Another sender's count is its own.
    expect((await send(skill, '{', { secret: otherKey })).status).toBe(400);
    // The count is kept in memory.
    await skill.restart();
    expect(await isNew(skill)).toBe(true);
  });

  it('no room', async () => {
    const skill = await start({ MAX_PENDING: '1' });
    const first = await send(skill, { ...body, subject: 'first' });
    const refused = await send(skill, body, { key });
    expect(refused).toMatchObject({ status: 503, code: 'unavailable' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const cancel = `${skill.url}/api/notifications/${String(first.id)}/cancel`;
    await fetch(cancel, { method: 'POST', headers: { 'x-api-key': apiKey } });
    skill.clock.advance(2_000);
    const accepted = await send(skill, body, { key });
    expect(accepted).toMatchObject({ status: 202, replayed: null });
    // A repeat needs no room.
    skill.clock.advance(2_000);
    expect(await send(skill, body, { key })).toMatchObject({ status: 202, replayed: 'true', id: accepted.id });
    expect((await readRows(skill)).keys).toHaveLength(1);
  });

  it('no sender that is allowed', async () => {
    const skill = await start({ NOTIFY_API_KEYS: '' });
    expect(await send(skill, body, { key })).toMatchObject({ status: 503, code: 'not_configured' });
    expect(await readRows(skill)).toMatchObject({ notifications: [], keys: [] });
  });

  it('a sender that leaves in the middle of its body', async () => {
    const skill = await start();
    const socket = connect(Number(new URL(skill.url).port), '127.0.0.1');
    const headers = [`X-API-Key: ${apiKey}`, 'Content-Type: application/json', 'Content-Length: 30'];
    socket.write(
      requestText('POST /api/notify HTTP/1.1', [...headers, `Idempotency-Key: ${key}`], '{"subject":"s","te'),
    );
    await once(socket, 'connect');
    socket.resetAndDestroy();
    await eventually('the request is over', () => skill.log.some((line) => line.includes('"aborted":true')));
    expect(await isNew(skill)).toBe(true);
  });
});

describe('a key belongs to its credential', () => {
  it('another credential with the same key and body is unrelated, and one with another body as well', async () => {
    const skill = await start();
    const mine = await send(skill, body, { key });
    const theirs = await send(skill, { ...body, text: 'other' }, { key, secret: otherKey });
    expect([mine, theirs]).toMatchObject([
      { status: 202, replayed: null },
      { status: 202, replayed: null },
    ]);
    expect(await send(skill, body, { key })).toMatchObject({ replayed: 'true', id: mine.id });
    const { keys, notifications } = await readRows(skill);
    expect(keys.map((row) => row.credential).toSorted()).toEqual(['other', 'test']);
    expect(notifications.map((row) => row.sender).toSorted()).toEqual(['other', 'test']);
  });

  it('and stays with it when its secret is rotated', async () => {
    const skill = await start();
    const made = await askForKey(skill, '/api/keys', { name: 'erp', scopes: ['notify:send'] });
    const first = await send(skill, body, { key, secret: made.key });
    const rotated = await askForKey(skill, `/api/keys/${made.id}/rotate`, {});
    expect(rotated.key).not.toBe(made.key);
    for (const secret of [made.key, rotated.key]) {
      expect(await send(skill, body, { key, secret })).toMatchObject({ status: 202, replayed: 'true', id: first.id });
    }
  });

  it('and is given to nobody whose credential is refused', async () => {
    const skill = await start();
    const made = await askForKey(skill, '/api/keys', { name: 'erp', scopes: ['notify:send'] });
    await send(skill, body, { key, secret: made.key });
    await fetch(`${skill.url}/api/keys/${made.id}`, { method: 'DELETE', headers: { 'x-api-key': apiKey } });
    const refused = await send(skill, body, { key, secret: made.key });
    expect(refused).toMatchObject({ status: 401, replayed: null, id: undefined });
  });
});
