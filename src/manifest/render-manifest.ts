// The skill manifests of this service: the files in manifests/ with this service's own app id and addresses in them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { AppError } from '../errors.ts';

type ManifestValues = {
  /** The skill's Microsoft app id (GUID). */
  readonly appId: string;
  /** Absolute https address of /api/messages. */
  readonly endpointUrl: string;
  /** Absolute https address of the service itself. */
  readonly publicUrl: string;
};

const fileNames = ['skill-manifest-2.2.json', 'skill-manifest-2.0.json'] as const;

/**
 * Fills `${appId}`, `${endpointUrl}` and `${publicUrl}` into a manifest's text. Values are escaped for a JSON string.
 * Throws AppError `not_configured` for a placeholder that has no value, so that no half-filled manifest is ever served.
 */
export function renderManifest(template: string, values: ManifestValues): string {
  const known = new Map<string, string>(Object.entries(values));
  return template.replaceAll(/\$\{([^}]*)\}/gu, (placeholder, name: string) => {
    const value = known.get(name);
    if (!value) throw new AppError('not_configured', `The skill manifest needs a value for ${placeholder}.`);
    return JSON.stringify(value).slice(1, -1);
  });
}

/** File name -> rendered JSON text of every manifest this service offers. Reads the files: call it once, at start. */
export function loadManifests(values: ManifestValues): ReadonlyMap<string, string> {
  // `#manifests` is an import of package.json: it finds the folder from src/ and from dist/src/ alike.
  const { resolve } = createRequire(import.meta.url);
  return new Map(
    fileNames.map((name) => [name, renderManifest(readFileSync(resolve(`#manifests/${name}`), 'utf8'), values)]),
  );
}
