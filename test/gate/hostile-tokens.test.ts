// T1: every hostile token at the gate itself, and every third of them at POST /api/messages of the whole service.

import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import { createSigningKey } from '../../standin/tokens.ts';
import { callbacksOf, countConversations, goodActivity } from '../helpers/activities.ts';
import { eventually } from '../helpers/eventually.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { canary, createForge, type Forge } from './forge.ts';
import { createGate, keysOf, refused, startTenant, type Tenant, verdictOf } from './gate-bench.ts';
import { audiences, callers, issuers, stranger, tenants, times, types } from './hostile-claims.ts';
import { duplicates, schemes, sizes, structures, unicodes } from './hostile-forms.ts';
import { algorithms, headerKeys, type HostileCase, keyIds } from './hostile-headers.ts';

const families: Readonly<Record<string, readonly HostileCase[]>> = {
  structure: structures,
  'scheme of the header': schemes,
  algorithm: algorithms,
  'keys in the header': headerKeys,
  'key id': keyIds,
  issuer: issuers,
  audience: audiences,
  tenant: tenants,
  'version and caller': callers,
  times,
  types,
  size: sizes,
  unicode: unicodes,
  'duplicate JSON keys': duplicates,
};
const all = Object.values(families).flat();

const clock = createFakeClock();
/** Writes the headers once before the tests are named, to see which of them HTTP can carry. */
const rehearsal = createForge({
  key: await createSigningKey(),
  tenantId: stranger,
  appId: stranger,
  caller: stranger,
  now: clock.now,
});
let tenant: Tenant;
let skill: Skill;
let forge: Forge;
let gate: SkillAuthentication;

beforeAll(async () => {
  tenant = await startTenant(clock.now);
  const { tenantId, openIdMetadataUrl, key } = tenant;
  skill = await startSkill({ clock, standIn: { tenantId }, env: { OPENID_METADATA_URL: openIdMetadataUrl } });
  const caller = skill.standIn.agent.appId;
  forge = createForge({ key, tenantId, appId: skill.appId, caller, now: clock.now });
  const rules = { appId: skill.appId, allowedTenants: [tenantId], allowedCallers: [caller], cloud: 'public' } as const;
  gate = createGate(rules, keysOf(openIdMetadataUrl, clock.now), clock.now);
});
afterAll(async () => {
  await skill.stop();
  await tenant.stop();
});

describe.each(Object.entries(families))('%s', (_, cases) => {
  it.each(cases)('%s', async (_name, authorization, status = 401) => {
    expect(await verdictOf(gate, authorization(forge))).toEqual(refused[status]);
  });

  it.each(cases.filter(isSample))('%s, over HTTP', async (_name, authorization, status = 401) => {
    const header = authorization(forge);
    const linesBefore = skill.log.length;
    const answer = await post(header);

    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual({
      type: 'about:blank',
      title: status === 403 ? 'Forbidden' : 'Unauthorized',
      instance: answer.requestId,
      ...refused[status],
    });
    expect(answer.challenge).toBe(status === 403 ? undefined : 'Bearer error="invalid_token"');
    const lines = await linesAfter(linesBefore);
    expect(lines).toHaveLength(1);
    expect(findEcho(header, `${answer.body}${lines.join('')}`)).toEqual([]);
  });
});

describe('let in although it should not be (a fault of src/bot/verify-token.ts, listed until it is mended)', () => {
  // RFC 7515 section 4.1.11: crit must hold no name twice; the goals of the gate refuse crit altogether.
  it.each([
    ['crit with b64', { crit: ['b64'], b64: true }],
    ['crit with b64 twice', { crit: ['b64', 'b64'], b64: true }],
  ])('%s', async (_, header) => {
    expect(await verdictOf(gate, `Bearer ${forge.heading(header)}`)).toEqual(refused[401]);
  });
});

describe('all of them together', () => {
  it('a good token is let in, so that the refusals mean something', async () => {
    expect(await verdictOf(gate, `Bearer ${forge.claiming()}`)).toBe('accepted');
    expect(await verdictOf(gate, `Bearer ${forge.claiming({}, '2.0')}`)).toBe('accepted');
  });

  it('the largest good token is let in, so that the sizes mean something', async () => {
    expect(await verdictOf(gate, `Bearer ${forge.claiming({ pad: 'p'.repeat(10_000) })}`)).toBe('accepted');
  });

  it('no turn has run and no row was saved', async () => {
    expect(await countConversations(skill)).toBe(0);
    expect(callbacksOf(skill)).toEqual([]);
  });

  it('none costs 5 ms of CPU', { timeout: 60_000 }, async () => {
    const rounds = 20;
    let total = 0;
    let worst = { name: '', ms: 0 };
    for (const [name, authorization] of all) {
      const header = authorization(forge);
      const before = process.cpuUsage();
      for (let round = 0; round < rounds; round += 1) await verdictOf(gate, header);
      const { user, system } = process.cpuUsage(before);
      const ms = (user + system) / 1_000 / rounds;
      total += ms;
      if (ms > worst.ms) worst = { name, ms };
    }
    const mean = total / all.length;
    const sampled = Object.values(families).flatMap((cases) => cases.filter(isSample)).length;
    console.log(
      `T1: ${all.length} named tokens in ${Object.keys(families).length} families, ${sampled} of them also over HTTP; ` +
        `CPU per refusal ${mean.toFixed(3)} ms, at worst ${worst.ms.toFixed(3)} ms (${worst.name})`,
    );
    expect(worst.ms).toBeLessThan(5);
  });

  it('are 120 or more, in 14 families, each name once in its family', () => {
    expect(all.length).toBeGreaterThanOrEqual(120);
    expect(Object.keys(families)).toHaveLength(14);
    for (const cases of Object.values(families)) expect(new Set(cases.map(([name]) => name)).size).toBe(cases.length);
  });
});

/** Every third, where HTTP can carry it: Node refuses control characters, wide characters and headers beyond 16 KB. */
function isSample([, authorization]: HostileCase, index: number): boolean {
  return index % 3 === 0 && /^[\x20-\x7e\xa0-\xff]{0,15000}$/.test(authorization(rehearsal) ?? '');
}

async function post(authorization: string | undefined) {
  const { statusCode, headers, body } = await request(`${skill.url}/api/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) },
    body: JSON.stringify(goodActivity(skill)),
  });
  return {
    status: statusCode,
    body: await body.text(),
    challenge: headers['www-authenticate'],
    requestId: headers['x-request-id'],
  };
}

async function linesAfter(count: number): Promise<readonly string[]> {
  await eventually('the request is in the log', () => skill.log.length > count);
  return skill.log.slice(count);
}

/** Parts of the Authorization header, as sent or decoded, that came back. */
function findEcho(header: string | undefined, text: string): string[] {
  const parts = (header ?? '').split(/[ .]/).filter((part) => part.length > 12);
  return [canary, ...parts, ...parts.map((part) => part.slice(0, 24))].filter((part) => text.includes(part));
}
