// The software bill of materials tells what is installed in production from what is only needed for development.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { readText } from './source-files.ts';

type Component = {
  name: string;
  version: string;
  hashes?: { alg: string }[];
  properties?: { name: string; value: string }[];
};
type Bom = { bomFormat: string; components: Component[] };
type Lockfile = { packages: Record<string, { version: string; dev?: boolean; devOptional?: boolean }> };

const root = fileURLToPath(new URL('../../', import.meta.url));

// Not `npm sbom --omit dev`: npm 11.19 then leaves out what a development package needs as well, such as zod.
it('npm run sbom names every package of the lockfile, its checksum, and whether it is for development alone', async () => {
  const options = { cwd: root, maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'sbom'], options);
  const bom = JSON.parse(stdout) as Bom;
  expect(bom.bomFormat).toBe('CycloneDX');
  const listed = new Map(bom.components.map((component) => [`${component.name}@${component.version}`, component]));
  const { packages } = JSON.parse(readText('package-lock.json')) as Lockfile;
  const inProduction = new Map<string, boolean>();
  for (const [path, { version, dev }] of Object.entries(packages).filter(([name]) => name !== '')) {
    const id = `${path.replace(/^.*node_modules\//u, '')}@${version}`;
    inProduction.set(id, dev !== true || (inProduction.get(id) ?? false));
  }
  expect([...inProduction.keys()].filter((id) => !listed.has(id))).toEqual([]);
  const wronglyMarked = [...listed].filter(([id, component]) => isMarked(component) && inProduction.get(id) === true);
  expect(wronglyMarked.map(([id]) => id)).toEqual([]);
  expect([...listed.values()].filter(isMarked).length).toBeGreaterThan(50);
  expect(bom.components.filter(({ hashes }) => hashes?.[0]?.alg !== 'SHA-512').map(({ name }) => name)).toEqual([]);
}, 60_000);

function isMarked({ properties = [] }: Component): boolean {
  return properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
}
