// Who is who: nobody gets what is meant for somebody else.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postActivity } from '../helpers/activities.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

const objectId = '0000abcd-0000-4000-8000-00000000000b';
const secondCaller = '0000abcd-0000-4000-8000-0000000000ca';

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill();
});
afterEach(() => skill.stop());

const getNotifications = async (from: Record<string, unknown>, more: Record<string, unknown> = {}) => {
  const answer = await postActivity(skill, await skill.standIn.signToken(), {
    name: 'getNotifications',
    value: {},
    deliveryMode: 'expectReplies',
    conversation: { id: 'another' },
    from,
    ...more,
  });
  return JSON.stringify(answer.body);
};

async function holdFor(user: { id: string; aadObjectId?: string }): Promise<void> {
  await skill.standIn.openConversation({ user }).callAction('subscribe', { subject: 'salary' });
  const sent = await skill.notify({ subject: 'salary', text: 'for one person only' });
  await skill.settled(String(sent.body['id']), 'held');
}

describe('what is held for a person', () => {
  it('is given to that person on another channel, by the Entra object id', async () => {
    await holdFor({ id: '29:teams-id', aadObjectId: objectId });
    const answer = await getNotifications(
      { id: 'web', aadObjectId: objectId.toUpperCase() },
      { channelId: 'directline' },
    );
    expect(answer).toContain('for one person only');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['who chose that object id as channel id', { id: objectId }, 'directline'],
    ['whose object id is empty', { id: 'x', aadObjectId: '' }, 'msteams'],
    ['whose object id is no GUID', { id: 'x', aadObjectId: '29:teams-id' }, 'msteams'],
    ['with the same id on another channel', { id: '29:teams-id' }, 'directline'],
  ])('is not given to somebody %s', async (_, from, channelId) => {
    await holdFor({ id: '29:teams-id', aadObjectId: objectId });
    expect(await getNotifications(from, { channelId })).not.toContain('for one person only');
  });
});

describe('a recipient that nobody knows', () => {
  it.each<[string, object]>([
    ['a user', { userId: 'nobody' }],
    ['a conversation', { conversationId: 'none' }],
    ['all, when there is nobody', { all: true }],
  ])('%s: 422 instead of a 202 that could never be kept', async (_, to) => {
    const answer = await skill.notify({ to, message: { text: 'x' } });
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_notification' } });
  });
});

it('a second caller can neither overwrite nor address the conversation of the first', async () => {
  await skill.stop();
  skill = await startSkill({ extraCallers: [secondCaller] });
  const first = skill.standIn.openConversation({ conversationId: 'shared-id', user: { id: 'u' } });
  await first.callAction('waitForNotification', { subject: 's' });
  const token = await skill.standIn.signToken({ appid: secondCaller });
  const answer = await postActivity(skill, token, {
    type: 'endOfConversation',
    conversation: { id: 'shared-id' },
    from: { id: 'u' },
  });
  expect(answer.status).toBe(200);
  await postActivity(skill, token, {
    type: 'conversationUpdate',
    conversation: { id: 'shared-id' },
    from: { id: 'u' },
  });
  const list = await fetch(`${skill.url}/api/conversations`, { headers: { 'X-API-Key': apiKey } });
  const { items } = (await list.json()) as { items: { callerAppId: string; reachability: string }[] };
  expect(items).toHaveLength(2);
  expect(items.find((item) => item.callerAppId === skill.standIn.agent.appId)).toMatchObject({ reachability: 'push' });
  await skill.notify({ subject: 's', text: 'hello' });
  await first.until((now) => now.action?.state === 'ended');
});
