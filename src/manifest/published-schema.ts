// Manifests against the schemas that Microsoft publishes. Which of them Copilot Studio itself checks is not documented,
// and its own samples break them here and there: what only the schema forbids is a warning. What it requires is an
// error, by import-rules.ts.

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type ImportFinding, warn } from './import-finding.ts';
import { pathOfFile } from './render-manifest.ts';
import { isObject } from './skill-manifest.ts';

/** Names of a schema that Microsoft's samples use, as the end of `$schema`, and the file with it. */
const files: Readonly<Record<string, string>> = {
  '/skills/skill-manifest-2.0.0.json': 'skill-manifest-2.0.0.json',
  '/skills/v2.0/skill-manifest.json': 'skill-manifest-2.0.0.json',
  '/skills/v2.1/skill-manifest.json': 'skill-manifest-2.1.json',
  '/skills/v2.2/skill-manifest.json': 'skill-manifest-2.2.json',
};
const kept = new Map<string, z.ZodType>();

type Issue = z.core.$ZodIssue;
type Fault = { readonly path: string; readonly message: string };

/** Warnings for what the schema that the manifest names forbids, but where an error stands already. */
export function checkPublishedSchema(
  manifest: Readonly<Record<string, unknown>>,
  errors: readonly ImportFinding[],
): ImportFinding[] {
  const name = manifest['$schema'];
  if (typeof name !== 'string' || errors.some(({ path }) => path === '$schema')) return [];
  const file = Object.entries(files).find(([end]) => name.endsWith(end))?.[1];
  if (file === undefined) {
    const message = 'This is not a schema that Microsoft publishes for skill manifests.';
    const fix = 'Name https://schemas.botframework.com/schemas/skills/v2.2/skill-manifest.json.';
    return [warn('SCHEMA_NOT_KNOWN', { path: '$schema', message, fix })];
  }
  return findSchemaFaults(file, manifest)
    .filter(({ path }) => !errors.some((error) => isWithin(path, error.path)))
    .map(({ path, message }) => {
      const fix = `Keep to the schema that $schema names: ${name}.`;
      return warn('SCHEMA_VIOLATION', { path, message, fix });
    });
}

/** What the schema of this file says about a manifest, with the paths that findings have. */
export function findSchemaFaults(file: string, manifest: unknown): Fault[] {
  const result = schemaOf(file).safeParse(manifest);
  return result.success ? [] : result.error.issues.flatMap((issue) => describe(issue, []));
}

function schemaOf(file: string): z.ZodType {
  const known = kept.get(file);
  if (known) return known;
  const text = readFileSync(pathOfFile(`schemas/${file}`), 'utf8');
  const schema = z.fromJSONSchema(standAlone(JSON.parse(text)) as z.core.JSONSchema.JSONSchema);
  kept.set(file, schema);
  return schema;
}

/**
 * The schema on its own feet: the schema of schemas, which it wants of an action's values, becomes "an object" (what is
 * in them is for value-rules.ts), and the format of a relative address goes, which zod takes for that of an absolute
 * one: nearly every text is a relative address.
 */
function standAlone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(standAlone);
  if (!isObject(value)) return value;
  const { $ref, ...rest } = value;
  const isForeign = typeof $ref === 'string' && $ref.startsWith('http');
  const own = Object.entries(isForeign ? { ...rest, type: 'object' } : value);
  return Object.fromEntries(
    own.filter(([, inner]) => inner !== 'uri-reference').map(([key, inner]) => [key, standAlone(inner)]),
  );
}

/** Of a choice of shapes only the one that fits best is spoken of: the others say that it is not them. */
function describe(issue: Issue, before: readonly PropertyKey[]): Fault[] {
  const path = [...before, ...issue.path];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const isTypeWrong = (branch: readonly Issue[]) => branch.some((inner) => inner.path.join('.') === 'type');
    const best =
      issue.errors.find((branch) => !isTypeWrong(branch)) ??
      issue.errors.toSorted((one, other) => one.length - other.length)[0];
    return (best ?? []).flatMap((inner) => describe(inner, path));
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: spell([...path, key]), message: 'The schema knows no such property.' }));
  }
  return [{ path: spell(path), message: `The schema does not allow it: ${issue.message}.` }];
}

function spell(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`);
}
