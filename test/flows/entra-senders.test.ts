// Senders that come with a token of Entra instead of an API key.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SignTokenOptions } from '../../standin/types.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

const audience = 'api://copilot-notify';
const caller = randomUUID();
let skill: Skill;
let claims: Record<string, unknown>;

beforeAll(async () => {
  skill = await startSkill({ env: { NOTIFY_ENTRA_AUDIENCE: audience, NOTIFY_API_KEYS: '' } });
  claims = {
    aud: audience,
    iss: `https://login.microsoftonline.com/${skill.standIn.tenantId}/v2.0`,
    ver: '2.0',
    azp: caller,
    appid: undefined,
    roles: ['Notify.Send'],
  };
});
afterAll(() => skill.stop());

async function ask(
  method: string,
  path: string,
  more: Record<string, unknown> = {},
  options: SignTokenOptions = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const token = await skill.standIn.signToken({ ...claims, ...more }, options);
  const answer = await fetch(`${skill.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: JSON.stringify({ subject: 's', text: 'hello' }) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const notify = (more?: Record<string, unknown>, options?: SignTokenOptions) =>
  ask('POST', '/api/notify', more, options);

describe('an app of the tenant', () => {
  it('with the role notifies, under its own name', async () => {
    const { status, body } = await notify();
    expect(status).toBe(202);
    const found = await ask('GET', `/api/notifications/${String(body['id'])}`, { roles: ['Notify.Read'] });
    expect(found.status).toBe(200);
    expect(skill.log.join('')).toContain(`"sender":"entra:${caller}"`);
    // Another app's is not there for it.
    const other = { roles: ['Notify.Read'], azp: randomUUID() };
    expect((await ask('GET', `/api/notifications/${String(body['id'])}`, other)).status).toBe(404);
  });

  it('with a token of version 1.0 as well', async () => {
    const iss = `https://sts.windows.net/${skill.standIn.tenantId}/`;
    expect((await notify({ ver: '1.0', iss, appid: caller, azp: undefined })).status).toBe(202);
  });

  it.each<[string, string, string[], number]>([
    ['POST', '/api/notify', ['Notify.Send'], 202],
    ['POST', '/api/notify', ['Notify.Read', 'Notify.Send'], 202],
    ['POST', '/api/notify', ['Notify.Read'], 403],
    ['POST', '/api/notify', ['Notify.Operate'], 403],
    ['POST', '/api/notify', ['notify.send'], 403],
    ['POST', '/api/notify', ['toString', 'constructor'], 403],
    ['POST', '/api/notify', [], 403],
    ['GET', '/api/notifications', ['Notify.Read'], 200],
    ['GET', '/api/notifications', ['Notify.Send'], 403],
    ['GET', '/api/status', ['Notify.Operate'], 200],
    ['GET', '/api/status', ['Notify.Send', 'Notify.Read'], 403],
    ['GET', '/api/keys', ['Notify.Operate'], 200],
  ])('%s %s with the roles %j: %i', async (method, path, roles, status) => {
    expect((await ask(method, path, { roles })).status).toBe(status);
  });
});

describe('a token is refused', () => {
  const hour = 3_600;
  it.each<[string, () => Record<string, unknown>, SignTokenOptions?]>([
    ['for another audience', () => ({ aud: 'api://other' })],
    ['for the skill itself, as parents have them', () => ({ aud: skill.appId })],
    ['for the Bot Framework', () => ({ aud: 'https://api.botframework.com' })],
    ['for several audiences, none of them ours', () => ({ aud: ['a', 'b'] })],
    ['of another tenant', () => ({ tid: randomUUID() })],
    [
      'of another tenant, issuer and all',
      () => {
        const tid = randomUUID();
        return { tid, iss: `https://login.microsoftonline.com/${tid}/v2.0` };
      },
    ],
    ['with an issuer that is not its tenant', () => ({ iss: 'https://login.microsoftonline.com/common/v2.0' })],
    ['with the issuer of the other version', () => ({ iss: `https://sts.windows.net/${skill.standIn.tenantId}/` })],
    ['of a user', () => ({ scp: 'user_impersonation' })],
    ['of a user, by its type', () => ({ idtyp: 'user' })],
    ['without its caller', () => ({ azp: undefined })],
    ['with roles that are a text', () => ({ roles: 'Notify.Send' })],
    ['that has expired', () => ({ exp: skill.clock.now() / 1_000 - hour, nbf: skill.clock.now() / 1_000 - 2 * hour })],
    ['that is not good yet', () => ({ nbf: skill.clock.now() / 1_000 + hour })],
    ['that is not signed', () => ({}), { alg: 'none' }],
    ['that is signed with the public key', () => ({}), { alg: 'HS256' }],
    ['that is signed by somebody else', () => ({}), { key: 'foreign' }],
    ['with a key id that nobody knows', () => ({}), { kid: 'unknown' }],
    ['without an expiry', () => ({}), { omit: ['exp'] }],
    ['without a tenant', () => ({}), { omit: ['tid'] }],
  ])('%s', async (_, more, options) => {
    const { status, body } = await notify(more(), options);
    expect([status, body['code']]).toEqual([401, 'invalid_token']);
    expect(body['detail']).toBe('The bearer token is not accepted.');
  });

  it('that is none', async () => {
    for (const authorization of ['Bearer abc', 'Bearer a.b.c', 'Bearer ..', `Bearer ${'a'.repeat(9_000)}.b.c`]) {
      const answer = await fetch(`${skill.url}/api/notify`, { method: 'POST', headers: { authorization } });
      expect(answer.status).toBe(401);
    }
  });
});
