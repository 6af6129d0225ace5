// The part of a skill manifest that Copilot Studio reads, and how an action is found in it.

export type ValueSchema = {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly items?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly $ref?: string;
};

export type ManifestActivity = {
  readonly type: string;
  readonly name?: string;
  readonly description?: string;
  readonly value?: ValueSchema;
  readonly resultValue?: ValueSchema;
};

export type SkillManifest = {
  readonly $schema?: string;
  readonly $id?: string;
  readonly name: string;
  readonly version?: string;
  readonly endpoints: readonly {
    readonly name?: string;
    readonly protocol?: string;
    readonly endpointUrl: string;
    readonly msAppId: string;
  }[];
  readonly activities: Readonly<Record<string, ManifestActivity>>;
  readonly definitions?: Readonly<Record<string, ValueSchema>>;
};

export type ImportFinding = {
  readonly level: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
  readonly path?: string;
};

export type ImportResult = {
  readonly ok: boolean;
  readonly findings: ImportFinding[];
  readonly manifest?: SkillManifest;
};

/** The action with this id (or, failing that, with this activity name), or undefined. */
export function findAction(manifest: SkillManifest | undefined, name: string): ManifestActivity | undefined {
  const activities = manifest?.activities ?? {};
  if (Object.hasOwn(activities, name)) return activities[name];
  return Object.values(activities).find((activity) => activity.name === name);
}

/** Follows a local `#/definitions/…` reference once; other references give an empty schema. */
export function resolveSchema(manifest: SkillManifest | undefined, schema: ValueSchema | undefined): ValueSchema {
  if (schema?.$ref === undefined) return schema ?? {};
  const name = /^#\/definitions\/([^/]+)$/.exec(schema.$ref)?.[1];
  const definitions = manifest?.definitions ?? {};
  return name !== undefined && Object.hasOwn(definitions, name) ? (definitions[name] ?? {}) : {};
}
