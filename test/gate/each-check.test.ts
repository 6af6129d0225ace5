// Each check of the gate alone: one token for each, good but for that, and what the log says of it. Where two checks
// refuse the same token, the words tell which one did.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SigningKeys } from '../../src/bot/signing-keys.ts';
import type { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import type { Caller } from '../../src/bot/verify-token.ts';
import { AppError } from '../../src/errors.ts';
import { createSigningKey } from '../../standin/tokens.ts';
import { createForge, type Forge, rsa } from './forge.ts';
import { createGate, keysOf, startTenant, type Tenant, verdictOf } from './gate-bench.ts';

const appId = 'aaaaaaaa-0000-4000-8000-00000000000a';
const agent = 'bbbbbbbb-0000-4000-8000-00000000000b';
const stranger = '99999999-9999-4999-8999-999999999999';
const longest = 16_384;

let time = 1_800_000_000_000;
const now = () => time;
const asked: string[] = [];
let tenant: Tenant;
let forge: Forge;
let gate: SkillAuthentication;
const foreign = await createSigningKey();

beforeAll(async () => {
  tenant = await startTenant(now);
  const { key, tenantId } = tenant;
  forge = createForge({ key, tenantId, appId, caller: agent, now });
  const found = keysOf(tenant.openIdMetadataUrl, now);
  const keys: SigningKeys = {
    ...found,
    find: (kid) => {
      asked.push(kid);
      return found.find(kid);
    },
  };
  gate = createGate({ appId, allowedTenants: [tenantId], allowedCallers: [agent], cloud: 'public' }, keys, now);
});
afterAll(() => tenant.stop());

async function reasonOf(authorization: string | undefined): Promise<string | undefined> {
  const error: unknown = await gate.verifyCaller(authorization).then(
    () => new Error('it was let in'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof AppError) return error.reason;
  throw error;
}

const v1 = (change: Record<string, unknown>) => `Bearer ${forge.claiming(change)}`;
const v2 = (change: Record<string, unknown>) => `Bearer ${forge.claiming(change, '2.0')}`;
const ofLength = (length: number): string => {
  const short = v1({ pad: '' }).length;
  const pads = Array.from({ length: 4 }, (_, more) =>
    v1({ pad: 'p'.repeat(Math.floor(((length - short) * 3) / 4) + more) }),
  );
  return pads.find((header) => header.length === length) ?? '';
};

describe('the log names the check that a token did not pass', () => {
  it.each<[reason: string, authorization: () => string | undefined]>([
    ['there is no token', () => undefined],
    ['the token is too long', () => ofLength(longest + 1)],
    ['the Authorization header is not "Bearer" and a signed token', () => `Basic ${v1({})}`],
    ['the Authorization header is not "Bearer" and a signed token', () => `${v1({})} `],
    ['the token names critical headers', () => `Bearer ${forge.heading({ crit: ['b64'], b64: true })}`],
    ['the token is not signed with RS256 and a key id', () => `Bearer ${forge.heading({ alg: 'RS512' })}`],
    ['the token is not signed with RS256 and a key id', () => `Bearer ${forge.heading({ kid: undefined })}`],
    ['the key of the token is not one of the issuer', () => `Bearer ${forge.heading({ kid: 'unknown' })}`],
    ['the signature or form of the token is wrong', () => `Bearer ${forge.heading({}, rsa(foreign))}`],
    ['claim aud is wrong', () => v1({ aud: stranger })],
    ['claim exp is wrong', () => v1({ exp: undefined })],
    ['claim nbf is wrong', () => v1({ nbf: undefined })],
    ['claim nbf is wrong', () => v1({ nbf: forge.seconds(600) })],
    ['the token has expired', () => v1({ nbf: forge.seconds(-7_200), exp: forge.seconds(-3_600) })],
    ['claim scp is missing or wrong', () => v1({ scp: 'user_impersonation' })],
    ['claim ver is missing or wrong', () => v2({ ver: '3.0' })],
    ['claim tid is missing or wrong', () => v1({ tid: 'contoso.com' })],
    ['the token lives longer than a day', () => v1({ nbf: forge.seconds(0), exp: forge.seconds(87_001) })],
    [
      `tenant ${stranger} is neither MicrosoftAppTenantId nor in ALLOWED_TENANTS`,
      () => v1({ tid: stranger, iss: `https://sts.windows.net/${stranger}/` }),
    ],
    ['the issuer of the token is not its tenant', () => v1({ iss: `https://sts.windows.net/${stranger}/` })],
    [
      'the issuer of the token is not its tenant',
      () => v1({ iss: `https://login.microsoftonline.com/${forge.tenantId}/` }),
    ],
    ['the token is our own', () => v1({ appid: appId })],
    ['a token of version 1.0 without its caller claim', () => v2({ ver: '1.0' })],
    ['a token of version 2.0 without its caller claim', () => v1({ ver: '2.0' })],
    ['appid and azp differ', () => v1({ azp: stranger })],
  ])('%s', async (reason, authorization) => {
    expect(await reasonOf(authorization())).toBe(reason);
  });

  it('a caller that is not allowed, by its app id and tenant', async () => {
    expect(await reasonOf(v1({ appid: stranger }))).toBe(
      `caller ${stranger} of tenant ${forge.tenantId} is not in AllowedCallers`,
    );
  });
});

describe('a good token', () => {
  it('is let in, also the longest there is', async () => {
    expect(await verdictOf(gate, v1({}))).toBe('accepted');
    expect(ofLength(longest)).toHaveLength(longest);
    expect(await verdictOf(gate, ofLength(longest))).toBe('accepted');
  });

  it('is refused once it is old', async () => {
    const old = v1({});
    time += 3_660_000;
    expect(await reasonOf(old)).toBe('the token has expired');
  });
});

it('an issuer is asked for no key of a token that is not signed with RS256 and a key id', async () => {
  asked.length = 0;
  for (const change of [{ alg: 'none' }, { alg: 'HS256' }, { alg: 'RS512' }, { kid: undefined }, { kid: 7 }]) {
    await reasonOf(`Bearer ${forge.heading(change)}`);
  }
  expect(asked).toEqual([]);
});

describe('the service URL of a verified caller', () => {
  const caller = { kind: 'parent', appId: agent, tenantId: stranger, claims: {} } as unknown as Caller;
  const admit = (serviceUrl: string, deliveryMode: string) => {
    try {
      return gate.admit(caller, { serviceUrl, deliveryMode }).audience;
    } catch (error) {
      if (error instanceof AppError) return error.code;
      throw error;
    }
  };
  const pushed = 'https://pvaruntime.us-il1.gateway.prod.island.powerapps.com/';
  const inTurn = 'https://directline.botframework.com/';
  const refused = 'service_url_not_allowed';
  it.each([
    [pushed, 'normal', agent],
    [pushed, 'expectReplies', agent],
    [inTurn, 'normal', refused],
    [inTurn, 'expectReplies', agent],
    ['https://attacker.example/', 'normal', refused],
    ['https://attacker.example/', 'expectReplies', refused],
  ])('%s, %s: %s', (serviceUrl, deliveryMode, outcome) => {
    expect(admit(serviceUrl, deliveryMode)).toBe(outcome);
  });
});

describe('the ways in that only the SDK knows', () => {
  it('a call is let in with a good token alone', async () => {
    const activity = { type: 'message' } as never;
    await expect(gate.authenticateRequest(activity, v1({}))).resolves.toMatchObject({ audience: agent });
    await expect(gate.authenticateRequest(activity, v1({ aud: stranger }))).rejects.toMatchObject({
      code: 'invalid_token',
    });
  });

  it('a stream is not let in at all', async () => {
    await expect(gate.authenticateStreamingRequest()).rejects.toMatchObject({ code: 'invalid_token' });
  });
});
