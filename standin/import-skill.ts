// Importing a skill as Copilot Studio does: fetch the manifest without credentials, apply the rules, ping the endpoint.

import { type Agent, checkAgent, checkPing } from '../src/manifest/agent-rules.ts';
import { fetchManifest } from '../src/manifest/fetch-manifest.ts';
import { hasError, type ImportFinding } from '../src/manifest/import-finding.ts';
import { checkManifest } from '../src/manifest/import-rules.ts';
import type { SkillManifest } from '../src/manifest/skill-manifest.ts';
import { buildImportPing } from './activities.ts';
import type { Directory } from './directory.ts';
import type { ImportResult } from './manifest.ts';
import type { SkillClient } from './skill-client.ts';
import type { Skill } from './types.ts';
import type { WireLog } from './wire-log.ts';

export type ImportParts = {
  readonly directory: Directory;
  readonly wire: WireLog;
  readonly client: SkillClient;
  readonly now: () => number;
  readonly stopSignal: AbortSignal;
  /** For the rule that a manifest must arrive in time; default 10 s. */
  readonly fetchTimeoutMs?: number;
};

/** All findings of one import; the skill joins the agent only when none of them is an error. */
export async function importSkill(manifestUrl: string, parts: ImportParts): Promise<ImportResult> {
  const { directory, fetchTimeoutMs } = parts;
  const fetched = await fetchManifest(manifestUrl, {
    httpOnLoopback: true,
    stopSignal: parts.stopSignal,
    ...(fetchTimeoutMs === undefined ? {} : { withinMs: fetchTimeoutMs }),
    onAnswer: ({ url, ...answer }) =>
      parts.wire.record({ direction: 'agent->manifest', method: 'GET', path: url.pathname, ...answer }),
  });
  if (fetched.bytes === undefined) return { ok: false, findings: fetched.findings };
  const { manifest, findings: inText } = checkManifest(fetched.bytes, { httpOnLoopback: true });
  const findings = [...fetched.findings, ...inText];
  if (manifest === undefined) return { ok: false, findings };
  findings.push(...checkAgent(manifest, describeAgent(directory)));
  if (hasError(findings)) return { ok: false, findings, manifest };
  const skill = describeSkill(manifest);
  findings.push(...(await pingEndpoint(skill, parts)));
  const ok = !hasError(findings);
  if (ok) directory.addSkill(skill);
  return { ok, findings, manifest };
}

function describeAgent({ tenantId, skills, findAppInTenant }: Directory): Agent {
  const skillAppIds = skills.map(({ appId }) => appId);
  return { tenantId, skillAppIds, findRegistration: (appId) => findAppInTenant(appId, tenantId) };
}

async function pingEndpoint(skill: Skill, parts: ImportParts): Promise<ImportFinding[]> {
  const answer = await parts.client.send(skill, buildImportPing(parts.now()));
  const findings = checkPing(answer.status);
  if (findings.length > 0) return findings;
  const finding = await parts.client.probe(skill, buildImportPing(parts.now()));
  return finding === undefined ? [] : [finding];
}

function describeSkill(manifest: SkillManifest): Skill {
  const [endpoint] = manifest.endpoints;
  if (endpoint === undefined) throw new Error('a manifest that passed the rules has an endpoint');
  return { appId: endpoint.msAppId, endpointUrl: endpoint.endpointUrl, name: manifest.name, manifest };
}
