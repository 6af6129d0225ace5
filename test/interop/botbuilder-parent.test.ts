// The stand-in is our own idea of a parent. This one is Microsoft's.

import { randomUUID } from 'node:crypto';
import { ActivityTypes } from 'botbuilder';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { type BotbuilderParent, startBotbuilderParent } from './botbuilder-parent.ts';

let skill: Skill;
let parent: BotbuilderParent;

beforeEach(async () => {
  const port = await findFreePort();
  const credentials = { appId: randomUUID(), secret: randomUUID() };
  skill = await startSkill({
    env: { AllowedCallers: credentials.appId, ALLOWED_SERVICE_URLS: `http://127.0.0.1:${port}` },
  });
  skill.standIn.registerApp(credentials);
  parent = await startBotbuilderParent({
    standIn: skill.standIn,
    port,
    ...credentials,
    skill: { appId: skill.appId, endpointUrl: `${skill.url}/api/messages` },
  });
});
afterEach(async () => {
  await parent.stop();
  await skill.stop();
});

const texts = () =>
  parent.received.filter((activity) => activity.type === ActivityTypes.Message).map(({ text }) => text);
const ended = () => parent.received.find((activity) => activity.type === ActivityTypes.EndOfConversation);
const callWait = (subject: string) =>
  parent.callSkill({ type: ActivityTypes.Event, name: 'waitForNotification', value: { subject, timeoutMinutes: 20 } });

describe('a parent of botbuilder classes (CloudSkillHandler, SkillConversationIdFactory, BotFrameworkClient)', () => {
  it('gets a notification that is sent ten minutes after its call', async () => {
    expect((await callWait('order/42')).status).toBe(200);
    expect(texts()).toHaveLength(1);
    skill.clock.advance(10 * 60_000);
    const accepted = await skill.notify({ subject: 'order/42', text: 'shipped' });
    const view = await skill.settled(String(accepted.body['id']), 'delivered');
    expect(texts().at(-1)).toBe('shipped');
    expect(ended()).toMatchObject({
      code: 'completedSuccessfully',
      value: { status: 'notified', text: 'shipped', notificationId: accepted.body['id'] },
    });
    expect(parent.received.find(({ text }) => text === 'shipped')?.channelData).toMatchObject({
      notification: { id: accepted.body['id'] },
    });
    expect(view.deliveries[0]?.attempts.map((attempt) => attempt.status)).toEqual([200, 200]);
  });

  it('gets a notification for an action that a message without a name has called', async () => {
    const called = { type: ActivityTypes.Message, text: 'tell me', value: { subject: 'order/43', timeoutMinutes: 20 } };
    expect((await parent.callSkill(called)).status).toBe(200);
    expect(ended()).toBeUndefined();
    const accepted = await skill.notify({ subject: 'order/43', text: 'shipped' });
    await skill.settled(String(accepted.body['id']), 'delivered');
    expect(texts().at(-1)).toBe('shipped');
    expect(ended()).toMatchObject({ value: { status: 'notified', notificationId: accepted.body['id'] } });
  });

  it('gets the replies of a turn in the answer with expectReplies', async () => {
    const answer = await parent.callSkill({
      type: ActivityTypes.Event,
      name: 'subscribe',
      value: { subject: 'news' },
      deliveryMode: 'expectReplies',
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { activities: [{ type: 'endOfConversation', value: { status: 'pushUnavailable' } }] },
    });
  });

  it('has forgotten the conversation after its end, and what comes then is held and given at the next call', async () => {
    await callWait('s');
    const first = await skill.notify({ subject: 's', text: 'one' });
    await skill.settled(String(first.body['id']), 'delivered');
    const { items } = await listConversations();
    const second = await skill.notify({ to: { conversationId: items[0]?.id }, message: { text: 'two' } });
    await skill.settled(String(second.body['id']), 'held');
    await callWait('s');
    await skill.settled(String(second.body['id']), 'delivered');
    expect(texts()).toContain('two');
  });

  it('answers 500 for a conversation it has forgotten, which is read as gone and not tried again', async () => {
    await skill.stop();
    await parent.stop();
    const port = await findFreePort();
    const credentials = { appId: randomUUID(), secret: randomUUID() };
    skill = await startSkill({
      env: {
        AllowedCallers: credentials.appId,
        ALLOWED_SERVICE_URLS: `http://127.0.0.1:${port}`,
        PUSH_WHEN_CLOSED: 'true',
      },
    });
    skill.standIn.registerApp(credentials);
    const endpointUrl = `${skill.url}/api/messages`;
    parent = await startBotbuilderParent({
      standIn: skill.standIn,
      port,
      ...credentials,
      skill: { appId: skill.appId, endpointUrl },
    });
    await parent.callSkill({ type: ActivityTypes.Event, name: 'subscribe', value: { subject: 'news' } });
    const accepted = await skill.notify({ subject: 'news', text: 'late' });
    const view = await skill.settled(String(accepted.body['id']), 'held');
    expect(view.deliveries[0]).toMatchObject({ reason: 'conversation_gone', attempts: [{ status: 500 }] });
  });
});

async function listConversations(): Promise<{ items: { id: string }[] }> {
  const answer = await fetch(`${skill.url}/api/conversations`, {
    headers: { 'X-API-Key': 'test-secret-of-enough-characters' },
  });
  return (await answer.json()) as { items: { id: string }[] };
}
