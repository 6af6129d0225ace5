// What the rules look at: the repository's files and the imports in them.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository, with a slash at its end. */
const root = fileURLToPath(new URL('../../', import.meta.url));

export type SourceFile = { readonly path: string; readonly text: string };

/** `typeOnly` imports are gone at run time. `from` is the path in the repository, or the name of a package. */
export type Import = { readonly from: string; readonly typeOnly: boolean; readonly isPackage: boolean };

/** Text of one file; `path` is relative to the repository. */
export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** All TypeScript files under a folder of the repository, in order of their paths. */
export function listSourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .toSorted()
    .map((path) => ({ path, text: readText(path) }));
}

const statement = /^(?:import|export)\s+(?<type>type\s+)?(?:[^;'"]*?\sfrom\s+)?'(?<from>[^']+)'/gmu;
const call = /\b(?:import|require)\(\s*'(?<from>[^']+)'/gu;

/** Every import and re-export of a file, also those made by a call. Node's own modules and `#` imports are left out. */
export function listImports({ path, text }: SourceFile): Import[] {
  return [...text.matchAll(statement), ...text.matchAll(call)]
    .map(({ groups }) => ({ from: groups?.['from'] ?? '', typeOnly: groups?.['type'] !== undefined }))
    .filter(({ from }) => !from.startsWith('node:') && !from.startsWith('#'))
    .map(({ from, typeOnly }) =>
      from.startsWith('.')
        ? { from: posix.join(posix.dirname(path), from), typeOnly, isPackage: false }
        : { from: packageName(from), typeOnly, isPackage: true },
    );
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
