// Manifests that nobody would write: the rules must answer in findings, whatever they are given.
// MANIFEST_SEED=<number> repeats a run.

import { assert, jsonValue, nat, property } from 'fast-check';
import { expect, it } from 'vitest';
import { checkManifest } from '../../src/manifest/import-rules.ts';
import { actionWith } from '../standin/manifests.ts';
import { bytesOf, good, withAction, withInput } from './good-manifest.ts';

it('whatever JSON a manifest has in whatever place, the rules answer in findings', () => {
  const seed = Number(process.env['MANIFEST_SEED'] ?? Date.now() % 2 ** 31);
  const runs = 2_000;
  const json = jsonValue({ maxDepth: 4 });
  const places: readonly ((value: unknown) => unknown)[] = [
    (value) => value,
    (value) => good({ activities: value }),
    (value) => good({ endpoints: value }),
    (value) => good({ endpoints: [value] }),
    (value) => good({ definitions: value }),
    (value) =>
      good({ definitions: { d: value }, activities: { a: actionWith({ value: { $ref: '#/definitions/d' } }) } }),
    (value) => withAction({ value }),
    (value) => withAction({ resultValue: { properties: value } }),
    (value) => withInput(value),
    (value) => withInput({ type: value }),
    (value) => withInput({ $ref: value }),
    (value) => good({ $schema: value }),
  ];
  let refused = 0;
  const outcomes = property(json, nat(places.length - 1), (value, place) => {
    const { manifest, findings } = checkManifest(bytesOf(places[place]?.(value)));
    const hasErrors = findings.some(({ level }) => level === 'error');
    if (hasErrors) refused += 1;
    return hasErrors === (manifest === undefined) && findings.every(({ path }) => typeof path === 'string');
  });
  assert(outcomes, {
    seed,
    numRuns: runs,
    examples: [
      [{ toString: 1 }, 10],
      [{ toString: 1 }, 11],
    ],
  });
  console.log(`odd manifests: ${runs}, ${refused} refused, seed ${seed}`);
  expect(refused).toBeGreaterThan(runs / 10);
  expect(refused).toBeLessThan(runs);
});
