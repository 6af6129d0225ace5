// The tables: a good manifest with one change each, and what the rules of the import say of it.

import { actionWith, endpointOf, type Json, valuesOf } from '../standin/manifests.ts';
import { bytesOf, called, good, withAction, withEndpoint, withInput } from './good-manifest.ts';

/** A manifest of exactly this many bytes. */
const ofSize = (size: number): Json => {
  const short = bytesOf(good({ description: '' })).length;
  return good({ description: 'x'.repeat(size - short) });
};

/** One change to the good manifest, and the one finding that it brings. */
export type Row = readonly [name: string, code: string, path: string, manifest: unknown];
const malformed = 'MANIFEST_MALFORMED';

export const errors: readonly Row[] = [
  ['one byte more than 500 KB', 'MANIFEST_TOO_LARGE', '', ofSize(500_001)],
  ['no JSON', malformed, '', '{'],
  ['a comment', malformed, '', `// skill\n${JSON.stringify(good())}`],
  ['a page to sign in', malformed, '', '<!doctype html><title>Sign in</title>'],
  ['a list', malformed, '', [good()]],
  ['null', malformed, '', 'null'],
  ...['name', '$schema', '$id', 'version', 'publisherName'].flatMap((field): Row[] => [
    [`no ${field}`, malformed, field, good({ [field]: undefined })],
    [`an empty ${field}`, malformed, field, good({ [field]: ' ' })],
    [`a ${field} that is no text`, malformed, field, good({ [field]: 1 })],
  ]),
  ['a preview of the schema', malformed, '$schema', good({ $schema: 'https://x/skill-manifest-2.1.preview-1.json' })],
  ['no endpoints', malformed, 'endpoints', good({ endpoints: undefined })],
  ['an empty list of endpoints', malformed, 'endpoints', good({ endpoints: [] })],
  ['two endpoints', malformed, 'endpoints', good({ endpoints: [endpointOf(called), endpointOf(called)] })],
  ['an endpoint that is a text', malformed, 'endpoints[0]', good({ endpoints: ['https://skill.example.com'] })],
  ['an endpoint without name', malformed, 'endpoints[0].name', withEndpoint({ name: undefined })],
  ['no app id', malformed, 'endpoints[0].msAppId', withEndpoint({ msAppId: undefined })],
  ['an app id in braces', malformed, 'endpoints[0].msAppId', withEndpoint({ msAppId: `{${called.appId}}` })],
  ['no address', 'URL_MALFORMED', 'endpoints[0].endpointUrl', withEndpoint({ endpointUrl: undefined })],
  ['a relative address', 'URL_MALFORMED', 'endpoints[0].endpointUrl', withEndpoint({ endpointUrl: '/api/messages' })],
  [
    'a plain http address',
    'URL_NOT_HTTPS',
    'endpoints[0].endpointUrl',
    withEndpoint({ endpointUrl: 'http://x.example/' }),
  ],
  [
    'a loopback address',
    'URL_NOT_HTTPS',
    'endpoints[0].endpointUrl',
    withEndpoint({ endpointUrl: 'http://127.0.0.1/' }),
  ],
  ['no activities', malformed, 'activities', good({ activities: undefined })],
  ['no action', malformed, 'activities', good({ activities: {} })],
  ['activities as a list', malformed, 'activities', good({ activities: [actionWith()] })],
  ['an action without id', malformed, 'activities.', good({ activities: { '': actionWith() } })],
  ['an action that is a text', malformed, 'activities.a', good({ activities: { a: 'event' } })],
  ['an invoke action', malformed, 'activities.a.type', withAction({ type: 'invoke' })],
  ['an action without type', malformed, 'activities.a.type', withAction({ type: undefined })],
  ['an action without description', malformed, 'activities.a.description', withAction({ description: undefined })],
  ['an empty description', malformed, 'activities.a.description', withAction({ description: '' })],
  ['an event without name', malformed, 'activities.a.name', withAction({ name: undefined })],
  ['an array as input', malformed, 'activities.a.value.x', withInput({ type: 'array', items: { type: 'string' } })],
  ['an array as all inputs', malformed, 'activities.a.value', withAction({ value: { type: 'array' } })],
  [
    'an array as output',
    malformed,
    'activities.a.resultValue.value0',
    withAction({ resultValue: valuesOf(1, 'array') }),
  ],
  [
    'an array behind a reference',
    malformed,
    'activities.a.value.x',
    { ...withInput({ $ref: '#/definitions/l' }), definitions: { l: { type: 'array' } } },
  ],
  [
    'a reference that leads nowhere',
    malformed,
    'activities.a.value',
    withAction({ value: { $ref: '#/definitions/x' } }),
  ],
  [
    'references in a circle',
    malformed,
    'activities.a.value',
    { ...withAction({ value: { $ref: '#/definitions/a' } }), definitions: { a: { $ref: '#/definitions/a' } } },
  ],
  ['inputs that are no schema', malformed, 'activities.a.value', withAction({ value: 'text' })],
  ['properties as a list', malformed, 'activities.a.value.properties', withAction({ value: { properties: [] } })],
  ['definitions as a list', malformed, 'definitions', good({ definitions: [] })],
  [
    'required in a definition',
    malformed,
    'definitions.d.required',
    good({ definitions: { d: { type: 'object', required: ['x'] } } }),
  ],
  [
    '101 actions',
    'LIMITS_TOO_MANY_ACTIONS',
    'activities',
    good({ activities: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`a${n}`, actionWith()])) }),
  ],
  ['26 inputs', 'LIMITS_TOO_MANY_INPUTS', 'activities.a.value', withAction({ value: valuesOf(26) })],
  ['26 outputs', 'LIMITS_TOO_MANY_OUTPUTS', 'activities.a.resultValue', withAction({ resultValue: valuesOf(26) })],
];

export const warnings: readonly Row[] = [
  ['a number as input', 'TYPE_NOT_DOCUMENTED', 'activities.a.value.x', withInput({ type: 'number' })],
  ['an input of two types', 'TYPE_NOT_DOCUMENTED', 'activities.a.value.x', withInput({ type: ['string', 'null'] })],
  ['an input without type', 'TYPE_NOT_DOCUMENTED', 'activities.a.value.x', withInput({})],
  [
    'required beside the inputs',
    'REQUIRED_NOT_PROVEN',
    'activities.a.value.required',
    withAction({ value: { ...valuesOf(1), required: ['value0'] } }),
  ],
  ['a schema of its own', 'SCHEMA_NOT_KNOWN', '$schema', good({ $schema: 'https://example.com/manifest.json' })],
  ['a field that the schema has not', 'SCHEMA_VIOLATION', 'owner', good({ owner: 'me' })],
  ['a message with a name', 'SCHEMA_VIOLATION', 'activities.a.name', withAction({ type: 'message' })],
  ['tags as a text', 'SCHEMA_VIOLATION', 'tags', good({ tags: 'notify' })],
];

export const passing: readonly (readonly [name: string, manifest: unknown])[] = [
  ['the good manifest itself', good()],
  ['exactly 500 KB', ofSize(500_000)],
  ['a byte order mark', `\uFEFF${JSON.stringify(good())}`],
  ['100 actions', good({ activities: Object.fromEntries(Array.from({ length: 100 }, (_, n) => [n, actionWith()])) })],
  ['25 inputs and 25 outputs', withAction({ value: valuesOf(25), resultValue: valuesOf(25) })],
  ['a message without name', withAction({ type: 'message', name: undefined })],
  ['every documented type', withAction({ value: { properties: { s: { type: 'string' }, i: { type: 'integer' } } } })],
  ['a boolean and an object', withAction({ value: { properties: { b: { type: 'boolean' }, o: { type: 'object' } } } })],
  [
    'inputs behind a reference, as in the skill-handoff sample',
    { ...withAction({ value: { $ref: '#/definitions/in' } }), definitions: { in: valuesOf(2) } },
  ],
  ...['skill-manifest-2.0.0', 'v2.0/skill-manifest', 'v2.1/skill-manifest', 'v2.2/skill-manifest'].map(
    (name) =>
      [
        `the schema ${name}`,
        good({ $schema: `https://schemas.botframework.com/schemas/skills/${name}.json` }),
      ] as const,
  ),
];
