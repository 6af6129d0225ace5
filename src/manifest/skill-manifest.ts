// The part of a skill manifest that Copilot Studio reads, and how a reference in it is followed.

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

/** References that lead to references; more is a circle. */
const mostHops = 8;

/** Follows local `#/definitions/…` references; one that leads nowhere, or in a circle, gives undefined. */
export function followReference(manifest: { readonly definitions?: unknown } | undefined, schema: unknown) {
  let current = schema;
  for (let hop = 0; hop <= mostHops; hop += 1) {
    if (!isObject(current)) return undefined;
    const { $ref } = current;
    if ($ref === undefined) return current as ValueSchema;
    const name = typeof $ref === 'string' ? /^#\/definitions\/([^/]+)$/.exec($ref)?.[1] : undefined;
    const definitions = manifest?.definitions;
    const isThere = name !== undefined && isObject(definitions) && Object.hasOwn(definitions, name);
    current = isThere ? definitions[name] : undefined;
  }
  return undefined;
}

/** As followReference, with an empty schema for what leads nowhere. */
export function resolveSchema(manifest: SkillManifest | undefined, schema: ValueSchema | undefined): ValueSchema {
  return followReference(manifest, schema) ?? {};
}

/** Whether this is a JSON object: not null, not a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
