// T5: generators of bodies that nobody would write. Every text in a body that means something is the canary, so that an
// answer that repeats any of it is found.

import * as fc from 'fast-check';

export const canary = 'canary-b0d1e5';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Fields = { [key: string]: Json };
type WildBody = string | Uint8Array;

/** Stands in a generated value for what JSON.stringify does not write. */
const rawNumbers = ['1e999', '-1e999', '-0', '1E+2', '123456789012345678901234567890', '0.1e-400'];
const raw = (number: string): string => `@raw ${number}@`;

/** JSON text of the value, with the raw numbers in it. */
function write(value: Json): string {
  return rawNumbers.reduce(
    (text, number) => text.replaceAll(JSON.stringify(raw(number)), number),
    JSON.stringify(value),
  );
}

const nested = (depth: number): Json => {
  let value: Json = canary;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

const strangeText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '.',
    '..',
    '\u0000',
    `${canary}\u0000x`,
    `${canary}\ud800`,
    '\udfff',
    '\u202e',
    '\u2028',
    '\ufeff',
  ),
  fc.constantFrom(
    '\r\nX-Injected: 1',
    "'; drop table notifications; --",
    '${jndi:ldap://x}',
    '<script>',
    '%00',
    '../../etc/passwd',
  ),
  fc.constantFrom(
    'true',
    'null',
    '-1',
    'NaN',
    '2026-13-45T99:99:99Z',
    '9999-12-31T23:59:59Z',
    'expectReplies',
    'invoke',
  ),
  fc.constantFrom('javascript:alert(1)', 'https://attacker.example', 'http://169.254.169.254/', '[a](javascript:x)'),
  fc.constantFrom(300, 1_025, 9_000, 30_000, 70_000).map((length) => canary.padEnd(length, 'x')),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

const strangeValue: fc.Arbitrary<Json> = fc.oneof(
  strangeText,
  fc.constantFrom<Json>(null, true, false, 0, -1, 2 ** 53, -(2 ** 53), 1.5, Number.MAX_VALUE, 5e-324),
  fc.constantFrom(...rawNumbers).map(raw),
  fc.constantFrom<Json>(
    [],
    {},
    [null],
    [[]],
    [canary],
    { id: canary },
    { text: canary },
    { toJSON: canary },
    { length: -1 },
  ),
  fc.constantFrom(20, 31, 63, 200, 3_000).map(nested),
  fc
    .constantFrom(400, 600, 3_000)
    .map((count) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, n]))),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
);

const prototypeFields: fc.Arbitrary<Fields> = fc.constantFrom<Fields>(
  { ['__proto__']: { polluted: canary } },
  { ['__proto__']: null },
  { constructor: { prototype: { polluted: canary } } },
  { constructor: { prototype: null } },
);

const strangeFields: fc.Arbitrary<Fields> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(
        'serviceUrl',
        'audience',
        'toString',
        'hasOwnProperty',
        'constructor',
        'prototype',
        '',
        'then',
        'toJSON',
      ),
      fc.string({ unit: 'binary', maxLength: 30 }),
    ),
    strangeValue,
  )
  .map(([key, value]) => ({ [key]: value }));

const isFields = (value: Json | undefined): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every place in a value: the keys that lead to it. */
function placesIn(value: Json, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  const members = Array.isArray(value) ? value.map((member, index) => [index, member] as const) : Object.entries(value);
  return [path, ...members.flatMap(([key, member]) => placesIn(member, [...path, key]))];
}

/** The value with `change` made at this place; undefined takes it away. */
function changeAt(
  value: Json,
  [key, ...rest]: readonly (string | number)[],
  change: (old: Json) => Json | undefined,
): Json {
  if (key === undefined) return change(value) ?? null;
  const copy: Fields | Json[] = Array.isArray(value) ? [...value] : { ...(value as Fields) };
  const members = copy as { [key: string | number]: Json };
  const changed = rest.length === 0 ? change(members[key] ?? null) : changeAt(members[key] ?? null, rest, change);
  if (changed === undefined) delete members[key];
  else members[key] = changed;
  return copy;
}

/** A good body, and a number that picks one of the places that `isPlace` takes. */
function spots(good: readonly Fields[], isPlace: (value: Json) => boolean = () => true) {
  return fc.tuple(fc.constantFrom(...good), fc.nat()).map(([body, pick]) => {
    const places = placesIn(body).filter((path) =>
      isPlace(path.reduce<Json>((at, key) => (at as Fields)[key] ?? null, body)),
    );
    return { body, place: places[pick % places.length] ?? [] };
  });
}

/** The generators by name, for a route that takes these bodies. */
export function wildBodies(good: readonly Fields[]): [name: string, bodies: fc.Arbitrary<WildBody>][] {
  const mixIn = (fields: fc.Arbitrary<Fields>): fc.Arbitrary<WildBody> =>
    fc
      .tuple(spots(good, isFields), fields)
      .map(([{ body, place }, more]) => write(changeAt(body, place, (old) => ({ ...(old as Fields), ...more }))));
  const bytes = fc.tuple(
    fc.constantFrom(...good).map((body) => Buffer.from(write(body))),
    fc.nat(),
    fc.nat(255),
  );
  return [
    [
      'any JSON',
      fc
        .object({ key: fc.string({ unit: 'binary' }), values: [strangeText], maxDepth: 3 })
        .map((body) => write(body as Fields)),
    ],
    ['any JSON that is no object', strangeValue.map(write)],
    ['any text or bytes', fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 300 }), fc.json())],
    [
      'a good body with one value replaced',
      fc.tuple(spots(good), strangeValue).map(([{ body, place }, value]) => write(changeAt(body, place, () => value))),
    ],
    [
      'a good body with one field taken away, or put into a list',
      fc
        .tuple(spots(good), fc.boolean())
        .map(([{ body, place }, inList]) => write(changeAt(body, place, (old) => (inList ? [old] : undefined)))),
    ],
    ['a good body with a field more', mixIn(strangeFields)],
    ['a good body with a key that would change a prototype', mixIn(prototypeFields)],
    ['a good body cut off', bytes.map(([body, at]) => body.subarray(0, at % body.length))],
    [
      'a good body with one byte changed',
      bytes.map(([body, at, value]) => {
        const changed = Buffer.from(body);
        changed.writeUInt8(value, at % body.length);
        return changed;
      }),
    ],
  ];
}
