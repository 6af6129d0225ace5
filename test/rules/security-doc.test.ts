// What docs/security.md says is shown by tests: the tests must be there.
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readText } from './source-files.ts';

it('docs/security.md names only tests and pages that exist', () => {
  const page = readText('docs/security.md');
  const tests = [...page.matchAll(/`(test\/[\w./-]+)`/g)].map(([, path = '']) => path);
  const pages = [...page.matchAll(/\]\(([\w./-]+\.md)\)/g)].map(([, path = '']) => `docs/${path}`);
  expect(tests.length).toBeGreaterThan(50);
  const missing = [...tests, ...pages].filter((path) => !existsSync(new URL(`../../${path}`, import.meta.url)));
  expect(missing).toEqual([]);
});

it('each of the ten risks has its row', () => {
  const rows = [...readText('docs/security.md').matchAll(/^\| API(\d+) .*`test\//gm)].map(([, number]) =>
    Number(number),
  );
  expect(rows).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});
