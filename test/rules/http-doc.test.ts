// docs/http-api.md is what senders program against: it must name every code that they can get.

import { expect, it } from 'vitest';
import { readText } from './source-files.ts';

const codes = [...readText('src/errors.ts').matchAll(/^ {2}(\w+): (\d{3}),$/gm)];
const rows = [...readText('docs/http-api.md').matchAll(/^\| (`\w+`[^|]*)\| ([\d, ]+)\|/gm)];

it('docs/http-api.md has every code with its status', () => {
  expect(codes.length).toBeGreaterThan(20);
  const missing = codes.filter(
    ([, code = '', status = '']) =>
      !rows.some(([, names = '', statuses = '']) => names.includes(`\`${code}\``) && statuses.includes(status)),
  );
  expect(missing.map(([line]) => line)).toEqual([]);
});
