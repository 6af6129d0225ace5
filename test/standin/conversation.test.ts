import { decodeJwt } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startStandIn, type StandIn } from '../../standin/stand-in.ts';
import { type FakeSkill, join, startFakeSkill } from './fake-skill.ts';

let standIn: StandIn;
let skill: FakeSkill;

beforeEach(async () => {
  skill = await startFakeSkill();
  standIn = await startStandIn();
  join(standIn, skill);
});

afterEach(async () => {
  await standIn.stop();
  await skill.stop();
});

describe('on a channel', () => {
  it('an action call carries inputs, the agent’s service URL and the agent’s token', async () => {
    const conversation = standIn.openConversation({ user: { name: 'Ada', aadObjectId: 'u1' } });
    await conversation.callAction('waitForNotification', { subject: 'order/42' });
    const [request] = skill.received;
    expect(request?.activity).toMatchObject({
      type: 'event',
      name: 'waitForNotification',
      value: { subject: 'order/42' },
      channelId: 'msteams',
      deliveryMode: 'normal',
      serviceUrl: standIn.agent.serviceUrl,
      conversation: { id: conversation.id, tenantId: standIn.tenantId },
      from: { aadObjectId: 'u1', name: 'Ada', role: 'user' },
      recipient: { role: 'skill' },
      locale: 'en-US',
    });
    expect(decodeJwt(String(request?.authorization).replace('Bearer ', ''))).toMatchObject({
      aud: skill.appId,
      appid: standIn.agent.appId,
    });
    expect(standIn.wire.at(-1)).toMatchObject({ direction: 'agent->skill', status: 200, path: '/api/messages' });
  });

  it('a later endOfConversation ends the action with its outputs', async () => {
    const conversation = standIn.openConversation({ channel: 'directline' });
    await conversation.callAction('wait');
    expect(conversation.action).toEqual({ name: 'wait', state: 'open' });
    const ended = conversation.until((one) => one.action?.state === 'ended');
    await skill.callBack(standIn, conversation.id, { type: 'message', text: 'shipped' });
    const end = { type: 'endOfConversation', code: 'completedSuccessfully', value: { status: 'notified' } };
    await skill.callBack(standIn, conversation.id, end);
    await ended;
    expect(conversation.action).toEqual({
      name: 'wait',
      state: 'ended',
      code: 'completedSuccessfully',
      outputs: { status: 'notified' },
    });
  });

  it('words of the user reach the skill only while an action is open', async () => {
    const conversation = standIn.openConversation();
    expect(await conversation.say('hi')).toEqual({ status: 0, body: undefined });
    expect(skill.received).toHaveLength(0);
    await conversation.callAction('wait');
    expect((await conversation.say('still there?')).status).toBe(200);
    expect(skill.received.at(-1)?.activity).toMatchObject({ type: 'message', text: 'still there?' });
  });

  it('an event action without any reply is stuck, one with a reply is not', async () => {
    const conversation = standIn.openConversation();
    expect((await conversation.callAction('silent')).stuck).toBe(true);
    skill.onActivity = async () => {
      await skill.callBack(standIn, conversation.id, { type: 'message', text: 'waiting' });
      return {};
    };
    expect(await conversation.callAction('wait')).not.toHaveProperty('stuck');
  });

  it('an action inside a waiting one ends alone, and the wait after it', async () => {
    const conversation = standIn.openConversation();
    await conversation.callAction('wait');
    await conversation.callAction('subscribe');
    await skill.callBack(standIn, conversation.id, { type: 'endOfConversation', value: { status: 'subscribed' } });
    expect(conversation.action).toMatchObject({ name: 'subscribe', state: 'ended' });
    await skill.callBack(standIn, conversation.id, { type: 'endOfConversation', value: { status: 'notified' } });
    expect(conversation.action).toMatchObject({ name: 'wait', state: 'ended', outputs: { status: 'notified' } });
  });

  it('a skill that answers an error ends the action, in the platform’s words', async () => {
    skill.onActivity = () => ({ status: 502 });
    const conversation = standIn.openConversation();
    expect((await conversation.callAction('wait')).status).toBe(502);
    expect(conversation.transcript.at(-1)).toMatchObject({
      from: 'agent',
      text: 'SkillNotSuccesfulResponseCode: the skill answered 502',
    });
    expect(conversation.action).toMatchObject({ state: 'ended', code: 'SkillNotSuccesfulResponseCode' });
    expect(standIn.wire.at(-1)?.reason).toContain('502');
  });

  it('a skill that is not there gives status 0 and the cause', async () => {
    await skill.stop();
    const answer = await standIn.openConversation().callAction('wait');
    expect(answer.status).toBe(0);
    expect(standIn.wire.at(-1)?.reason).toContain('ECONNREFUSED');
  });

  it('cancelling tells the skill unless told not to', async () => {
    const conversation = standIn.openConversation();
    await conversation.callAction('wait');
    expect(await conversation.cancel({ tellSkill: false })).toBeUndefined();
    expect(conversation.action?.state).toBe('cancelled');
    expect(skill.received).toHaveLength(1);
    expect((await conversation.cancel())?.status).toBe(200);
    expect(skill.received.at(-1)?.activity['type']).toBe('endOfConversation');
  });

  it('post lays fields over the usual activity and leaves undefined ones out', async () => {
    const conversation = standIn.openConversation();
    await conversation.post({ type: 'event', name: 'x', serviceUrl: 'https://evil.example/', conversation: undefined });
    const activity = skill.received.at(-1)?.activity;
    expect(activity).toMatchObject({ type: 'event', serviceUrl: 'https://evil.example/', channelId: 'msteams' });
    expect(activity).not.toHaveProperty('conversation');
    expect(conversation.action).toEqual({ name: 'x', state: 'open' });
  });

  it('waiting in vain rejects with the transcript and the last refusals', async () => {
    const conversation = standIn.openConversation();
    await conversation.callAction('wait');
    await skill.callBack(standIn, conversation.id, { type: 'message' }, { token: null });
    const waiting = conversation.until((one) => one.action?.state === 'ended', { timeoutMs: 20 });
    await expect(waiting).rejects.toThrow(/calls wait[^]*no bearer token/);
  });
});

describe('in the test pane', () => {
  it('the activity has the captured shape', async () => {
    const conversation = standIn.openConversation({ channel: 'pva-studio' });
    await conversation.callAction('wait', { subject: 's' });
    const activity = skill.received.at(-1)?.activity;
    expect(activity).toMatchObject({
      serviceUrl: 'https://directline.botframework.com/',
      channelId: 'pva-studio',
      deliveryMode: 'expectReplies',
      conversation: { id: conversation.id },
      from: { role: 'user', id: expect.any(String), aadObjectId: expect.any(String) },
      recipient: { role: 'skill', id: expect.stringMatching(/^[0-9a-f-]{36}\/[0-9a-f-]{36}$/) },
      relatesTo: { conversation: { id: conversation.id }, channelId: 'pva-studio', bot: null },
      channelData: { enableDiagnostics: true, testMode: 'Text' },
    });
  });

  it('names the agent’s own service URL when replies are asked for by callback', async () => {
    const conversation = standIn.openConversation({ channel: 'pva-studio', deliveryMode: 'normal' });
    await conversation.callAction('wait');
    expect(skill.received.at(-1)?.activity).toMatchObject({ serviceUrl: standIn.agent.serviceUrl });
    expect((await skill.callBack(standIn, conversation.id, { type: 'message' })).status).toBe(200);
  });

  it('replies are read from the body of the answer', async () => {
    const end = { type: 'endOfConversation', value: { status: 'pushUnavailable' } };
    skill.onActivity = () => ({ body: { activities: [{ type: 'message', text: 'no push here' }, end] } });
    const conversation = standIn.openConversation({ channel: 'pva-studio' });
    expect(await conversation.callAction('wait')).not.toHaveProperty('stuck');
    expect(conversation.transcript.map((entry) => entry.text)).toContain('no push here');
    expect(conversation.action).toMatchObject({ state: 'ended', outputs: { status: 'pushUnavailable' } });
  });

  it('an empty list of replies leaves the action stuck', async () => {
    skill.onActivity = () => ({ body: { activities: [] } });
    expect((await standIn.openConversation({ channel: 'pva-studio' }).callAction('wait')).stuck).toBe(true);
  });
});
