// How an action is found in a skill's manifest, and what an import gives back.

import type { ImportFinding } from '../src/manifest/import-finding.ts';
import type { ManifestActivity, SkillManifest, ValueSchema } from '../src/manifest/skill-manifest.ts';

export type ImportResult = {
  readonly ok: boolean;
  readonly findings: readonly ImportFinding[];
  readonly manifest?: SkillManifest;
};

/** The action with this id (or, failing that, with this activity name), or undefined. */
export function findAction(manifest: SkillManifest | undefined, name: string): ManifestActivity | undefined {
  const activities = manifest?.activities ?? {};
  if (Object.hasOwn(activities, name)) return activities[name];
  return Object.values(activities).find((activity) => activity.name === name);
}

/** Where the manifest's actions refer to a schema that stands elsewhere. */
export function findReferences(manifest: SkillManifest): string[] {
  return Object.entries(manifest.activities).flatMap(([id, activity]) => [
    ...findReferencesIn(`activities.${id}.value`, activity.value),
    ...findReferencesIn(`activities.${id}.resultValue`, activity.resultValue),
  ]);
}

function findReferencesIn(path: string, schema: ValueSchema | undefined): string[] {
  if (schema === undefined) return [];
  const inner = Object.entries(schema.properties ?? {});
  return [
    ...(schema.$ref === undefined ? [] : [path]),
    ...inner.flatMap(([name, value]) => findReferencesIn(`${path}.${name}`, value)),
  ];
}
