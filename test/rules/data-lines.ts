// The lines of docs/data.md, each about one stored field.

import { readText } from './source-files.ts';

type DataLine = { readonly field: string; readonly purpose: string; readonly kept: string };

export function listDataLines(): DataLine[] {
  const lines = readText('docs/data.md').matchAll(
    /^\| `(?<field>\w+\.\w+)` +\| (?<purpose>[^|]+)\| (?<kept>[^|]+)\|$/gmu,
  );
  return [...lines].map(({ groups }) => ({
    field: groups?.['field'] ?? '',
    purpose: groups?.['purpose']?.trim() ?? '',
    kept: groups?.['kept']?.trim() ?? '',
  }));
}
