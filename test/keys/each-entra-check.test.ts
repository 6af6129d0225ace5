// Each check of a sender's token alone: good but for that, and what the log says of it.

import { type CryptoKey, importJWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { type EntraRules, looksLikeToken, verifyEntraToken } from '../../src/keys/entra-token.ts';
import { createKeyRing } from '../../src/keys/key-ring.ts';
import { createSigningKey, describePublicKey, type SigningKey } from '../../standin/tokens.ts';
import { createForge, type Forge } from '../gate/forge.ts';
import { openTestDatabase } from '../helpers/database.ts';

const now = () => 1_800_000_000_000;
const audience = 'api://copilot-notify';
const tenantId = 'eeeeeeee-0000-4000-8000-00000000000e';
const caller = 'bbbbbbbb-0000-4000-8000-00000000000b';
const stranger = '99999999-9999-4999-8999-999999999999';
const roles = ['Notify.Send'];

let key: SigningKey;
let forge: Forge;
let rules: EntraRules;
beforeAll(async () => {
  key = await createSigningKey();
  forge = createForge({ key, tenantId, appId: audience, caller, now });
  const publicKey = (await importJWK(await describePublicKey(key), 'RS256')) as CryptoKey;
  const findKey: EntraRules['findKey'] = async (kid) => (kid === key.kid ? publicKey : undefined);
  rules = { audience, tenantId, cloud: 'public', findKey };
});

const v1 = (change: Record<string, unknown> = {}) => forge.claiming({ roles, ...change });
const v2 = (change: Record<string, unknown> = {}) => forge.claiming({ roles, ...change }, '2.0');

describe('a token of an app', () => {
  it.each([
    ['1.0', () => v1()],
    ['2.0', () => v2({ idtyp: 'app' })],
  ])('of version %s is good', async (_, make) => {
    expect(await verifyEntraToken(make(), rules, now())).toEqual({ name: `entra:${caller}`, scopes: ['notify:send'] });
  });

  it('allows what its roles say and nothing else', async () => {
    for (const [given, scopes] of [
      [
        ['Notify.Read', 'Notify.Operate', 'Notify.Other'],
        ['notify:read', 'operate'],
      ],
      [['toString', '__proto__', 'constructor'], []],
      [undefined, []],
    ]) {
      expect(await verifyEntraToken(v1({ roles: given }), rules, now())).toEqual({ name: `entra:${caller}`, scopes });
    }
  });
});

describe('the log names the check that a token did not pass', () => {
  it.each<[reason: string, make: () => string]>([
    ['claim aud is wrong', () => v1({ aud: 'api://other' })],
    ['claim exp is wrong', () => v1({ exp: undefined })],
    ['claim nbf is wrong', () => v1({ nbf: undefined })],
    ['the token is of another tenant than NOTIFY_ENTRA_TENANT', () => v1({ tid: stranger })],
    ['the issuer of the token is not its tenant', () => v1({ iss: `https://sts.windows.net/${stranger}/` })],
    ['the issuer of the token is not its tenant', () => v2({ iss: `https://sts.windows.net/${tenantId}/` })],
    ['claim idtyp is missing or wrong', () => v2({ idtyp: 'user' })],
    ['claim scp is missing or wrong', () => v2({ scp: 'user_impersonation' })],
    ['claim ver is missing or wrong', () => v2({ ver: '3.0' })],
    ['claim roles is missing or wrong', () => v2({ roles: 'Notify.Send' })],
    ['claim tid is missing or wrong', () => v2({ tid: undefined })],
    ['a token of version 1.0 without its caller claim', () => v1({ appid: undefined })],
    ['a token of version 2.0 without its caller claim', () => v2({ azp: undefined })],
  ])('%s', async (reason, make) => {
    const error: unknown = await verifyEntraToken(make(), rules, now()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'invalid_token', reason });
  });
});

describe('what may be a token at all', () => {
  it.each([
    ['a.b.c', true],
    ['a.b.', true],
    ['a.b', false],
    ['a.b.c.d', false],
    ['a b.c.d', false],
    ['cn_0123456789ab_secret', false],
    [`a.b.${'c'.repeat(16_380)}`, true],
    [`a.b.${'c'.repeat(16_381)}`, false],
  ])('%s', (text, expected) => {
    expect(looksLikeToken(text)).toBe(expected);
  });

  it('any other key is just not known', async () => {
    const ring = createKeyRing({ db: await openTestDatabase(), now, apiKeys: [], entra: rules });
    expect(await ring.find('a-key-that-nobody-has-made')).toBeUndefined();
    expect(await ring.find(v1())).toEqual({ name: `entra:${caller}`, scopes: ['notify:send'] });
    await expect(ring.find(v1({ tid: stranger }))).rejects.toMatchObject({ code: 'invalid_token' });
  });
});
