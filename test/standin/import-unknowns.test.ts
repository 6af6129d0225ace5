// What nobody outside of Microsoft knows of the import is a switch: a skill can be tried with each answer.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startStandIn, type StandIn } from '../../standin/stand-in.ts';
import { type FakeSkill, startFakeSkill } from './fake-skill.ts';
import { actionWith, manifestOf } from './manifests.ts';

let standIn: StandIn;
let skill: FakeSkill;

beforeEach(async () => {
  skill = await startFakeSkill();
  standIn = await startStandIn();
  standIn.registerApp({ appId: skill.appId, secret: skill.secret, homePageUrl: skill.url });
  serve(manifestOf(skill));
});

afterEach(async () => {
  await standIn.stop();
  await skill.stop();
});

function serve(body: unknown): void {
  skill.manifest = () => ({ body });
}

async function importNow() {
  const { ok, findings } = await standIn.importSkill(`${skill.url}/manifest.json`);
  return { ok, findings, codes: findings.map((finding) => finding.code) };
}

describe('what is not known of the import can be set', () => {
  it('whether $ref is followed', async () => {
    const value = { $ref: '#/definitions/input' };
    const inner = { type: 'object', properties: { a: { $ref: '#/definitions/text' } } };
    const definitions = { input: { type: 'object' }, text: { type: 'string' } };
    serve(manifestOf(skill, { activities: { a: actionWith({ value, resultValue: inner }) }, definitions }));
    standIn.switches.references = false;
    const { ok, findings } = await importNow();
    expect(ok).toBe(false);
    expect(findings).toMatchObject([
      { code: 'MANIFEST_MALFORMED', path: 'activities.a.value' },
      { code: 'MANIFEST_MALFORMED', path: 'activities.a.resultValue.a' },
    ]);
    standIn.switches.references = true;
    expect((await importNow()).codes).toEqual([]);
  });

  it.each([
    ['off', true, [], 1],
    ['warn', true, ['ENDPOINT_PROBE_NOT_CHALLENGED'], 2],
    ['refuse', false, ['ENDPOINT_HEALTHCHECK_FAILED'], 2],
  ] as const)('whether it asks without a token: %s', async (probe, ok, codes, requests) => {
    skill.onStranger = () => ({ status: 200 });
    standIn.switches.probe = probe;
    expect(await importNow()).toMatchObject({ ok, codes });
    expect(skill.received).toHaveLength(requests);
  });

  it('whether the directory answers: AADERROR_OTHER', async () => {
    standIn.switches.directoryDown = true;
    expect((await importNow()).codes).toEqual(['AADERROR_OTHER']);
    expect(skill.received).toEqual([]);
  });
});
