// T2: whose tokens are accepted, cell by cell (reliability-security.md 4.2). Every token is signed by a key of the
// issuer: only its claims and the settings decide.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SigningKeys } from '../../src/bot/signing-keys.ts';
import type { TokenRules } from '../../src/bot/verify-token.ts';
import { botFrameworkTenantId } from '../../standin/tokens.ts';
import type { TokenVersion } from '../../standin/types.ts';
import { createForge, type Forge } from './forge.ts';
import { createGate, keysOf, startTenant, type Tenant } from './gate-bench.ts';
import { microsoftTenant } from './hostile-claims.ts';

const skillAppId = 'aaaaaaaa-0000-4000-8000-00000000000a';
const agent = 'bbbbbbbb-0000-4000-8000-00000000000b';
const secondAgent = 'cccccccc-0000-4000-8000-00000000000c';
const strangeAgent = 'dddddddd-0000-4000-8000-00000000000d';
const secondTenant = 'eeeeeeee-0000-4000-8000-00000000000e';
const strangeTenant = 'ffffffff-0000-4000-8000-00000000000f';

const now = () => 1_800_000_000_000;
let tenant: Tenant;
let forge: Forge;
let keys: SigningKeys;

beforeAll(async () => {
  tenant = await startTenant(now);
  forge = createForge({ key: tenant.key, tenantId: tenant.tenantId, appId: skillAppId, caller: agent, now });
  keys = keysOf(tenant.openIdMetadataUrl, now);
});
afterAll(() => tenant.stop());

type Claims = Record<string, unknown>;
type Cell = readonly [name: string, claims: Claims | (() => Claims), outcome: 'accepted' | 401 | 403];

const v1 = (tid: string, more: Claims = {}) => ({ tid, iss: `https://sts.windows.net/${tid}/`, ...more });
const v2 = (tid: string, more: Claims = {}) => ({
  tid,
  iss: `https://login.microsoftonline.com/${tid}/v2.0`,
  ...more,
});
const gov = (tid: string, end: string, more: Claims = {}) => ({
  tid,
  iss: `https://login.microsoftonline.us/${tid}/${end}`,
  ...more,
});

const matrix: readonly {
  readonly setting: string;
  readonly version: TokenVersion;
  readonly rules?: Partial<TokenRules>;
  readonly alsoTenants?: readonly string[];
  readonly cells: readonly Cell[];
}[] = [
  {
    setting: 'one tenant, one caller; tokens of version 1.0',
    version: '1.0',
    cells: [
      ['our tenant, allowed caller', {}, 'accepted'],
      ['our tenant in capitals', () => ({ tid: tenant.tenantId.toUpperCase() }), 'accepted'],
      ['allowed caller in capitals', { appid: agent.toUpperCase() }, 'accepted'],
      ['azp as well, the same', { azp: agent }, 'accepted'],
      ['claims that we do not know', { roles: ['x'], idtyp: 'app', oid: agent }, 'accepted'],
      ['another caller', { appid: strangeAgent }, 403],
      ['ourselves', { appid: skillAppId }, 401],
      ['another tenant', v1(strangeTenant), 401],
      ['another tenant, another caller', v1(strangeTenant, { appid: strangeAgent }), 401],
      ['the Bot Framework tenant', v1(botFrameworkTenantId), 401],
      ['the tenant of Microsoft', v1(microsoftTenant), 401],
      ['another audience', { aud: agent }, 401],
      ['audience with api://', { aud: `api://${skillAppId}` }, 401],
      ['a user', { scp: 'x' }, 401],
    ],
  },
  {
    setting: 'one tenant, one caller; tokens of version 2.0',
    version: '2.0',
    cells: [
      ['our tenant, allowed caller', {}, 'accepted'],
      ['allowed caller in capitals', { azp: agent.toUpperCase() }, 'accepted'],
      ['appid as well, the same', { appid: agent }, 'accepted'],
      ['another caller', { azp: strangeAgent }, 403],
      ['ourselves', { azp: skillAppId }, 401],
      ['another tenant', v2(strangeTenant), 401],
      ['the Bot Framework tenant', v2(botFrameworkTenantId), 401],
      ['the tenant of Microsoft', v2(microsoftTenant), 401],
      ['another audience', { aud: agent }, 401],
      ['a slash after the issuer', () => ({ iss: `https://login.microsoftonline.com/${tenant.tenantId}/v2.0/` }), 401],
      ['a user', { scp: 'x' }, 401],
    ],
  },
  {
    setting: 'times at the edge of what is allowed',
    version: '1.0',
    cells: [
      ['expired 59 s ago', () => ({ nbf: forge.seconds(-3_659), exp: forge.seconds(-59) }), 'accepted'],
      ['expired 60 s ago', () => ({ nbf: forge.seconds(-3_660), exp: forge.seconds(-60) }), 401],
      ['valid in 60 s', () => ({ nbf: forge.seconds(60), exp: forge.seconds(3_660) }), 'accepted'],
      ['valid in 61 s', () => ({ nbf: forge.seconds(61), exp: forge.seconds(3_661) }), 401],
      ['lives for 24 h 10 min', () => ({ nbf: forge.seconds(0), exp: forge.seconds(87_000) }), 'accepted'],
    ],
  },
  {
    setting: 'a second tenant and a second caller allowed',
    version: '1.0',
    rules: { allowedCallers: [agent, secondAgent] },
    alsoTenants: [secondTenant],
    cells: [
      ['first tenant, first caller', {}, 'accepted'],
      ['first tenant, second caller', { appid: secondAgent }, 'accepted'],
      ['second tenant, first caller', v1(secondTenant), 'accepted'],
      ['second tenant, second caller', v1(secondTenant, { appid: secondAgent }), 'accepted'],
      ['second tenant, another caller', v1(secondTenant, { appid: strangeAgent }), 403],
      ['second tenant under the issuer of the first', { tid: secondTenant }, 401],
      ['first tenant under the issuer of the second', { iss: `https://sts.windows.net/${secondTenant}/` }, 401],
      ['a third tenant', v1(strangeTenant), 401],
      ['ourselves in the second tenant', v1(secondTenant, { appid: skillAppId }), 401],
    ],
  },
  {
    setting: 'a multi-tenant bot, so the Bot Framework tenant is configured',
    version: '1.0',
    alsoTenants: [botFrameworkTenantId],
    cells: [
      ['the Bot Framework tenant, v1 issuer', v1(botFrameworkTenantId), 'accepted'],
      ['the Bot Framework tenant, another caller', v1(botFrameworkTenantId, { appid: strangeAgent }), 403],
      ['the Bot Framework tenant, ourselves', v1(botFrameworkTenantId, { appid: skillAppId }), 401],
      ['the tenant of Microsoft all the same', v1(microsoftTenant), 401],
      ['our own tenant still', {}, 'accepted'],
    ],
  },
  {
    setting: 'nobody allowed',
    version: '1.0',
    rules: { allowedCallers: [] },
    cells: [
      ['the agent', {}, 403],
      ['no caller', { appid: undefined }, 401],
      ['an empty caller', { appid: '' }, 401],
    ],
  },
  {
    setting: 'a star among the callers is no wildcard',
    version: '1.0',
    rules: { allowedCallers: ['*'] },
    cells: [
      ['the agent', {}, 403],
      ['a caller named star', { appid: '*' }, 401],
    ],
  },
  {
    setting: 'ourselves among the callers by mistake',
    version: '1.0',
    rules: { allowedCallers: [skillAppId, agent] },
    cells: [
      ['ourselves', { appid: skillAppId }, 401],
      ['the agent', {}, 'accepted'],
    ],
  },
  {
    setting: 'channels, emulator and App Service Environment are off',
    version: '1.0',
    cells: [
      ['a channel', { iss: 'https://api.botframework.com', tid: undefined, appid: undefined }, 401],
      [
        'a channel with all that its token has',
        () => ({
          ...Object.fromEntries(Object.keys(forge.claims()).map((name) => [name, undefined])),
          iss: 'https://api.botframework.com',
          aud: skillAppId,
          serviceurl: 'https://smba.trafficmanager.net/emea/',
          nbf: forge.seconds(0),
          exp: forge.seconds(3_600),
        }),
        401,
      ],
      ['a channel with our tenant', { iss: 'https://api.botframework.com', serviceurl: 'https://x.example/' }, 401],
      [
        'the emulator: our app, Bot Framework audience',
        { appid: skillAppId, aud: 'https://api.botframework.com' },
        401,
      ],
      ['the emulator: our app, our audience', { appid: skillAppId }, 401],
      ['AseChannel: our app, any audience', { appid: skillAppId, aud: 'anything' }, 401],
      ['an anonymous skill', { appid: 'AnonymousSkill' }, 401],
    ],
  },
  {
    setting: 'the public cloud takes nothing of the government cloud',
    version: '2.0',
    cells: [
      ['government v2 issuer', () => gov(tenant.tenantId, 'v2.0'), 401],
      ['government v1 issuer', () => gov(tenant.tenantId, ''), 401],
      ['government channel', { iss: 'https://api.botframework.us', tid: undefined }, 401],
    ],
  },
  {
    setting: 'CLOUD=usgov',
    version: '2.0',
    rules: { cloud: 'usgov' },
    cells: [
      ['government v2 issuer', () => gov(tenant.tenantId, 'v2.0'), 'accepted'],
      ['government v2 issuer with a slash', () => gov(tenant.tenantId, 'v2.0/'), 401],
      [
        'government v1 issuer',
        () => gov(tenant.tenantId, '', { ver: '1.0', appid: agent, azp: undefined }),
        'accepted',
      ],
      ['v1 issuer of both clouds', () => v1(tenant.tenantId, { ver: '1.0', appid: agent, azp: undefined }), 'accepted'],
      ['public v2 issuer', () => v2(tenant.tenantId), 401],
      ['another caller', () => gov(tenant.tenantId, 'v2.0', { azp: strangeAgent }), 403],
      ['another tenant', gov(strangeTenant, 'v2.0'), 401],
      ['government channel', { iss: 'https://api.botframework.us', tid: undefined }, 401],
    ],
  },
];

describe.each(matrix)('$setting', ({ version, rules, alsoTenants = [], cells }) => {
  it.each(cells)('%s', async (_, change, outcome) => {
    const allowed = {
      appId: skillAppId,
      allowedTenants: [tenant.tenantId, ...alsoTenants],
      allowedCallers: [agent],
      cloud: 'public',
      ...rules,
    } as const;
    const claims = typeof change === 'function' ? change() : change;
    const gate = createGate(allowed, keys, now);
    const caller = {
      appId: lowerCase(claims['appid'] ?? claims['azp'] ?? agent),
      tenantId: lowerCase(claims['tid'] ?? tenant.tenantId),
    };
    const verified = gate.verifyCaller(`Bearer ${forge.claiming(claims, version)}`).catch((error: unknown) => error);
    expect(await verified).toMatchObject(outcome === 'accepted' ? caller : { name: 'AppError', status: outcome });
  });
});

const lowerCase = (value: unknown): string => (typeof value === 'string' ? value.toLowerCase() : '');

it('the matrix has 40 cells or more', () => {
  const cells = matrix.flatMap((part) => part.cells);
  const accepted = cells.filter(([, , outcome]) => outcome === 'accepted').length;
  console.log(`T2: ${cells.length} cells under ${matrix.length} settings, ${accepted} of them accepted`);
  expect(cells.length).toBeGreaterThanOrEqual(40);
});
