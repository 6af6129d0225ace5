// The manifests against Microsoft's published schemas and against what Copilot Studio's import refuses beyond them.
// Rules and codes: learn.microsoft.com/azure/bot-service/skill-pva, "Validation errors"; inputs and outputs are inline,
// without $ref, required, arrays and numbers, because real imports were refused for less.
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { errorOutputsOf, handledActions, nameCalledAction } from '../../src/bot/actions/actions.ts';
import { loadManifests } from '../../src/manifest/render-manifest.ts';

type ValueSchema = { type: string; properties: Record<string, { type: string; title: string; description: string }> };
type Action = { type: string; name?: string; description: string; value: ValueSchema; resultValue: ValueSchema };
type Manifest = {
  $schema: string;
  name: string;
  version: string;
  endpoints: { endpointUrl: string; msAppId: string }[];
  activities: Record<string, Action>;
};

const appId = '11111111-2222-4333-8444-555555555555';
const publicUrl = 'https://notify.example.com';
const rendered = loadManifests({ appId, endpointUrl: `${publicUrl}/api/messages` });
const schemaFiles = new Map([
  ['skill-manifest-2.2.json', 'skill-manifest-2.2.json'],
  ['skill-manifest-2.0.json', 'skill-manifest-2.0.0.json'],
]);
const manifests = [...rendered].map(([file, text]) => ({ file, text, manifest: JSON.parse(text) as Manifest }));
const packageVersion = (readJson('../../package.json') as { version: string }).version;

describe.each(manifests)('$file', ({ file, text, manifest }) => {
  const actions = Object.entries(manifest.activities);

  it('is valid against the published schema it names', () => {
    const schema = readJson(`../../manifests/schemas/${schemaFiles.get(file)}`) as { $id: string };
    const ajv = new Ajv({
      strict: false,
      allErrors: true,
      formats: {
        uri: (url: string) => URL.canParse(url),
        'uri-reference': (url: string) => URL.canParse(url, 'https://x'),
      },
    });
    ajv.validate(schema, manifest);
    expect(ajv.errors ?? []).toEqual([]);
    expect(manifest.$schema).toBe(schema.$id);
  });

  it('has one endpoint with the app id and the address of this service', () => {
    expect(manifest.endpoints).toMatchObject([{ endpointUrl: `${publicUrl}/api/messages`, msAppId: appId }]);
  });

  it('carries the version of the package', () => {
    expect(manifest.version).toBe(packageVersion);
  });

  it('stays within the limits of the import: 500 KB, 100 actions, 25 inputs and 25 outputs', () => {
    expect(Buffer.byteLength(text)).toBeLessThan(500_000);
    expect(actions.length).toBeLessThanOrEqual(100);
    for (const [, action] of actions) {
      expect(Object.keys(action.value.properties).length).toBeLessThanOrEqual(25);
      expect(Object.keys(action.resultValue.properties).length).toBeLessThanOrEqual(25);
    }
  });

  it.each(actions)(
    'describes %s: an event has its id as name, a message none, and both a short title for makers',
    (id, action) => {
      expect(action.name).toBe(action.type === 'event' ? id : undefined);
      expect(action.description).toMatch(/^[A-Z].{10,119}[^.]$/);
      expect(['event', 'message']).toContain(action.type);
    },
  );

  it.each(actions)('gives every input and output of %s a simple type, a title and a description', (_id, action) => {
    for (const schema of [action.value, action.resultValue]) {
      expect(Object.keys(schema)).toEqual(['type', 'properties']);
      expect(schema.type).toBe('object');
      for (const property of Object.values(schema.properties)) {
        expect(Object.keys(property)).toEqual(['type', 'title', 'description']);
        expect(['string', 'integer', 'boolean']).toContain(property.type);
        expect(property.description).not.toBe('');
      }
    }
  });

  it('names no $ref, no required and no shared definitions', () => {
    const keys = listKeys(manifest);
    for (const key of ['$ref', 'required', 'definitions', 'items']) expect(keys).not.toContain(key);
  });

  it('names exactly the actions that the bot handles', () => {
    expect(Object.keys(manifest.activities).toSorted()).toEqual([...handledActions].toSorted());
  });

  it.each(actions)('names for %s the outputs that the bot gives when it fails, of their types', (id, action) => {
    const given = Object.entries(errorOutputsOf(id)).map(([name, output]) => [name, typeOf(output)]);
    const promised = Object.entries(action.resultValue.properties).map(([name, { type }]) => [name, type]);
    expect(given).toEqual(promised);
  });

  it('calls by a message only the action that the bot knows by its inputs', () => {
    const messages = actions.filter(([, action]) => action.type === 'message');
    expect(messages.map(([id]) => id)).toEqual(['chatUntilNotified']);
    for (const [id, action] of messages) {
      const value = Object.fromEntries(Object.keys(action.value.properties).map((name) => [name, '']));
      expect(nameCalledAction({ type: 'message', value })).toBe(id);
    }
  });
});

it('both manifests describe the same actions', () => {
  const [first, second] = manifests;
  expect(second?.manifest.activities).toEqual(first?.manifest.activities);
});

it('the schema refuses an app id that is not a GUID, so that the check above means something', () => {
  const schema = readJson('../../manifests/schemas/skill-manifest-2.2.json') as object;
  const broken = JSON.parse([...rendered.values()][0]?.replace(appId, 'my-app') ?? '{}') as unknown;
  const ajv = new Ajv({ strict: false, validateFormats: false });
  expect(ajv.validate(schema, broken)).toBe(false);
  expect(ajv.errors?.map((error) => error.instancePath)).toEqual(['/endpoints/0/msAppId']);
});

function typeOf(output: string | number | boolean): string {
  return Number.isInteger(output) ? 'integer' : typeof output;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as unknown;
}

function listKeys(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [...(Array.isArray(value) ? [] : [key]), ...listKeys(inner)]);
}
