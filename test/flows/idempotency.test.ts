// A sender that repeats itself: the table of the IETF draft, through HTTP.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

const otherKey = 'another-secret-of-enough-characters';
const body = { subject: 's', text: 'hello', metadata: { a: '1', b: '2' } };

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill({ env: { NOTIFY_API_KEYS: `test:${apiKey},other:${otherKey}` } });
});
afterEach(() => skill.stop());

type Answer = { status: number; replayed: string | null; body: Record<string, unknown> };

async function notify(key: string | string[] | undefined, content: unknown = body, secret = apiKey): Promise<Answer> {
  const headers = new Headers({ 'x-api-key': secret, 'content-type': 'application/json' });
  for (const value of key === undefined ? [] : [key].flat()) headers.append('idempotency-key', value);
  const answer = await fetch(`${skill.url}/api/notify`, { method: 'POST', headers, body: JSON.stringify(content) });
  return {
    status: answer.status,
    replayed: answer.headers.get('idempotent-replayed'),
    body: (await answer.json()) as Record<string, unknown>,
  };
}

describe('the same key', () => {
  it('and body: the first answer again, marked as such', async () => {
    const first = await notify('order-42');
    const second = await notify('order-42');
    expect(first).toMatchObject({ status: 202, replayed: null });
    expect(second).toEqual({ ...first, replayed: 'true' });
  });

  it('and body with its fields in another order: the first answer again', async () => {
    const first = await notify('k');
    const { subject, text } = body;
    const second = await notify('k', { metadata: { b: '2', a: '1' }, text, subject });
    expect(second.body['id']).toBe(first.body['id']);
  });

  it('quoted and bare is the same key', async () => {
    const first = await notify('"k-1"');
    expect((await notify('k-1')).body['id']).toBe(first.body['id']);
  });

  it('and another body: 422', async () => {
    await notify('k');
    const second = await notify('k', { ...body, text: 'other' });
    expect(second).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('of another credential is unrelated', async () => {
    const first = await notify('k');
    const second = await notify('k', body, otherKey);
    expect(second).toMatchObject({ status: 202, replayed: null });
    expect(second.body['id']).not.toBe(first.body['id']);
  });

  it('may be used again after a request that was refused', async () => {
    expect((await notify('k', { ...body, wrong: 1 })).status).toBe(422);
    expect(await notify('k')).toMatchObject({ status: 202, replayed: null });
  });

  it('survives a restart', async () => {
    const first = await notify('k');
    await skill.restart();
    expect(await notify('k')).toMatchObject({ status: 202, replayed: 'true', body: { id: first.body['id'] } });
  });

  it('is new after a day, and when the notification lives longer, after that', async () => {
    const first = await notify('k');
    skill.clock.advance(23 * 3_600_000);
    expect((await notify('k')).body['id']).toBe(first.body['id']);
    skill.clock.advance(2 * 3_600_000);
    const later = await notify('k');
    expect(later).toMatchObject({ status: 202, replayed: null });
    const long = { ...body, expiresAt: new Date(skill.clock.now() + 70 * 3_600_000).toISOString() };
    const longLived = await notify('long', long);
    skill.clock.advance(48 * 3_600_000);
    expect((await notify('long', long)).body['id']).toBe(longLived.body['id']);
  });

  it('gets its answer also when the end that the body names has passed', async () => {
    const short = { ...body, expiresAt: new Date(skill.clock.now() + 60_000).toISOString() };
    const first = await notify('k', short);
    skill.clock.advance(120_000);
    expect(await notify('k', short)).toEqual({ ...first, replayed: 'true' });
  });

  it('a hundred times at once: one notification, one message', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    const answers = await Promise.all(Array.from({ length: 100 }, () => notify('race')));
    expect(new Set(answers.map((answer) => answer.body['id'])).size).toBe(1);
    expect(answers.every((answer) => answer.status === 202)).toBe(true);
    expect(answers.filter((answer) => answer.replayed === null)).toHaveLength(1);
    await conversation.until((now) => now.action?.state === 'ended');
    expect(conversation.transcript.filter((line) => line.text === 'hello')).toHaveLength(1);
    console.log('100 parallel requests with one key: 1 accepted, 99 replayed, 1 message');
  });
});

describe('keys that are refused', () => {
  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
    ['with a space', 'a b'],
    ['with an open quote', '"abc'],
    ['two of them', ['a', 'b']],
  ])('%s: 400', async (_, key) => {
    expect(await notify(key)).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
  });
});

it('without a key every request is a notification of its own', async () => {
  const [first, second] = [await notify(undefined), await notify(undefined)];
  expect(first.body['id']).not.toBe(second.body['id']);
});
