// The failures that everybody meets who tries this, each through real HTTP with authentication on.

import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { SkillAdapter } from '../../src/bot/adapter.ts';
import { ParentConnectorFactory } from '../../src/bot/connector.ts';
import { createTokenSource } from '../../src/bot/credentials.ts';
import { createParentTransport } from '../../src/bot/parent-transport.ts';
import { createSigningKeys } from '../../src/bot/signing-keys.ts';
import { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import { createServiceUrlPolicy } from '../../src/conversations/service-url-policy.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill();
});
afterEach(() => skill.stop());

type Posted = { status: number; body: { code?: string; detail?: string } };

async function postActivity(token: string | undefined, activity: Record<string, unknown> = {}): Promise<Posted> {
  const answer = await fetch(`${skill.url}/api/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({
      type: 'event',
      name: 'subscribe',
      value: { subject: 's' },
      id: 'a1',
      channelId: 'msteams',
      serviceUrl: skill.standIn.agent.serviceUrl,
      from: { id: 'user' },
      recipient: { id: 'bot' },
      conversation: { id: 'c1' },
      ...activity,
    }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Posted['body']) };
}

async function countConversations(): Promise<number> {
  const answer = await fetch(`${skill.url}/api/conversations`, {
    headers: { 'X-API-Key': 'test-secret-of-enough-characters' },
  });
  return ((await answer.json()) as { items: unknown[] }).items.length;
}

const callbacks = () => skill.standIn.wire.filter((record) => record.direction === 'skill->agent');

describe('tokens that are refused', () => {
  it.each([
    ['no token', () => Promise.resolve(undefined), 401],
    ['an unsigned token', () => skill.standIn.signToken({}, { alg: 'none' }), 401],
    ['a token signed with a key that the issuer does not have', () => skill.standIn.signToken({}, { key: 'foreign' }), 401],
    ['a token for somebody else', () => skill.standIn.signToken({ aud: '00000000-0000-4000-8000-000000000001' }), 401],
    ['a token for api.botframework.com', () => skill.standIn.signToken({ aud: 'https://api.botframework.com' }), 401],
    ['a token of another tenant', () => foreignTenantToken(), 401],
    ["another tenant's issuer over our tenant id", () => skill.standIn.signToken({ iss: `https://sts.windows.net/${otherTenant}/` }), 401],
    ['the v2 issuer with a slash at its end', () => skill.standIn.signToken({ iss: `https://login.microsoftonline.com/${skill.standIn.tenantId}/v2.0/` }), 401],
    ['an expired token', () => skill.standIn.signToken({ exp: seconds(-120), nbf: seconds(-4000) }), 401],
    ['a token from the future', () => skill.standIn.signToken({ nbf: seconds(600) }), 401],
    ['a token without expiry', () => skill.standIn.signToken({}, { omit: ['exp'] }), 401],
    ['a token without nbf', () => skill.standIn.signToken({}, { omit: ['nbf'] }), 401],
    ['a token of a user', () => skill.standIn.signToken({ scp: 'user_impersonation' }), 401],
    ['a token that lives for a month', () => skill.standIn.signToken({ exp: seconds(30 * 86_400) }), 401],
    ['our own token, replayed', () => skill.standIn.signToken({ appid: skill.appId }), 401],
    ['a caller that is not allowed', () => skill.standIn.signToken({ appid: '00000000-0000-4000-8000-000000000002' }), 403],
    ['rubbish', () => Promise.resolve('not.a.token'), 401],
  ])('%s', async (_, makeToken, status) => {
    const posted = await postActivity(await makeToken());
    expect(posted.status).toBe(status);
    expect(posted.body.code).toBe(status === 403 ? 'caller_not_allowed' : 'invalid_token');
    expect(await countConversations()).toBe(0);
    expect(callbacks()).toEqual([]);
  });

  it('a good token is let in (so that the refusals above mean something)', async () => {
    const posted = await postActivity(await skill.standIn.signToken(), { type: 'conversationUpdate' });
    expect(posted.status).toBe(200);
    expect(await countConversations()).toBe(1);
  });

  it('the own token that a mistaken skill would send out cannot be replayed at the skill', async () => {
    const tokens = createTokenSource({
      identity: {
        appId: skill.appId,
        appType: 'SingleTenant',
        tenantId: skill.standIn.tenantId,
        credential: { kind: 'secret', secret: skill.secret },
      },
      loginUrl: skill.standIn.loginUrl,
      now: skill.clock.now,
    });
    const own = await tokens('https://api.botframework.com');
    const posted = await postActivity(own.replace('Bearer ', ''), { channelId: 'emulator' });
    expect(posted.status).toBe(401);
  });
});

describe('pushes that the stand-in would refuse, as life does', () => {
  it('the three-argument call asks for a token for api.botframework.com and gets 401', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    const status = await pushWithAudience('https://api.botframework.com', conversation.id);
    expect(status).toBe(401);
    expect(callbacks().at(-1)?.reason).toContain('api.botframework.com');
  });

  it('our adapter does not send at all without the audience', async () => {
    const adapter = createAdapter(skill);
    const reference = { serviceUrl: skill.standIn.agent.serviceUrl, conversation: { id: 'c' }, channelId: 'msteams' };
    const push = adapter.continueConversationAsync(skill.appId, reference as never, async (context) => {
      await context.sendActivity('lost');
    });
    await expect(push).rejects.toThrow(/Audience \(none\)/);
    expect(callbacks()).toEqual([]);
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
    expect(callbacks().at(-1)?.reason).toMatch(/tenant/i);
  });

  it('with the right audience and tenant it is taken', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    expect(await pushWithAudience(skill.standIn.agent.appId, conversation.id)).toBe(200);
  });
});

describe('service URLs outside the policy', () => {
  it.each([
    'https://attacker.example/api/',
    'http://169.254.169.254/latest/',
    'https://pvaruntime.attacker.example/',
    'http://127.0.0.1:1/',
    'https://pvaruntime.us-il1.gateway.prod.island.powerapps.com@attacker.example/',
  ])('%s: 403, nothing sent, nothing saved', async (serviceUrl) => {
    const posted = await postActivity(await skill.standIn.signToken(), { serviceUrl });
    expect(posted).toMatchObject({ status: 403, body: { code: 'service_url_not_allowed' } });
    expect(await countConversations()).toBe(0);
    expect(callbacks()).toEqual([]);
  });
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
    expect(callbacks()).toEqual([]);

    const again = skill.standIn.openConversation({ channel: 'pva-studio', deliveryMode: 'expectReplies', user });
    await again.callAction('waitForNotification', { subject: 'order/42' });
    expect(again.action).toMatchObject({ outputs: { status: 'notified', text: 'shipped' } });
    await skill.settled(String(accepted.body['id']), 'delivered');
    expect(callbacks()).toEqual([]);
  });

  it.each([404, 403, 410, 500] as const)('after the end of the action (parent answers %i) nothing is lost', async (closedStatus) => {
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
  });

  it('after endOfConversation from the parent nothing is pushed and nothing is lost', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    await conversation.cancel();
    const before = callbacks().length;
    const accepted = await skill.notify({ subject: 's', text: 'kept' });
    expect(accepted.body).toMatchObject({ status: 'waiting' });
    const next = skill.standIn.openConversation();
    await next.callAction('getNotifications', { subject: 's' });
    expect(next.action?.outputs).toMatchObject({ count: 1, text: 'kept' });
    expect(callbacks().length).toBe(before + 1);
  });
});

describe('the import', () => {
  it('ping with a null recipient and without conversation gets 200 and creates no state', async () => {
    const answer = await fetch(`${skill.url}/api/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await skill.standIn.signToken()}` },
      body: JSON.stringify({ type: 'endOfConversation', name: 'PVASkillImport', recipient: null }),
    });
    expect(answer.status).toBe(200);
    expect(await countConversations()).toBe(0);
  });

  it('passes with both manifests', async () => {
    for (const file of ['skill-manifest-2.2.json', 'skill-manifest-2.0.json']) {
      const fresh = await startSkill({ registered: false });
      try {
        const imported = await fresh.standIn.importSkill(`${fresh.url}/manifests/${file}`);
        expect(imported).toMatchObject({ ok: true, findings: [] });
      } finally {
        await fresh.stop();
      }
    }
  });
});

/** The adapter as the service builds it, for calls that the service itself never makes. */
function createAdapter(running: Skill): SkillAdapter {
  const { standIn, appId, secret, clock } = running;
  const policy = createServiceUrlPolicy('public', [
    { kind: 'origin', origin: new URL(standIn.agent.serviceUrl).origin },
  ]);
  const transport = createParentTransport();
  onTestFinished(() => transport.close());
  const tokens = createTokenSource({
    identity: {
      appId,
      appType: 'SingleTenant',
      tenantId: standIn.tenantId,
      credential: { kind: 'secret', secret },
    },
    loginUrl: standIn.loginUrl,
    now: clock.now,
  });
  const allowedCallers = [standIn.agent.appId];
  const authentication = new SkillAuthentication({
    rules: { appId, allowedTenants: [standIn.tenantId], allowedCallers, cloud: 'public' },
    keys: createSigningKeys({ openIdMetadataUrl: standIn.openIdMetadataUrl, now: clock.now }),
    policy,
    connectors: new ParentConnectorFactory({ policy, tokens, transport, allowedCallers }),
    now: clock.now,
  });
  return new SkillAdapter(authentication);
}

const otherTenant = '11111111-1111-4111-8111-111111111111';
const seconds = (fromNow: number) => Math.floor(skill.clock.now() / 1000) + fromNow;

function foreignTenantToken(): Promise<string> {
  return skill.standIn.signToken({ tid: otherTenant, iss: `https://sts.windows.net/${otherTenant}/` });
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
