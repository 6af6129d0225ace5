// T1, generated: tokens that nobody thought of. GATE_SEED=<number> repeats a run.

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import { createSigningKey, type SigningKey } from '../../standin/tokens.ts';
import { createForge, type Forge, rsa } from './forge.ts';
import { createGate, keysOf, refused, startTenant, type Tenant, verdictOf } from './gate-bench.ts';

const seed = Number(process.env['GATE_SEED'] ?? Date.now() % 2 ** 31);
const skillAppId = 'aaaaaaaa-0000-4000-8000-00000000000a';
const agent = 'bbbbbbbb-0000-4000-8000-00000000000b';
const nowSeconds = 1_800_000_000;
const now = () => nowSeconds * 1_000;

let tenant: Tenant;
let foreignKey: SigningKey;
let forge: Forge;
let gate: SkillAuthentication;
let goodParts: readonly string[];
const counted = { tokens: 0, cpuMs: 0 };

beforeAll(async () => {
  tenant = await startTenant(now);
  const { tenantId, key } = tenant;
  foreignKey = { ...(await createSigningKey()), kid: key.kid };
  forge = createForge({ key, tenantId, appId: skillAppId, caller: agent, now });
  const rules = { appId: skillAppId, allowedTenants: [tenantId], allowedCallers: [agent], cloud: 'public' } as const;
  gate = createGate(rules, keysOf(tenant.openIdMetadataUrl, now), now);
  goodParts = forge.claiming().split('.');
});
afterAll(async () => {
  await tenant.stop();
  const mean = (counted.cpuMs / counted.tokens).toFixed(3);
  console.log(`T1 generated: ${counted.tokens} tokens, seed ${seed}, ${mean} ms CPU each (with writing them)`);
});

const json = fc.jsonValue({ maxDepth: 3 });
const text = fc.string({ unit: 'binary', maxLength: 200 });
const bytes = fc.uint8Array({ maxLength: 300 }).map((part) => Buffer.from(part).toString('base64url'));
const claimName = fc.constantFrom('aud', 'iss', 'tid', 'ver', 'appid', 'exp', 'nbf', 'azp', 'scp');
const headers = fc.record({
  alg: fc.oneof(fc.constant('RS256'), json),
  kid: json,
  jwk: json,
  jku: fc.webUrl(),
  crit: json,
});
const badTimes = fc.oneof(
  fc.record({ exp: fc.integer({ min: -1e9, max: nowSeconds - 60 }), nbf: fc.integer() }),
  fc.record({ exp: fc.integer(), nbf: fc.integer({ min: nowSeconds + 61 }) }),
  fc.integer({ min: 87_001, max: 1e9 }).map((life) => ({ nbf: nowSeconds, exp: nowSeconds + life })),
);

describe('the gate refuses', () => {
  it.each<[name: string, runs: number, authorization: fc.Arbitrary<() => string>]>([
    ['any text', 400, text.map((value) => () => value)],
    ['Bearer and any text', 300, text.map((value) => () => `Bearer ${value}`)],
    ['three parts of any bytes', 400, fc.tuple(bytes, bytes, bytes).map((parts) => () => `Bearer ${parts.join('.')}`)],
    [
      'a good token with one byte changed',
      500,
      fc.tuple(fc.nat(2), fc.nat(), fc.integer({ min: 1, max: 255 })).map((spot) => () => withByteChanged(...spot)),
    ],
    ['a good token cut off anywhere', 200, fc.nat().map((length) => () => cutOff(length))],
    [
      'good claims under any header with the key id of the tenant, signed by a stranger',
      200,
      headers.map((header) => () => byStranger({ ...header, kid: tenant.key.kid })),
    ],
    ['good claims under any header, signed by a stranger', 100, headers.map((header) => () => byStranger(header))],
    [
      'good claims under any algorithm and key id, signed by the tenant',
      300,
      fc.record({ alg: json, kid: json }).map((header) => () => `Bearer ${forge.heading(header)}`),
    ],
    [
      'any claims, signed by the tenant',
      200,
      fc.dictionary(text, json).map((claims) => () => `Bearer ${forge.seal(forge.header(), claims)}`),
    ],
    [
      'one claim that matters replaced by any JSON, signed by the tenant',
      600,
      fc
        .tuple(claimName, json)
        // Among generated JSON only a number can be a good value, as a time.
        .filter(([name, value]) => !(typeof value === 'number' && (name === 'exp' || name === 'nbf')))
        .map(
          ([name, value]) =>
            () =>
              `Bearer ${forge.claiming({ [name]: value })}`,
        ),
    ],
    ['any times outside of the window', 300, badTimes.map((times) => () => `Bearer ${forge.claiming(times)}`)],
  ])('%s (%i)', async (_, runs, authorization) => {
    const before = process.cpuUsage();
    await fc.assert(
      fc.asyncProperty(authorization, async (write) => {
        counted.tokens += 1;
        expect([refused[401], refused[403]]).toContainEqual(await verdictOf(gate, write()));
      }),
      { numRuns: runs, seed },
    );
    const { user, system } = process.cpuUsage(before);
    counted.cpuMs += (user + system) / 1_000;
  });

  it('but not the good token that they were made of', async () => {
    expect(await verdictOf(gate, `Bearer ${goodParts.join('.')}`)).toBe('accepted');
  });

  it('2,000 or more of them', () => {
    expect(counted.tokens).toBeGreaterThanOrEqual(2_000);
  });
});

function withByteChanged(part: number, position: number, change: number): string {
  const changed = Buffer.from(goodParts[part] ?? '', 'base64url');
  const at = position % changed.length;
  changed.writeUInt8(changed.readUInt8(at) ^ change, at);
  return `Bearer ${goodParts.with(part, changed.toString('base64url')).join('.')}`;
}

function cutOff(length: number): string {
  const token = goodParts.join('.');
  return `Bearer ${token.slice(0, length % token.length)}`;
}

function byStranger(header: Record<string, unknown>): string {
  return `Bearer ${forge.seal(forge.header(header), forge.claims(), rsa(foreignKey))}`;
}
