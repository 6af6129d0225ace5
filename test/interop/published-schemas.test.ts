// The published schemas as this project reads them (by zod) against an independent reader of JSON schemas (ajv), over
// Microsoft's sample manifests and random edits of them. SCHEMA_SEED=<number> repeats a run.

import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { assert, constantFrom, double, integer, jsonValue, oneof, property, webUrl } from 'fast-check';
import { expect, it } from 'vitest';
import { findSchemaFaults } from '../../src/manifest/published-schema.ts';

const seed = Number(process.env['SCHEMA_SEED'] ?? Date.now() % 2 ** 31);
const runs = 1_500;
const schemas = ['skill-manifest-2.0.0.json', 'skill-manifest-2.1.json', 'skill-manifest-2.2.json'];
const folder = new URL('../fixtures/microsoft-manifests/', import.meta.url);
const samples = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.json') && !file.includes('skill-handoff'))
  .map((file) => JSON.parse(readFileSync(new URL(file.replaceAll('\\', '/'), folder), 'utf8')) as unknown);

const validators = new Map(
  schemas.map((file) => {
    const text = readFileSync(new URL(`../../manifests/schemas/${file}`, import.meta.url), 'utf8');
    // What is in the values of an action is a schema of its own: other rules look at that.
    const schema = JSON.parse(
      text.replaceAll(/"\$ref": "http:[^"]+"(,\s*"type": "object")?/g, '"type": "object"'),
    ) as object;
    const ajv = new Ajv({ strict: false, formats: { uri: (url: string) => URL.canParse(url), 'uri-reference': true } });
    return [file, ajv.compile(schema)] as const;
  }),
);

/** A copy with the value at one place, counted in depth first order, replaced; undefined takes it out. */
function edit(value: unknown, place: number, replacement: unknown): unknown {
  let count = -1;
  const visit = (inner: unknown): unknown => {
    count += 1;
    if (count === place) return replacement;
    if (Array.isArray(inner)) return inner.map(visit);
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, visit(item)]));
  };
  return JSON.parse(JSON.stringify(visit(value)) ?? 'null') as unknown;
}

it('both readers find the same manifests valid', () => {
  const counted = { valid: 0, invalid: 0 };
  const check = (manifest: unknown, file: string): void => {
    const isValid = validators.get(file)?.(manifest) === true;
    counted[isValid ? 'valid' : 'invalid'] += 1;
    const faults = findSchemaFaults(file, manifest);
    expect({ manifest, file, isValid: faults.length === 0, faults }).toMatchObject({ isValid });
  };
  for (const manifest of samples) for (const file of schemas) check(manifest, file);
  const replacements = oneof(
    jsonValue({ maxDepth: 2 }),
    webUrl(),
    constantFrom('event', 'message', 'typing', undefined),
  );
  assert(
    property(
      integer({ min: 0, max: samples.length - 1 }),
      double({ min: 0, max: 1, noNaN: true }),
      replacements,
      constantFrom(...schemas),
      (index, part, replacement, file) => {
        const places = Math.floor(part * 60);
        check(edit(samples[index], places, replacement), file);
      },
    ),
    { seed, numRuns: runs },
  );
  console.log(
    `published schemas: ${counted.valid} valid, ${counted.invalid} invalid, zod and ajv agree (seed ${seed})`,
  );
  expect(Math.min(counted.valid, counted.invalid)).toBeGreaterThan(100);
});
