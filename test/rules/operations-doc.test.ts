// docs/operations.md is read when something is broken: what it names must be there, word for word.

import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { listSettingNames } from './setting-names.ts';
import { listSourceFiles, readText } from './source-files.ts';

const doc = readText('docs/operations.md');
const source = listSourceFiles('src')
  .map(({ text }) => text)
  .join('\n');
const exists = (path: string): boolean => existsSync(new URL(`../../${path}`, import.meta.url));
/** What stands in backticks in the rows of the table under this head, first column only. */
const firstColumn = (head: string): string[] => {
  const table = doc.slice(doc.search(new RegExp(`^\\| \`?${head}\`? +\\|`, 'm')));
  const rows = table.slice(0, table.indexOf('\n\n')).split('\n').slice(2);
  return rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
};

describe('docs/operations.md', () => {
  it('quotes lines of the log that are written', () => {
    const messages = firstColumn('msg');
    expect(messages.length).toBeGreaterThan(10);
    expect(messages.filter((message) => !source.includes(`'${message}'`))).toEqual([]);
  });

  it('explains reasons that are given', () => {
    const reasons = firstColumn('reason');
    expect(reasons.length).toBeGreaterThan(8);
    expect(reasons.filter((reason) => !source.includes(`'${reason}'`))).toEqual([]);
  });

  it('names settings that there are', () => {
    const others = new Set(['HTTPS_PROXY', 'NOTIFY_API_KEY', 'SQLITE_CORRUPT', 'SQLITE_NOTADB']);
    const named = [...doc.matchAll(/`([A-Z]+(?:_[A-Z]+)+|Microsoft\w+|Certificate\w+|AllowedCallers)`/g)].map(
      ([, name]) => name ?? '',
    );
    const settings = listSettingNames();
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !settings.includes(name) && !others.has(name))).toEqual([]);
  });

  it('names tests and files that there are', () => {
    const held = [...doc.matchAll(/Held by: ([^.;]+)[.;]/g)].flatMap(
      ([, names = '']) => names.match(/[\w/-]+(?=`)/g) ?? [],
    );
    expect(held.length).toBeGreaterThan(15);
    expect(held.filter((name) => !exists(`test/${name}.test.ts`))).toEqual([]);
    const files = [...doc.matchAll(/`((?:deploy|test)\/[\w./-]+)`/g)].map(([, path = '']) => path);
    expect(files.filter((path) => !exists(path))).toEqual([]);
  });

  it('leads to parts and pages that there are', () => {
    const headings = [...doc.matchAll(/^#+ (.+)$/gm)].map(
      ([, text = '']) => `#${text.toLowerCase().replaceAll(' ', '-')}`,
    );
    const links = [...doc.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    expect(links.length).toBeGreaterThan(15);
    expect(links.filter((link) => (link.startsWith('#') ? !headings.includes(link) : !exists(`docs/${link}`)))).toEqual(
      [],
    );
  });
});
