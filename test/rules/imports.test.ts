// Who may import whom. The two tables are the description of the architecture; the rest reads them.
import { describe, expect, it } from 'vitest';
import { listImports, listSourceFiles, type SourceFile } from './source-files.ts';

/**
 * Left: a folder or file of src. `values`: what it may import; `types`: what it may import with `import type` besides.
 * A name is a folder (with everything in it) or a file without its ending. A folder may always import from itself.
 */
const parts: Readonly<Record<string, { values: readonly string[]; types?: readonly string[] }>> = {
  main: { values: ['app', 'config', 'logger'] },
  app: {
    values: [
      'http',
      'bot',
      'keys',
      'notifications',
      'conversations',
      'manifest',
      'readiness',
      'storage',
      'webhooks',
      'channels',
      'clock',
      'config',
      'logger',
    ],
  },
  readiness: { values: ['storage'], types: ['http/open-routes'] },
  http: {
    values: [
      'bag',
      'ip-network',
      'keys/api-key',
      'notifications/idempotency',
      'notifications/notify-request',
      'webhooks',
    ],
    types: ['keys', 'notifications', 'storage/backup'],
  },
  keys: { values: ['rotation', 'signed-token', 'storage'] },
  rotation: { values: [] },
  'signed-token': { values: [] },
  // The shape of a notification is what an action gives; how notifications are kept and sent comes as an argument.
  bot: {
    values: [
      'channels',
      'conversations',
      'notifications/notification',
      'signed-token',
      'storage/locks',
      'storage/together',
      'storage/transact',
    ],
    types: ['notifications', 'storage'],
  },
  notifications: { values: ['bag', 'conversations', 'storage'], types: ['config-delivery'] },
  conversations: { values: ['channels', 'storage'] },
  storage: { values: [] },
  manifest: { values: [] },
  webhooks: { values: ['notifications/notify-request', 'rotation', 'storage/transact'], types: ['storage'] },
  // A copy of the data is for a service that does not run; all else goes through one that does, over HTTP.
  cli: {
    values: ['config', 'doctor', 'init', 'main', 'manifest', 'notifications/lane-store', 'service-client', 'storage'],
    types: ['setting-reader'],
  },
  // Looks at the parts as they are used: the same tokens, the same rules of the import, the same drivers.
  doctor: {
    values: [
      'bot/credentials',
      'bot/explain-token-failure',
      'channels',
      'config',
      'manifest',
      'service-client',
      'signed-token',
      'storage/postgres',
      'storage/sqlite',
    ],
    types: ['setting-reader'],
  },
  init: { values: [] },
  'service-client': { values: [] },
  config: {
    values: [
      'config-channels',
      'config-delivery',
      'config-identity',
      'config-senders',
      'service-url-rule',
      'setting-reader',
    ],
    types: ['channels'],
  },
  'config-channels': { values: ['channels'], types: ['setting-reader'] },
  'config-delivery': { values: [], types: ['setting-reader'] },
  'config-identity': { values: ['setting-reader'] },
  'config-senders': { values: ['ip-network'], types: ['config-identity', 'setting-reader'] },
  'ip-network': { values: [] },
  'service-url-rule': { values: ['channels', 'setting-reader'] },
  'setting-reader': { values: [] },
  channels: { values: [] },
  bag: { values: [] },
  logger: { values: [] },
  clock: { values: [] },
  errors: { values: [] },
};
const forAll = { values: ['errors'], types: ['config', 'logger', 'clock'] };

/** Packages that only some parts know: paths in src. Everywhere else not even their types are known. */
const packages: Readonly<Record<string, { values: readonly RegExp[]; types?: readonly RegExp[] }>> = {
  botbuilder: { values: [/^bot\//u], types: [/^conversations\//u, /^app\.ts$/u] },
  'botframework-connector': { values: [/^bot\//u] },
  'botframework-schema': { values: [/^bot\//u], types: [/^conversations\//u, /^app\.ts$/u] },
  restify: { values: [/^http\//u] },
  kysely: { values: [/^storage\//u, /-store\.ts$/u] },
  libsql: { values: [/^storage\//u] },
  dotenv: { values: [/^main\.ts$/u, /^cli\//u] },
};

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
