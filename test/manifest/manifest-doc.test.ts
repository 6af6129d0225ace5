// docs/manifest.md is what makers look a code up in.

import { expect, it } from 'vitest';
import { adviceCodes, importCodes, listUnseen } from '../../src/manifest/import-finding.ts';
import { readText } from '../rules/source-files.ts';

const rows = readText('docs/manifest.md')
  .split('\n')
  .filter((line) => line.startsWith('| `'));
const rowOf = (code: string) => rows.find((row) => row.split('|')[1]?.includes(`\`${code}\``));

it('docs/manifest.md has every code, and says which of them lint can give', () => {
  expect([...importCodes, ...adviceCodes].filter((code) => rowOf(code) === undefined)).toEqual([]);
  const denied = importCodes.filter((code) => rowOf(code)?.split('|')[2]?.trim() === 'no');
  expect(denied.toSorted()).toEqual(listUnseen(true).toSorted());
});
