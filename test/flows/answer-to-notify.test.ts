// What a sender is answered: at once, once everything is settled, or that there is too much on its way.

import { afterEach, describe, expect, it } from 'vitest';
import type { AgentConversation } from '../../standin/types.ts';
import { eventually } from '../helpers/eventually.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
afterEach(() => skill.stop());

type Answer = { readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> };

async function notify(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(`${skill.url}/api/notify`, {
    method: 'POST',
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
}

async function openWait(): Promise<AgentConversation> {
  const conversation = skill.standIn.openConversation();
  await conversation.callAction('waitForNotification', { subject: 's' });
  return conversation;
}

async function listNotifications(): Promise<{ id: string }[]> {
  const answer = await fetch(`${skill.url}/api/notifications`, { headers: { 'x-api-key': apiKey } });
  return ((await answer.json()) as { items: { id: string }[] }).items;
}

/** Moves the clock on, second by second, until the answer is there. */
async function moveUntil(answering: Promise<Answer>): Promise<Answer> {
  let answer: Answer | undefined;
  void answering.then((value) => (answer = value));
  return eventually('an answer', () => {
    if (!answer) skill.clock.advance(1_000);
    return answer;
  });
}

describe('Prefer: wait', () => {
  const prefer = { prefer: 'wait=10' };

  it('is 200 with the counts when everything is settled in time', async () => {
    skill = await startSkill();
    await openWait();
    const answer = await notify({ subject: 's', text: 'hello' }, prefer);
    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'delivered', recipients: 1, counts: { pending: 0, delivered: 1 } },
    });
    expect(answer.headers.get('preference-applied')).toBe('wait');
  });

  it.each([
    ['held', 403, 'held'],
    ['dead', 400, 'dead'],
  ])('is 200 too when it is %s', async (_, status, settledAs) => {
    skill = await startSkill();
    await openWait();
    skill.standIn.faults.answerNext({ status });
    const answer = await notify({ subject: 's', text: 'hello' }, prefer);
    expect(answer).toMatchObject({ status: 200, body: { status: settledAs, counts: { [settledAs]: 1 } } });
  });

  it('is 202 when nobody waits for it within that time', async () => {
    skill = await startSkill();
    const before = skill.clock.now();
    const answer = await moveUntil(notify({ subject: 's', text: 'hello' }, prefer));
    expect(answer).toMatchObject({ status: 202, body: { status: 'waiting', recipients: 0 } });
    expect(answer.headers.get('preference-applied')).toBeNull();
    expect(skill.clock.now() - before).toBeGreaterThanOrEqual(10_000);
  });

  it('is 200 when the time is long enough for a second attempt', async () => {
    skill = await startSkill();
    await openWait();
    skill.standIn.faults.answerNext({ status: 500 });
    const answering = notify({ subject: 's', text: 'hello' }, prefer);
    await eventually('the first attempt has failed', async () => {
      const [first] = await listNotifications();
      return first && (await skill.findNotification(first.id)).deliveries[0]?.attempts.length === 1;
    });
    skill.clock.advance(5_000);
    expect(await answering).toMatchObject({ status: 200, body: { status: 'delivered' } });
  });

  it('lets go at the end of the service', async () => {
    skill = await startSkill();
    const answering = notify({ subject: 's', text: 'hello' }, prefer);
    await eventually('it is accepted', async () => (await listNotifications()).length === 1);
    await skill.restart();
    expect(await answering).toMatchObject({ status: 202, body: { status: 'waiting' } });
  });
});

it('MAX_PENDING is the most that is accepted: 503 with Retry-After, until something has been delivered', async () => {
  skill = await startSkill({ env: { MAX_PENDING: '2' } });
  await openWait();
  const sendAt = new Date(skill.clock.now() + 10_000).toISOString();
  const body = { to: { subject: 's' }, message: { text: 'hello' }, sendAt };
  const first = await notify(body, { 'idempotency-key': 'first' });
  expect(first.status).toBe(202);
  expect((await notify({ subject: 'x', text: 'nobody waits for it' })).status).toBe(202);

  const refused = await notify(body);
  expect(refused).toMatchObject({
    status: 503,
    body: { code: 'unavailable', detail: expect.stringContaining('MAX_PENDING') },
  });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await listNotifications()).toHaveLength(2);
  // It has been accepted already: the answer to its repeat takes no room.
  expect(await notify(body, { 'idempotency-key': 'first' })).toMatchObject({ status: 202, body: first.body });

  skill.clock.advance(10_000);
  await skill.settled(String(first.body['id']), 'delivered');
  // Counted anew after a second.
  skill.clock.advance(1_100);
  await eventually('there is room again', async () => (await notify({ subject: 'x', text: 'hi' })).status === 202);
  expect((await notify({ subject: 'x', text: 'one too many' })).status).toBe(503);
});
