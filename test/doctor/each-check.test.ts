// Each check of the doctor fails for its own reason, alone save for those that wait for it, and passes when it is mended:
// what is wrong is in the settings, the hints or the clock.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { checkIds } from '../../src/doctor/check.ts';
import { findFreePort } from '../../standin/free-port.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { examine, failuresOf, findingOf, findMissed } from './doctor-bench.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

describe('a service that is well', () => {
  it('has every check passed, in order, with nothing to mend', async () => {
    const { ok, checks } = await examine(skill);
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    expect(ok).toBe(true);
    expect(checks.map(({ id }) => id)).toEqual(checkIds);
    for (const { notCompared: _, ...check } of checks)
      expect(Object.keys(check)).toEqual(['id', 'ok', 'detail', 'fix']);
    expect(checks.filter(({ notCompared }) => notCompared).map(({ id }) => id)).toEqual(['tenant', 'domain']);
    expect(checks.filter(({ fix }) => fix !== null)).toEqual([]);
  });

  it('tells the claims of its tokens', async () => {
    const { detail } = findingOf(await examine(skill, { only: ['token'] }), 'token');
    const { appId, tenantId } = { appId: skill.standIn.agent.appId, tenantId: skill.standIn.tenantId };
    expect(detail).toBe(
      `A token for ${appId} can be had: aud=${appId}, iss=https://sts.windows.net/${tenantId}/, tid=${tenantId}, appid=${skill.appId}, ver=1.0.`,
    );
  });
});

describe('settings', () => {
  it('a fault is told by its name, and keeps only those waiting that need it', async () => {
    expect(
      await findMissed(
        skill,
        'settings',
        { sick: { env: { HISTORY_DAYS: 'many' } } },
        { detail: /^HISTORY_DAYS: must be a whole number/, fix: /\.env/ },
      ),
    ).toEqual([]);
  });

  it('what needs a faulty setting waits', async () => {
    expect(
      await findMissed(
        skill,
        'settings',
        { sick: { env: { MicrosoftAppPassword: '' } } },
        { detail: /^MicrosoftAppPassword: is missing/, fix: /\.env/, waiting: ['token', 'tenant'] },
      ),
    ).toEqual([]);
  });
});

it('where nothing is set, each check says what it waits for, or what it has seen', async () => {
  const nothing = Object.fromEntries(Object.keys(skill.env).map((name) => [name, '']));
  const place = { PORT: String(await findFreePort()), LOGIN_URL: skill.standIn.loginUrl };
  const diagnosis = await examine(skill, { env: { ...nothing, ...place } });
  expect(failuresOf(diagnosis)).toEqual({
    own: ['settings', 'public-url'],
    waiting: ['app-id', 'token', 'tenant', 'manifest', 'unauthenticated-probe'],
  });
  const asked = await examine(skill, { env: nothing, hints: { conversationId: 'c1' }, only: ['conversation'] });
  expect(asked.checks[0]?.detail).toBe('Not looked at: AllowedCallers, MicrosoftAppTenantId must be mended first.');
});

describe('app-id', () => {
  it('skill and parent with one registration are told apart from other faults', async () => {
    expect(
      await findMissed(
        skill,
        'app-id',
        { sick: { env: { AllowedCallers: `${skill.appId},${skill.standIn.agent.appId}` } } },
        { detail: /AllowedCallers has the skill's own app id/, fix: /app of its own/ },
      ),
    ).toEqual([]);
  });

  it('where it is the only caller there is nobody to get a token for', async () => {
    expect(
      await findMissed(
        skill,
        'app-id',
        { sick: { env: { AllowedCallers: skill.appId } } },
        { detail: /own app id/, fix: /Agent app ID|app id, from/i, waiting: ['token', 'tenant'] },
      ),
    ).toEqual([]);
  });
});

describe('token', () => {
  it.each<[string, () => Readonly<Record<string, string>>, RegExp, RegExp]>([
    ['a wrong secret', () => ({ MicrosoftAppPassword: 'wrong' }), /AADSTS7000215/, /client secret/],
    ['an agent of another tenant', () => ({ AllowedCallers: randomUUID() }), /AADSTS500011/, /agent's tenant/],
    [
      'one of two agents',
      () => ({ AllowedCallers: `${skill.standIn.agent.appId},00000000-0000-4000-8000-000000000009` }),
      /^For 00000000-0000-4000-8000-000000000009: .*AADSTS500011/,
      /AllowedCallers/,
    ],
  ])('%s', async (_, env, detail, fix) => {
    expect(await findMissed(skill, 'token', { sick: { env: env() } }, { detail, fix, waiting: ['tenant'] })).toEqual(
      [],
    );
  });

  it('an app id that is not known in the tenant', async () => {
    // Alone: to the manifest, another app id is another skill.
    const env = { MicrosoftAppId: randomUUID() };
    const { checks } = await examine(skill, { env, only: ['token'] });
    expect(checks).toMatchObject([{ ok: false, detail: expect.stringContaining('AADSTS700016') as string }]);
  });
});

describe('tenant', () => {
  it('an agent of another tenant than our tokens', async () => {
    expect(
      await findMissed(
        skill,
        'tenant',
        {
          sick: { hints: { parentTenant: '00000000-0000-4000-8000-00000000000a' } },
          mended: { hints: { parentTenant: skill.standIn.tenantId.toUpperCase() } },
        },
        { detail: /an agent is of tenant 00000000.* 401/, fix: /Register the skill in the agent's tenant/ },
      ),
    ).toEqual([]);
  });

  it('an agent of another tenant, as its calls have shown', async () => {
    const elsewhere = randomUUID();
    const other = await startSkill({ env: { ALLOWED_TENANTS: elsewhere } });
    onTestFinished(() => other.stop());
    // A call with a good token of that tenant: the gate lets it in, and every push to it would fail.
    const iss = `https://sts.windows.net/${elsewhere}/`;
    const token = await other.standIn.signToken({ tid: elsewhere, iss });
    const { serviceUrl } = other.standIn.agent;
    const activity = {
      type: 'event',
      name: 'subscribe',
      value: { subject: 's' },
      channelId: 'msteams',
      serviceUrl,
      from: { id: '29:user', role: 'user' },
      recipient: { id: 'skill' },
      conversation: { id: randomUUID() },
    };
    await fetch(`${other.url}/api/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(activity),
    });
    const { checks } = await examine(other, { only: ['tenant'] });
    expect(checks).toMatchObject([{ ok: false, detail: expect.stringContaining(`tenant ${elsewhere}`) as string }]);
    const [unknown] = (await examine(other, { only: ['tenant'], key: '' })).checks;
    expect(unknown).toMatchObject({ ok: true, detail: expect.stringContaining('--parent-tenant') as string });
  });

  it('a tenant of agents whose calls would be refused', async () => {
    const multi = { appId: randomUUID(), secret: randomUUID(), tenantId: 'botframework.com' };
    skill.standIn.registerApp(multi);
    const env = {
      MicrosoftAppId: multi.appId,
      MicrosoftAppPassword: multi.secret,
      MicrosoftAppType: 'MultiTenant',
      MicrosoftAppTenantId: '',
      ALLOWED_TENANTS: randomUUID(),
    };
    const hints = { parentTenant: skill.standIn.tenantId };
    const sick = await examine(skill, { env, hints, only: ['tenant'] });
    expect(sick.checks).toMatchObject([{ ok: false, fix: 'Add that tenant to ALLOWED_TENANTS.' }]);
    const mended = { ...env, ALLOWED_TENANTS: skill.standIn.tenantId };
    expect((await examine(skill, { env: mended, hints, only: ['tenant'] })).ok).toBe(true);
  });
});

describe('domain', () => {
  it.each([
    [{ homePageUrl: 'https://elsewhere.example.com' }, { homePageUrl: 'http://127.0.0.1:1/manifests/x.json' }],
    [{ publisherDomain: 'example.com' }, { publisherDomain: '127.0.0.1' }],
  ])('%j', async (sick, mended) => {
    expect(
      await findMissed(
        skill,
        'domain',
        { sick: { hints: sick }, mended: { hints: mended } },
        { detail: /^MANIFEST_ENDPOINT_ORIGIN_MISMATCH/, fix: /Home page URL/ },
      ),
    ).toEqual([]);
  });
});

describe('clock', () => {
  it.each([
    ['ahead', 10 * 60_000, /ahead of/],
    ['behind', -10 * 60_000, /behind/],
  ])('%s', async (_, clockMs, detail) => {
    expect(
      await findMissed(
        skill,
        'clock',
        { sick: { clockMs }, mended: { clockMs: clockMs / 60 } },
        { detail, fix: /NTP/ },
      ),
    ).toEqual([]);
  });

  it('a login endpoint that does not answer cannot tell the time', async () => {
    const env = { LOGIN_URL: 'http://127.0.0.1:9' };
    const { checks } = await examine(skill, { env, only: ['clock'] });
    expect(checks).toMatchObject([{ ok: false, detail: expect.stringMatching(/could not be compared/) as string }]);
  });
});
