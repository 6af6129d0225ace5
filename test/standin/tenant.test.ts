import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startStandIn, type StandIn } from '../../standin/stand-in.ts';
import { type FakeSkill, join, startFakeSkill } from './fake-skill.ts';

const botFrameworkTenant = 'd6d49420-f39b-4df7-a1dc-d59a935871db';
const foreignTenant = '11111111-2222-3333-4444-555555555555';

let standIn: StandIn;
let skill: FakeSkill;

beforeEach(async () => {
  standIn = await startStandIn();
  skill = await startFakeSkill();
  join(standIn, skill);
});

afterEach(async () => {
  await standIn.stop();
  await skill.stop();
});

type Refusal = { error: string; error_description: string; error_codes: number[] };

describe('the token endpoint refuses as Entra does', () => {
  const cases: [string, Record<string, string>, string | undefined, number, string, number][] = [
    ['a wrong secret', { client_secret: 'wrong' }, undefined, 401, 'invalid_client', 7000215],
    ['an unknown client', { client_id: foreignTenant }, undefined, 400, 'unauthorized_client', 700016],
    ['a scope of no app', { scope: `${foreignTenant}/.default` }, undefined, 400, 'invalid_resource', 500011],
    ['a scope without /.default', { scope: 'https://api.botframework.com' }, undefined, 400, 'invalid_scope', 1002012],
    ['another grant', { grant_type: 'password' }, undefined, 400, 'unsupported_grant_type', 70003],
    ['an unknown tenant', {}, foreignTenant, 400, 'invalid_request', 90002],
    ['a single-tenant app at botframework.com', {}, 'botframework.com', 400, 'unauthorized_client', 700016],
  ];
  it.each(cases)('%s', async (_name, form, tenant, status, error, code) => {
    const response = await skill.requestToken(standIn, form, tenant);
    expect(response.status).toBe(status);
    const body = (await response.json()) as Refusal;
    expect(body).toMatchObject({ error, error_codes: [code] });
    expect(body.error_description).toContain(`AADSTS${code}`);
    expect(standIn.wire.at(-1)).toMatchObject({ direction: 'skill->tenant', status, reason: body.error_description });
  });

  it('a request without a secret', async () => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: skill.appId, scope: 'x/.default' });
    const response = await fetch(`${standIn.loginUrl}/${standIn.tenantId}/oauth2/v2.0/token`, { method: 'POST', body });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: 'invalid_client', error_codes: [7000218] });
  });
});

describe('the token endpoint grants', () => {
  it('a token for the agent in version 1.0, verifiable by the published keys', async () => {
    const token = await skill.fetchToken(standIn);
    const { issuer, jwks_uri: keysUrl } = await readMetadata('botframework.com');
    expect(issuer).toBe(`https://login.microsoftonline.com/${botFrameworkTenant}/v2.0`);
    const keys = (await (await fetch(String(keysUrl))).json()) as JSONWebKeySet;
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
      issuer: `https://sts.windows.net/${standIn.tenantId}/`,
      audience: standIn.agent.appId,
    });
    expect(payload).toMatchObject({ ver: '1.0', appid: skill.appId, tid: standIn.tenantId });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
  });

  it('a token for api.botframework.com, so that a wrong audience fails only later', async () => {
    const token = await skill.fetchToken(standIn, { scope: 'https://api.botframework.com/.default' });
    expect(decodeJwt(token)).toMatchObject({ aud: 'https://api.botframework.com', appid: skill.appId });
    expect(standIn.wire.at(-1)).toMatchObject({ status: 200, scope: 'https://api.botframework.com/.default' });
  });

  it('a token at the version 1 endpoint, by resource', async () => {
    const response = await fetch(`${standIn.loginUrl}/${standIn.tenantId}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: skill.appId,
        client_secret: skill.secret,
        resource: standIn.agent.appId,
      }),
    });
    expect(response.status).toBe(200);
  });

  it('a multi-tenant app a token of the Bot Framework tenant', async () => {
    standIn.registerApp({ appId: skill.appId, secret: skill.secret, tenantId: 'botframework.com' });
    const claims = decodeJwt(await skill.fetchToken(standIn, {}, 'botframework.com'));
    expect(claims).toMatchObject({ tid: botFrameworkTenant, iss: `https://sts.windows.net/${botFrameworkTenant}/` });
  });

  it('an app of another tenant no token for this agent', async () => {
    standIn.registerApp({ appId: skill.appId, secret: skill.secret, tenantId: foreignTenant });
    const response = await skill.requestToken(standIn, {}, foreignTenant);
    expect(await response.json()).toMatchObject({ error: 'invalid_resource' });
  });
});

describe('metadata', () => {
  it('names all that MSAL asks for, for each tenant path', async () => {
    for (const segment of [standIn.tenantId, 'common', 'botframework.com']) {
      const metadata = await readMetadata(segment);
      expect(Object.keys(metadata)).toEqual(
        expect.arrayContaining(['token_endpoint', 'authorization_endpoint', 'issuer', 'jwks_uri']),
      );
    }
    const instance = await fetch(`${standIn.loginUrl}/common/discovery/instance?api-version=1.1`);
    expect(await instance.json()).toHaveProperty('metadata');
  });
});

describe('version 2.0', () => {
  it('shows in issuer, ver and azp of both directions', async () => {
    const second = await startStandIn({ tokenVersion: '2.0', now: () => Date.UTC(2030, 0, 1) });
    join(second, skill);
    const issuer = `https://login.microsoftonline.com/${second.tenantId}/v2.0`;
    expect(decodeJwt(await skill.fetchToken(second))).toMatchObject({ ver: '2.0', azp: skill.appId, iss: issuer });
    const inbound = decodeJwt(await second.signToken());
    expect(inbound).toMatchObject({ ver: '2.0', azp: second.agent.appId, aud: skill.appId, iss: issuer });
    expect(inbound.iat).toBe(Date.UTC(2030, 0, 1) / 1000);
    await second.stop();
  });
});

describe('hostile tokens', () => {
  it('take other claims, lose claims, or come unsigned, by another alg or by a foreign key', async () => {
    expect(decodeJwt(await standIn.signToken({ aud: 'other' }, { omit: ['exp'] }))).toMatchObject({ aud: 'other' });
    expect(decodeJwt(await standIn.signToken({}, { omit: ['exp'] }))).not.toHaveProperty('exp');
    expect((await standIn.signToken({}, { alg: 'none' })).split('.')[2]).toBe('');
    const { jwks_uri: keysUrl } = await readMetadata('common');
    const keys = createLocalJWKSet((await (await fetch(String(keysUrl))).json()) as JSONWebKeySet);
    await expect(jwtVerify(await standIn.signToken(), keys)).resolves.toBeDefined();
    await expect(jwtVerify(await standIn.signToken({}, { key: 'foreign' }), keys)).rejects.toThrow(/signature/);
    await expect(jwtVerify(await standIn.signToken({}, { alg: 'HS256' }), keys)).rejects.toThrow(/alg|key/i);
    await expect(jwtVerify(await standIn.signToken({}, { kid: 'other' }), keys)).rejects.toThrow(/key/);
  });
});

it('starts on loopback addresses only', async () => {
  await expect(startStandIn({ host: '0.0.0.0' })).rejects.toThrow(/host/);
});

async function readMetadata(segment: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${standIn.loginUrl}/${segment}/v2.0/.well-known/openid-configuration`);
  return (await response.json()) as Record<string, unknown>;
}
