// The skill manifests of this service: the files in manifests/ with this service's own app id and addresses in them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { AppError } from '../errors.ts';

export type SkillDescription = {
  /** The skill's Microsoft app id (GUID). */
  readonly appId: string;
  /** Absolute https address of /api/messages. */
  readonly endpointUrl: string;
  /** What makers see; default Copilot Notify, for both. */
  readonly name?: string | undefined;
  readonly publisher?: string | undefined;
  /** Where icon and privacy page are, without a slash at the end; default is the service itself. */
  readonly filesUrl?: string | undefined;
};

const manifestNames = ['skill-manifest-2.2.json', 'skill-manifest-2.0.json'] as const;

const usualName = 'Copilot Notify';

/**
 * Fills `${appId}` and the like into a template, each escaped for where it stands; by default for a JSON string.
 * Throws AppError `not_configured` for a placeholder that has no value, so that nothing half-filled is ever served.
 */
export function fillPlaceholders(
  template: string,
  values: Readonly<Record<string, string>>,
  escape: (value: string) => string = escapeJson,
): string {
  const known = new Map(Object.entries(values));
  return template.replaceAll(/\$\{([^}]*)\}/gu, (placeholder, name: string) => {
    const value = known.get(name);
    if (!value) throw new AppError('not_configured', `The skill manifest needs a value for ${placeholder}.`);
    return escape(value);
  });
}

/** Every value that a template may ask for. */
export function listValues({ appId, endpointUrl, name, publisher, filesUrl }: SkillDescription) {
  const publicUrl = baseOf(endpointUrl);
  return {
    appId,
    endpointUrl,
    publicUrl,
    name: name ?? usualName,
    publisher: publisher ?? usualName,
    filesUrl: filesUrl ?? `${publicUrl}/manifests`,
  };
}

/** File name -> rendered JSON text of every manifest this service offers. Reads the files: call it once, at start. */
export function loadManifests(skill: SkillDescription): ReadonlyMap<string, string> {
  const values = listValues(skill);
  return new Map(manifestNames.map((name) => [name, fillPlaceholders(readFileSync(pathOfFile(name), 'utf8'), values)]));
}

/** Where a file of manifests/ is: `#manifests` is an import of package.json, the same from src/ and from dist/src. */
export function pathOfFile(name: string): string {
  return createRequire(import.meta.url).resolve(`#manifests/${name}`);
}

function baseOf(endpointUrl: string): string {
  const base = endpointUrl.replace(/\/api\/messages\/?$/, '');
  if (base !== endpointUrl) return base;
  return URL.canParse(endpointUrl) ? new URL(endpointUrl).origin : endpointUrl;
}

function escapeJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}
