// The failures that everybody meets who tries this, each through real HTTP with authentication on.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SkillAdapter } from '../../src/bot/adapter.ts';
import { ParentConnectorFactory } from '../../src/bot/connector.ts';
import { createParentTransport } from '../../src/bot/parent-transport.ts';
import { createSigningKeys } from '../../src/bot/signing-keys.ts';
import { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import { createServiceUrlPolicy } from '../../src/conversations/service-url-policy.ts';
import { callbacksOf, otherTenant } from '../helpers/activities.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { tokensOf } from '../helpers/tokens.ts';
import { http } from '../helpers/http.ts';

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill();
});
afterEach(() => skill.stop());

describe('pushes that the stand-in would refuse, as life does', () => {
  it('the three-argument call asks for a token for api.botframework.com and gets 401', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    const status = await pushWithAudience('https://api.botframework.com', conversation.id);
    expect(status).toBe(401);
    expect(callbacksOf(skill).at(-1)?.reason).toContain('api.botframework.com');
  });

  it('our adapter does not send at all without the audience', async () => {
    const adapter = createAdapter(skill);
    const reference = { serviceUrl: skill.standIn.agent.serviceUrl, conversation: { id: 'c' }, channelId: 'msteams' };
    const push = adapter.continueConversationAsync(skill.appId, reference as never, async (context) => {
      await context.sendActivity('lost');
    });
    await expect(push).rejects.toThrow(/Audience \(none\)/);
    expect(callbacksOf(skill)).toEqual([]);
  });

  it('a token of the wrong tenant gets 401', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    const token = await skill.standIn.signToken({
      aud: skill.standIn.agent.appId,
      appid: skill.appId,
      tid: otherTenant,
      iss: `https://sts.windows.net/${otherTenant}/`,
    });
    expect(await pushWithToken(token, conversation.id)).toBe(401);
    expect(callbacksOf(skill).at(-1)?.reason).toMatch(/tenant/i);
  });

  it('with the right audience and tenant it is taken', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    expect(await pushWithAudience(skill.standIn.agent.appId, conversation.id)).toBe(200);
  });
});

it('a push that the parent answers with 401 is tried again with a new token', async () => {
  const conversation = skill.standIn.openConversation();
  await conversation.callAction('waitForNotification', { subject: 's' });
  skill.clock.advance(120_000);
  skill.standIn.faults.answerNext({ status: 401 });
  const sent = await skill.notify({ subject: 's', text: 'hello' });
  const refused = await eventually('it was refused', async () => {
    return (await skill.findNotification(String(sent.body['id']))).deliveries[0]?.attempts[0];
  });
  expect(refused).toMatchObject({ status: 401, detail: expect.stringContaining('MicrosoftAppTenantId') });
  skill.clock.advance(5_000);
  await skill.settled(String(sent.body['id']), 'delivered');
  const asked = skill.standIn.wire.filter((record) => record.direction === 'skill->tenant' && record.scope);
  expect(asked).toHaveLength(2);
});

describe('conversations that can take no push', () => {
  it('in the test pane a wait ends honestly, nothing is ever posted, and what comes is given when the user asks', async () => {
    const user = { id: 'maker', aadObjectId: 'maker' };
    const pane = skill.standIn.openConversation({ channel: 'pva-studio', deliveryMode: 'expectReplies', user });
    const called = await pane.callAction('waitForNotification', { subject: 'order/42' });
    expect(called.status).toBe(200);
    expect(pane.action).toMatchObject({ state: 'ended', outputs: { status: 'pushUnavailable' } });
    const accepted = await skill.notify({ subject: 'order/42', text: 'shipped' });
    const held = await skill.settled(String(accepted.body['id']), 'held');
    expect(held.deliveries[0]?.reasonText).toContain('expectReplies');
    expect(callbacksOf(skill)).toEqual([]);

    const again = skill.standIn.openConversation({ channel: 'pva-studio', deliveryMode: 'expectReplies', user });
    await again.callAction('waitForNotification', { subject: 'order/42' });
    expect(again.action).toMatchObject({ outputs: { status: 'notified', text: 'shipped' } });
    await skill.settled(String(accepted.body['id']), 'delivered');
    expect(callbacksOf(skill)).toEqual([]);
  });

  it.each([404, 403, 410, 500] as const)(
    'after the end of the action (parent answers %i) nothing is lost',
    async (closedStatus) => {
      await skill.stop();
      skill = await startSkill({ standIn: { closedStatus } });
      const user = { id: 'u', aadObjectId: 'u' };
      const conversation = skill.standIn.openConversation({ user });
      await conversation.callAction('waitForNotification', { subject: 's' });
      // The parent drops the action without a word, as on an interruption: the skill cannot know.
      await conversation.cancel({ tellSkill: false });
      const accepted = await skill.notify({ subject: 's', text: 'still here' });
      const view = await skill.settled(String(accepted.body['id']), 'held');
      expect(view.deliveries[0]?.attempts).toMatchObject([{ outcome: 'refused', status: closedStatus }]);
      const next = skill.standIn.openConversation({ user });
      await next.callAction('waitForNotification', { subject: 's' });
      expect(next.action).toMatchObject({ outputs: { status: 'notified', text: 'still here' } });
      await skill.settled(String(accepted.body['id']), 'delivered');
    },
  );

  it('after endOfConversation from the parent nothing is pushed and nothing is lost', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    await conversation.cancel();
    const before = callbacksOf(skill).length;
    const accepted = await skill.notify({ subject: 's', text: 'kept' });
    expect(accepted.body).toMatchObject({ status: 'waiting' });
    const next = skill.standIn.openConversation();
    await next.callAction('getNotifications', { subject: 's' });
    expect(next.action?.outputs).toMatchObject({ count: 1, text: 'kept' });
    expect(callbacksOf(skill).length).toBe(before + 1);
  });
});

/** The adapter as the service builds it, for calls that the service itself never makes. */
function createAdapter(running: Skill): SkillAdapter {
  const { standIn, appId, clock } = running;
  const policy = createServiceUrlPolicy('public', [
    { kind: 'origin', origin: new URL(standIn.agent.serviceUrl).origin },
  ]);
  const transport = createParentTransport(http);
  const tokens = tokensOf(standIn, running, clock.now);
  const allowedCallers = [standIn.agent.appId];
  const authentication = new SkillAuthentication({
    rules: { appId, allowedTenants: [standIn.tenantId], allowedCallers, cloud: 'public' },
    keys: createSigningKeys({ http, openIdMetadataUrl: standIn.openIdMetadataUrl, now: clock.now }),
    policy,
    connectors: new ParentConnectorFactory({ policy, tokens, transport, allowedCallers }),
    now: clock.now,
  });
  return new SkillAdapter(authentication);
}

async function pushWithAudience(audience: string, conversationId: string): Promise<number> {
  const answer = await fetch(`${skill.standIn.loginUrl}/${skill.standIn.tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: skill.appId,
      client_secret: skill.secret,
      scope: `${audience}/.default`,
    }),
  });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  return pushWithToken(token, conversationId);
}

async function pushWithToken(token: string, conversationId: string): Promise<number> {
  const url = `${skill.standIn.agent.serviceUrl}v3/conversations/${encodeURIComponent(conversationId)}/activities`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ type: 'message', text: 'hello' }),
  });
  return answer.status;
}
