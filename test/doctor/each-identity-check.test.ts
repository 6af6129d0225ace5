// Each check of the doctor fails for its own reason, alone save for those that wait for it, and passes when it is mended:
// a managed identity.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { examine, failuresOf, findingOf, findMissed } from './doctor-bench.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

describe('a managed identity', () => {
  const env = { MicrosoftAppType: 'UserAssignedMSI', MicrosoftAppPassword: '' };
  let host: Server;
  let token: string | undefined;
  beforeAll(async () => {
    // One for all tests: MSAL keeps the first address that it has seen in a process.
    host = createServer((_req, res) => {
      if (token === undefined) return void res.destroy();
      res.setHeader('content-type', 'application/json');
      const expiresOn = Math.floor(Date.now() / 1000) + 3600;
      res.end(JSON.stringify({ access_token: token, expires_on: expiresOn, resource: 'r', token_type: 'Bearer' }));
    }).listen(0, '127.0.0.1');
    await once(host, 'listening');
    vi.stubEnv('IDENTITY_ENDPOINT', `http://127.0.0.1:${(host.address() as AddressInfo).port}/msi/token`);
    vi.stubEnv('IDENTITY_HEADER', 'header');
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    host.closeAllConnections();
    host.close();
  });

  it('token: this machine has none', async () => {
    expect(
      await findMissed(
        skill,
        'token',
        { sick: { env } },
        { detail: /managed identity of this machine/, fix: /where the service runs/, waiting: ['tenant'] },
      ),
    ).toEqual([]);
  });

  it('tenant: it is at home in another one', async () => {
    const { standIn, appId } = skill;
    const tid = '00000000-0000-4000-8000-00000000000b';
    token = await standIn.signToken({ aud: standIn.agent.appId, appid: appId, tid });
    expect(
      await findMissed(
        skill,
        'tenant',
        { sick: { env } },
        { detail: /Our tokens are of tenant 00000000-/, fix: /Set MicrosoftAppTenantId to 00000000-/ },
      ),
    ).toEqual([]);
    token = await standIn.signToken({ aud: standIn.agent.appId, appid: appId });
    expect(failuresOf(await examine(skill, { env }))).toEqual({ own: [], waiting: [] });
  });

  it('token: it is another one than MicrosoftAppId', async () => {
    token = await skill.standIn.signToken({ aud: skill.standIn.agent.appId, appid: randomUUID() });
    const sick = await examine(skill, { env });
    expect(failuresOf(sick)).toEqual({ own: ['token'], waiting: ['tenant'] });
    expect(findingOf(sick, 'token').detail).toContain('another app than MicrosoftAppId');
  });
});
