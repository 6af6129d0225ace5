// Importing a skill as Copilot Studio does: fetch the manifest without credentials, apply the rules, ping the endpoint.

import { readFile } from 'node:fs/promises';
import { type Agent, checkAgent, checkPing } from '../src/manifest/agent-rules.ts';
import { fetchManifest } from '../src/manifest/fetch-manifest.ts';
import { hasError, type ImportFinding, refuse, warn } from '../src/manifest/import-finding.ts';
import { checkManifest } from '../src/manifest/import-rules.ts';
import type { SkillManifest } from '../src/manifest/skill-manifest.ts';
import { buildImportPing } from './activities.ts';
import type { Directory, Skill } from './directory.ts';
import type { ImportResult } from './manifest.ts';
import { findReferences } from './manifest.ts';
import type { SkillClient } from './skill-client.ts';
import type { Switches } from './switches.ts';
import type { SkillAnswer } from './types.ts';
import type { WireLog } from './wire-log.ts';

export type ImportOptions = {
  /** The endpoint of this environment, instead of the manifest's: Copilot Studio keeps it in an environment variable. */
  readonly endpointUrl?: string;
  /** Takes the place of the skill that the agent has under the same app id. */
  readonly refresh?: boolean;
  /** Told of a manifest that keeps to the rules, before its app registration is looked up. */
  readonly onManifest?: (manifest: SkillManifest) => void;
};

export type ImportParts = {
  readonly directory: Directory;
  readonly wire: WireLog;
  readonly client: SkillClient;
  readonly switches: Pick<Switches, 'directoryDown' | 'probe' | 'references'>;
  readonly now: () => number;
  readonly stopSignal: AbortSignal;
  /** For the rule that a manifest must arrive in time; default 10 s. */
  readonly fetchTimeoutMs?: number;
};

const endpointPath = 'endpoints[0].endpointUrl';

/** All findings of one import; the skill joins the agent only when none of them is an error. */
export async function importSkill(
  manifestUrl: string,
  parts: ImportParts,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const { fetchTimeoutMs } = parts;
  const fetched = await fetchManifest(manifestUrl, {
    httpOnLoopback: true,
    stopSignal: parts.stopSignal,
    ...(fetchTimeoutMs === undefined ? {} : { withinMs: fetchTimeoutMs }),
    onAnswer: ({ url, ...answer }) =>
      parts.wire.record({ direction: 'agent->manifest', method: 'GET', path: url.pathname, ...answer }),
  });
  if (fetched.bytes === undefined) return { ok: false, findings: fetched.findings };
  return importBytes(fetched.bytes, parts, { ...options, findings: fetched.findings });
}

/** The same for a manifest in a file, which Copilot Studio itself cannot read. Rejects when there is no such file. */
export async function importSkillFile(
  path: string,
  parts: ImportParts,
  options: ImportOptions = {},
): Promise<ImportResult> {
  return importBytes(await readFile(path), parts, options);
}

async function importBytes(
  bytes: Uint8Array,
  parts: ImportParts,
  options: ImportOptions & { readonly findings?: readonly ImportFinding[] },
): Promise<ImportResult> {
  const { directory, switches } = parts;
  const checked = checkManifest(bytes, { httpOnLoopback: true });
  const findings = [...(options.findings ?? []), ...checked.findings];
  if (checked.manifest === undefined) return { ok: false, findings };
  const manifest = moveEndpoint(checked.manifest, options.endpointUrl);
  options.onManifest?.(manifest);
  if (!switches.references) findings.push(...findReferences(manifest).map(refuseReference));
  findings.push(
    ...(switches.directoryDown
      ? [refuseDirectory()]
      : checkAgent(manifest, describeAgent(directory, manifest, options))),
  );
  if (hasError(findings)) return { ok: false, findings, manifest };
  const skill = describeSkill(manifest);
  findings.push(...(await pingEndpoint(skill, parts)));
  const ok = !hasError(findings);
  if (ok) directory.addSkill(skill);
  return { ok, findings, manifest };
}

function moveEndpoint(manifest: SkillManifest, endpointUrl: string | undefined): SkillManifest {
  const [endpoint] = manifest.endpoints;
  if (endpointUrl === undefined || endpoint === undefined) return manifest;
  return { ...manifest, endpoints: [{ ...endpoint, endpointUrl }] };
}

function describeAgent(directory: Directory, manifest: SkillManifest, { refresh }: ImportOptions): Agent {
  const { tenantId, skills, findAppInTenant } = directory;
  const own = manifest.endpoints[0]?.msAppId.toLowerCase();
  const skillAppIds = skills.map(({ appId }) => appId).filter((id) => refresh !== true || id.toLowerCase() !== own);
  return { tenantId, skillAppIds, findRegistration: (appId) => findAppInTenant(appId, tenantId) };
}

async function pingEndpoint(skill: Skill, parts: ImportParts): Promise<ImportFinding[]> {
  const answer = await parts.client.send(skill, buildImportPing(parts.now()));
  const findings = isCallerRefused(answer) ? [refuseCaller()] : checkPing(answer.status);
  if (findings.length > 0 || parts.switches.probe === 'off') return findings;
  const message = await parts.client.probe(skill, buildImportPing(parts.now()));
  if (message === undefined) return [];
  const words = { path: endpointPath, message, fix: 'Refuse what comes without a token, with that header.' };
  return [
    parts.switches.probe === 'warn'
      ? warn('ENDPOINT_PROBE_NOT_CHALLENGED', words)
      : refuse('ENDPOINT_HEALTHCHECK_FAILED', words),
  ];
}

/** botbuilder's own validator of callers throws, and the skill answers 500: allowedCallersClaimsValidator.ts. */
function isCallerRefused({ status, body }: SkillAnswer): boolean {
  return status === 500 && /received a request from a bot with an app ID/i.test(JSON.stringify(body) ?? '');
}

function refuseCaller(): ImportFinding {
  return refuse('ENDPOINT_HEALTHCHECK_UNAUTHORIZED', {
    path: endpointPath,
    message: 'The endpoint answered 500 to the ping, in the words of botbuilder for a caller that is not allowed.',
    fix: "Put the agent's app id on the skill's list of allowed callers before the import.",
  });
}

function refuseReference(path: string): ImportFinding {
  return refuse('MANIFEST_MALFORMED', {
    path,
    message: '$ref is switched off: it may be that Copilot Studio does not follow it.',
    fix: 'Write the schema out in this place: { "type": …, "properties": … }.',
  });
}

function refuseDirectory(): ImportFinding {
  return refuse('AADERROR_OTHER', {
    message: 'The directory did not answer when the app registration was looked up.',
    fix: 'Try again; if it stays so, look at the registration in Entra.',
  });
}

function describeSkill(manifest: SkillManifest): Skill {
  const [endpoint] = manifest.endpoints;
  if (endpoint === undefined) throw new Error('a manifest that passed the rules has an endpoint');
  return { appId: endpoint.msAppId, endpointUrl: endpoint.endpointUrl, name: manifest.name, manifest };
}
