// Who may import whom: the tables of import-tables.ts, held against the sources.
import { describe, expect, it } from 'vitest';
import { forAll, packages, parts } from './import-tables.ts';
import { listImports, listSourceFiles, type SourceFile } from './source-files.ts';

const src = listSourceFiles('src');
const standin = listSourceFiles('standin');

describe('imports', () => {
  it('every part of src has its line in the table', () => {
    const found = new Set(src.map(({ path }) => partOf(path)));
    expect([...found].filter((part) => !Object.hasOwn(parts, part))).toEqual([]);
  });

  it('parts of src import only what the table allows', () => {
    expect(src.flatMap(listForbiddenParts)).toEqual([]);
  });

  it('packages are known only where the table allows', () => {
    expect(src.flatMap(listForbiddenPackages)).toEqual([]);
  });

  // Copilot Studio's rules for a manifest are facts about it, not about the skill: two lists of them would drift apart.
  it('the stand-in imports of src the rules of the import alone, and nothing of the SDK: it speaks HTTP only', () => {
    const forbidden = standin.flatMap((file) =>
      listImports(file)
        .filter(
          ({ from }) =>
            (from.startsWith('src/') && !from.startsWith('src/manifest/')) ||
            from.startsWith('botbuilder') ||
            from.startsWith('botframework'),
        )
        .map(({ from }) => `${file.path} imports ${from}`),
    );
    expect(forbidden).toEqual([]);
  });

  it('src imports nothing from the stand-in or the tests', () => {
    const strangers = src.flatMap((file) =>
      listImports(file).filter(({ from, isPackage }) => !isPackage && !from.startsWith('src/')),
    );
    expect(strangers).toEqual([]);
  });

  it('there is no cycle of imports at run time', () => {
    expect([...findCycles(src), ...findCycles(standin)]).toEqual([]);
  });
});

describe('the check of imports', () => {
  it.each([
    ['src/http/x.ts', "import {\n  a,\n  b,\n} from '../bot/adapter.ts';", 'bot/adapter'],
    ['src/http/x.ts', "import type { A } from '../bot/adapter.ts';", 'bot/adapter'],
    ['src/bot/x.ts', "export * from '../http/server.ts';", 'http/server'],
    ['src/storage/x.ts', "const a = await import('../conversations/conversation.ts');", 'conversations/conversation'],
    ['src/bot/x.ts', "import { openDatabase } from '../storage/database.ts';", 'storage/database'],
    ['src/bot/x.ts', "import '../config.ts';", 'config'],
  ])('sees in %s: %s', (path, text, target) => {
    expect(listForbiddenParts({ path, text })).toEqual([`${path} imports ${target}`]);
  });

  it('lets types of config, logger and clock be known everywhere', () => {
    const text = "import type { Config } from '../config.ts';\nimport { AppError } from '../errors.ts';";
    expect(listForbiddenParts({ path: 'src/storage/x.ts', text })).toEqual([]);
  });

  it('sees a package in the wrong folder, and a value where only the type may be known', () => {
    const text = "import type { TurnContext } from 'botbuilder';\nimport { plugins } from 'restify';";
    expect(listForbiddenPackages({ path: 'src/conversations/x.ts', text })).toEqual([
      'src/conversations/x.ts imports restify',
    ]);
    const value = "import { TurnContext } from 'botbuilder';";
    expect(listForbiddenPackages({ path: 'src/conversations/x.ts', text: value })).toHaveLength(1);
  });

  it('sees a cycle', () => {
    const a = { path: 'src/a.ts', text: "import { b } from './b.ts';" };
    const b = { path: 'src/b.ts', text: "import { a } from './a.ts';" };
    expect(findCycles([a, b])).toEqual(['src/a.ts -> src/b.ts -> src/a.ts']);
    expect(findCycles([a, { ...b, text: "import type { a } from './a.ts';" }])).toEqual([]);
  });
});

function listForbiddenParts(file: SourceFile): string[] {
  const own = partOf(file.path);
  const rule = parts[own] ?? { values: [] };
  const values = [own, ...rule.values, ...forAll.values];
  const types = [...values, ...(rule.types ?? []), ...forAll.types];
  return listImports(file)
    .filter(({ isPackage, from }) => !isPackage && from.startsWith('src/'))
    .map(({ from, typeOnly }) => ({ target: from.replace(/^src\//u, '').replace(/\.ts$/u, ''), typeOnly }))
    .filter(
      ({ target, typeOnly }) =>
        !(typeOnly ? types : values).some((name) => target === name || target.startsWith(`${name}/`)),
    )
    .map(({ target }) => `${file.path} imports ${target}`);
}

function listForbiddenPackages(file: SourceFile): string[] {
  const path = file.path.replace(/^src\//u, '');
  return listImports(file)
    .filter(({ from, isPackage, typeOnly }) => {
      const rule = isPackage && Object.hasOwn(packages, from) ? packages[from] : undefined;
      if (!rule) return false;
      const places = typeOnly ? [...rule.values, ...(rule.types ?? [])] : rule.values;
      return !places.some((place) => place.test(path));
    })
    .map(({ from }) => `${file.path} imports ${from}`);
}

/** The folder right under src, or the file's own name there. */
function partOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/u, '') ?? '';
}

function findCycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      listImports(file)
        .filter(({ isPackage, typeOnly }) => !isPackage && !typeOnly)
        .map(({ from }) => from),
    ]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return cycles;
}
