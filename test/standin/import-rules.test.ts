import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startStandIn, type StandIn } from '../../standin/stand-in.ts';
import { type FakeSkill, startFakeSkill } from './fake-skill.ts';
import { actionWith, endpointOf, type Json, manifestOf, valuesOf } from './manifests.ts';

let standIn: StandIn;
let skill: FakeSkill;

beforeEach(async () => {
  skill = await startFakeSkill();
  standIn = await startStandIn();
  standIn.registerApp({ appId: skill.appId, secret: skill.secret, homePageUrl: `${skill.url}/manifest.json` });
});

afterEach(async () => {
  await standIn.stop();
  await skill.stop();
});

const manifestWith = (changes: Json): Json => manifestOf(skill, changes);
const endpointWith = (changes: Json): Json => endpointOf(skill, changes);

describe('a manifest is refused', () => {
  const cases: [string, string, () => unknown, string?][] = [
    ['that is no JSON', 'MANIFEST_MALFORMED', () => '{'],
    ['that is no object', 'MANIFEST_MALFORMED', () => '[]'],
    ['without a name', 'MANIFEST_MALFORMED', () => manifestWith({ name: undefined }), 'name'],
    ['of a preview schema', 'MANIFEST_MALFORMED', () => manifestWith({ $schema: 'x/2.1.preview-0' }), '$schema'],
    ['with two endpoints', 'MANIFEST_MALFORMED', () => manifestWith({ endpoints: [{}, {}] }), 'endpoints'],
    ['without actions', 'MANIFEST_MALFORMED', () => manifestWith({ activities: {} }), 'activities'],
    [
      'whose app id is no GUID',
      'MANIFEST_MALFORMED',
      () => manifestWith({ endpoints: [endpointWith({ msAppId: 'x' })] }),
      'endpoints[0].msAppId',
    ],
    [
      'with an invoke action',
      'MANIFEST_MALFORMED',
      () => manifestWith({ activities: { a: actionWith({ type: 'invoke' }) } }),
      'activities.a.type',
    ],
    [
      'with an action that is not described',
      'MANIFEST_MALFORMED',
      () => manifestWith({ activities: { a: actionWith({ description: '' }) } }),
      'activities.a.description',
    ],
    [
      'with an array among the inputs',
      'MANIFEST_MALFORMED',
      () => manifestWith({ activities: { a: actionWith({ value: valuesOf(1, 'array') }) } }),
      'activities.a.value.value0',
    ],
    [
      'with an array as output behind a reference',
      'MANIFEST_MALFORMED',
      () =>
        manifestWith({
          activities: { a: actionWith({ resultValue: { $ref: '#/definitions/list' } }) },
          definitions: { list: { type: 'array' } },
        }),
      'activities.a.resultValue',
    ],
    [
      'with required in a definition',
      'MANIFEST_MALFORMED',
      () => manifestWith({ definitions: { input: { type: 'object', required: ['a'] } } }),
      'definitions.input.required',
    ],
    [
      'with an endpoint that is no URL',
      'URL_MALFORMED',
      () => manifestWith({ endpoints: [endpointWith({ endpointUrl: 'nowhere' })] }),
      'endpoints[0].endpointUrl',
    ],
    [
      'with 101 actions',
      'LIMITS_TOO_MANY_ACTIONS',
      () => manifestWith({ activities: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [n, actionWith()])) }),
      'activities',
    ],
    [
      'with 26 inputs',
      'LIMITS_TOO_MANY_INPUTS',
      () => manifestWith({ activities: { a: actionWith({ value: valuesOf(26) }) } }),
      'activities.a.value',
    ],
    [
      'with 26 outputs',
      'LIMITS_TOO_MANY_OUTPUTS',
      () => manifestWith({ activities: { a: actionWith({ resultValue: valuesOf(26) }) } }),
      'activities.a.resultValue',
    ],
    ['of more than 500 KB', 'MANIFEST_TOO_LARGE', () => manifestWith({ description: 'x'.repeat(512 * 1024) })],
    [
      'of an app that is not in the tenant',
      'APPID_NOT_IN_TENANT',
      () => manifestWith({ endpoints: [endpointWith({ msAppId: '11111111-2222-3333-4444-555555555555' })] }),
      'endpoints[0].msAppId',
    ],
  ];
  it.each(cases)('%s: %s', async (_name, code, manifest, path) => {
    const body = manifest();
    skill.manifest = () => ({ body });
    const { ok, findings } = await standIn.importSkill(`${skill.url}/manifest.json`);
    expect(ok).toBe(false);
    expect(findings).toMatchObject([{ level: 'error', code }]);
    expect(findings[0]?.path).toBe(path ?? '');
    expect(skill.received).toHaveLength(0);
    expect(() => standIn.openConversation()).toThrow(/no skill/);
  });
});
