import { expect, it } from 'vitest';
import { listSourceFiles } from './source-files.ts';

const mostLines = 250;

it(`no file of src or standin has more than ${mostLines} lines: a longer one is two things`, () => {
  const long = [...listSourceFiles('src'), ...listSourceFiles('standin')]
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > mostLines);
  expect(long).toEqual([]);
});
