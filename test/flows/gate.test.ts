// What the gate lets in and what not, through real HTTP with authentication on.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callbacksOf, countConversations, otherTenant, postActivity } from '../helpers/activities.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { tokensOf } from '../helpers/tokens.ts';

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill();
});
afterEach(() => skill.stop());

describe('tokens that are refused', () => {
  it.each([
    ['no token', () => Promise.resolve(undefined), 401],
    ['an unsigned token', () => skill.standIn.signToken({}, { alg: 'none' }), 401],
    [
      'a token signed with a key that the issuer does not have',
      () => skill.standIn.signToken({}, { key: 'foreign' }),
      401,
    ],
    ['a token for somebody else', () => skill.standIn.signToken({ aud: '00000000-0000-4000-8000-000000000001' }), 401],
    ['a token for api.botframework.com', () => skill.standIn.signToken({ aud: 'https://api.botframework.com' }), 401],
    ['a token of another tenant', () => foreignTenantToken(), 401],
    [
      "another tenant's issuer over our tenant id",
      () => skill.standIn.signToken({ iss: `https://sts.windows.net/${otherTenant}/` }),
      401,
    ],
    [
      'the v2 issuer with a slash at its end',
      () => skill.standIn.signToken({ iss: `https://login.microsoftonline.com/${skill.standIn.tenantId}/v2.0/` }),
      401,
    ],
    ['an expired token', () => skill.standIn.signToken({ exp: seconds(-120), nbf: seconds(-4000) }), 401],
    ['a token from the future', () => skill.standIn.signToken({ nbf: seconds(600) }), 401],
    ['a token without expiry', () => skill.standIn.signToken({}, { omit: ['exp'] }), 401],
    ['a token without nbf', () => skill.standIn.signToken({}, { omit: ['nbf'] }), 401],
    ['a token of a user', () => skill.standIn.signToken({ scp: 'user_impersonation' }), 401],
    ['a token that lives for a month', () => skill.standIn.signToken({ exp: seconds(30 * 86_400) }), 401],
    ['our own token, replayed', () => skill.standIn.signToken({ appid: skill.appId }), 401],
    [
      'a caller that is not allowed',
      () => skill.standIn.signToken({ appid: '00000000-0000-4000-8000-000000000002' }),
      403,
    ],
    ['rubbish', () => Promise.resolve('not.a.token'), 401],
  ])('%s', async (_, makeToken, status) => {
    const posted = await postActivity(skill, await makeToken());
    expect(posted.status).toBe(status);
    expect(posted.body.code).toBe(status === 403 ? 'caller_not_allowed' : 'invalid_token');
    expect(posted.body.detail).toBe(
      status === 403 ? 'The caller is not in AllowedCallers.' : 'The bearer token is not accepted.',
    );
    expect(skill.log.some((line) => line.includes('"reason":'))).toBe(true);
    expect(await countConversations(skill)).toBe(0);
    expect(callbacksOf(skill)).toEqual([]);
  });

  it('a good token is let in (so that the refusals above mean something)', async () => {
    const posted = await postActivity(skill, await skill.standIn.signToken(), { type: 'conversationUpdate' });
    expect(posted.status).toBe(200);
    expect(await countConversations(skill)).toBe(1);
  });

  it('the own token that a mistaken skill would send out cannot be replayed at the skill', async () => {
    const tokens = tokensOf(skill.standIn, skill, skill.clock.now);
    const own = await tokens('https://api.botframework.com');
    const posted = await postActivity(skill, own.replace('Bearer ', ''), { channelId: 'emulator' });
    expect(posted.status).toBe(401);
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
    const posted = await postActivity(skill, await skill.standIn.signToken(), { serviceUrl });
    expect(posted).toMatchObject({ status: 403, body: { code: 'service_url_not_allowed' } });
    expect(skill.log.join('')).toMatch(/"reason":"[^"]*service URL/);
    expect(await countConversations(skill)).toBe(0);
    expect(callbacksOf(skill)).toEqual([]);
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
    expect(await countConversations(skill)).toBe(0);
  });

  it.each([
    ['which takes no posts: 200, as none is made', 'https://directline.botframework.com/', 200],
    ['that is not allowed: 403', 'https://attacker.example/', 403],
  ])('ping that names a service URL %s', async (_, serviceUrl, status) => {
    const ping = { type: 'endOfConversation', recipient: null, serviceUrl };
    expect(await postActivity(skill, await skill.standIn.signToken(), ping)).toMatchObject({ status });
    expect(await countConversations(skill)).toBe(0);
    expect(callbacksOf(skill)).toEqual([]);
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

const seconds = (fromNow: number) => Math.floor(skill.clock.now() / 1000) + fromNow;

function foreignTenantToken(): Promise<string> {
  return skill.standIn.signToken({ tid: otherTenant, iss: `https://sts.windows.net/${otherTenant}/` });
}
