// docs/doctor.md is read when a check fails: it must have each of them, in the order in which they are told.

import { expect, it } from 'vitest';
import { checkIds } from '../../src/doctor/check.ts';
import { readText } from './source-files.ts';

it('docs/doctor.md has a row for each check', () => {
  const rows = [...readText('docs/doctor.md').matchAll(/^\| `([a-z-]+)` +\|/gm)].map(([, id]) => id);
  expect(rows).toEqual([...checkIds]);
});
