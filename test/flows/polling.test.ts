// A Logic App that waits for the end of a notification: 202 with Location, polled until it is not 202 any more.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill();
});
afterEach(() => skill.stop());

const notification = (subject: string): string => JSON.stringify({ subject, text: 't' });

async function post(path: string, body: string, headers: Record<string, string> = {}, key = apiKey): Promise<Response> {
  const credential = { 'x-api-key': key, 'content-type': 'application/json' };
  return fetch(skill.url + path, { method: 'POST', headers: { ...credential, ...headers }, body });
}

async function poll(location: string | null): Promise<{ status: number; state: string; location: string | null }> {
  const answer = await fetch(location ?? '', { headers: { 'x-api-key': apiKey } });
  const { status: state } = (await answer.json()) as { status: string };
  return { status: answer.status, state, location: answer.headers.get('location') };
}

async function accept(subject: string): Promise<{ id: string; location: string | null }> {
  const accepted = await post('/api/notify', notification(subject), { prefer: 'respond-async' });
  const { id } = (await accepted.json()) as { id: string };
  return { id, location: accepted.headers.get('location') };
}

it('gets 202 while nobody waits for the subject, then 200', async () => {
  const { id, location } = await accept('s');
  expect(await poll(location)).toEqual({ status: 202, state: 'waiting', location });
  await skill.standIn.openConversation().callAction('waitForNotification', { subject: 's' });
  await skill.settled(id, 'delivered');
  expect(await poll(location)).toEqual({ status: 200, state: 'delivered', location: null });
});

it('gets 202 while the parent is away, then 200', async () => {
  await skill.standIn.openConversation().callAction('waitForNotification', { subject: 's' });
  skill.standIn.faults.answerNext({ status: 503 });
  const { id, location } = await accept('s');
  await eventually('the parent has refused once', async () => {
    const { status, deliveries } = await skill.findNotification(id);
    return status === 'pending' && deliveries[0]?.attempts[0]?.outcome === 'refused';
  });
  expect(await poll(location)).toEqual({ status: 202, state: 'pending', location });
  skill.clock.advance(10_000);
  await skill.settled(id, 'delivered');
  expect(await poll(location)).toEqual({ status: 200, state: 'delivered', location: null });
});

it('gets no Location with a key that may not read: the poll would be refused', async () => {
  const created = await post('/api/keys', JSON.stringify({ name: 'writer', scopes: ['notify:send'] }));
  const { key } = (await created.json()) as { key: string };
  const accepted = await post('/api/notify', notification('s'), { prefer: 'respond-async' }, key);
  expect(accepted.status).toBe(202);
  expect(accepted.headers.get('location')).toBeNull();
  expect(accepted.headers.get('preference-applied')).toBeNull();
});
