// `manifest lint`: every rule of the import that can be held against a manifest without being the agent.

import { readFile, stat } from 'node:fs/promises';
import { checkOrigin, compareHosts, type Registration } from './agent-rules.ts';
import { fetchManifest } from './fetch-manifest.ts';
import { hasError, type ImportCode, type ImportFinding, listUnseen, refuse } from './import-finding.ts';
import { checkManifest, maxManifestBytes, refuseSize } from './import-rules.ts';

export type LintOptions = {
  /** What the skill's app registration says; without it only the manifest's own host is compared. */
  readonly registration?: Registration | undefined;
};

export type LintResult = {
  readonly ok: boolean;
  readonly findings: readonly ImportFinding[];
  /** Codes that only the import itself can give. */
  readonly notChecked: readonly ImportCode[];
};

/** Lints the manifest in a file or at a URL; what keeps it from being read is a finding too. */
export async function lintSource(source: string, options: LintOptions = {}): Promise<LintResult> {
  if (!/^[a-z][a-z\d+.-]+:\/\//i.test(source)) return lintFile(source, options);
  const { bytes, url, findings } = await fetchManifest(source);
  return bytes === undefined ? sumUp(findings, options) : lintBytes(bytes, options, url?.href, findings);
}

/** Lints a manifest's bytes, as if they had come from `url` where one is given. */
export function lintBytes(
  bytes: Uint8Array,
  options: LintOptions = {},
  url?: string,
  before: readonly ImportFinding[] = [],
): LintResult {
  const { manifest, findings } = checkManifest(bytes);
  const endpointUrl = manifest?.endpoints[0]?.endpointUrl;
  const origin = endpointUrl === undefined ? [] : checkHome(endpointUrl, options, url);
  return sumUp([...before, ...findings, ...origin], options);
}

async function lintFile(path: string, options: LintOptions): Promise<LintResult> {
  try {
    const { size } = await stat(path);
    if (size > maxManifestBytes) return sumUp([refuseSize()], options);
    return lintBytes(await readFile(path), options);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = `The file cannot be read: ${code ?? 'unknown error'}.`;
    const fix = 'Give the path of a file, or a URL that begins with https://.';
    return sumUp([refuse('MANIFEST_FETCH_FAILED', { message, fix })], options);
  }
}

function checkHome(endpointUrl: string, { registration }: LintOptions, url: string | undefined): ImportFinding[] {
  if (registration) return checkOrigin(endpointUrl, registration);
  return url === undefined ? [] : compareHosts(endpointUrl, url);
}

function sumUp(findings: readonly ImportFinding[], { registration }: LintOptions): LintResult {
  return { ok: !hasError(findings), findings, notChecked: listUnseen(registration !== undefined) };
}
