// Importing a skill as Copilot Studio does: fetch the manifest without credentials, apply the rules, ping the endpoint.

import { buildImportPing } from './activities.ts';
import type { Directory } from './directory.ts';
import { checkAgent, checkManifest, checkShape } from './import-rules.ts';
import type { ImportFinding, ImportResult, SkillManifest } from './manifest.ts';
import { describeFailure, type SkillClient } from './skill-client.ts';
import type { Skill } from './types.ts';
import type { WireLog } from './wire-log.ts';

const fetchTimeoutMs = 10_000;
const maxManifestBytes = 500 * 1024;

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
  const fetched = await fetchManifest(manifestUrl, parts);
  if ('code' in fetched) return { ok: false, findings: [fetched] };
  const shape = checkShape(fetched.text);
  if (shape.manifest === undefined) return { ok: false, findings: shape.findings };
  const { manifest } = shape;
  const findings = [...shape.findings, ...checkManifest(manifest), ...checkAgent(manifest, parts.directory)];
  if (hasError(findings)) return { ok: false, findings, manifest };
  const skill = describeSkill(manifest);
  findings.push(...(await pingEndpoint(skill, parts)));
  const ok = !hasError(findings);
  if (ok) parts.directory.addSkill(skill);
  return { ok, findings, manifest };
}

/** The manifest's text, or the finding that says why there is none. */
async function fetchManifest(manifestUrl: string, parts: ImportParts): Promise<{ text: string } | ImportFinding> {
  if (!URL.canParse(manifestUrl)) return fail('URL_MALFORMED', `${manifestUrl} is not a valid URL.`);
  const url = new URL(manifestUrl);
  if (!isSafeUrl(url)) return fail('URL_NOT_HTTPS', 'The manifest URL must be https (http only on loopback).');
  const record = (status: number, reason?: string): void =>
    parts.wire.record({
      direction: 'agent->manifest',
      method: 'GET',
      path: url.pathname,
      status,
      ...(reason === undefined ? {} : { reason }),
    });
  try {
    const timeout = AbortSignal.timeout(parts.fetchTimeoutMs ?? fetchTimeoutMs);
    const response = await fetch(url, { signal: AbortSignal.any([parts.stopSignal, timeout]) });
    if (!response.ok) {
      await response.body?.cancel();
      record(response.status, 'the manifest was not given out');
      const hint = [401, 403].includes(response.status) ? ' A manifest must be readable without a token.' : '';
      return fail('MANIFEST_FETCH_FAILED', `The manifest URL answered ${response.status}.${hint}`);
    }
    const text = await readLimited(response);
    if (text === undefined) {
      record(response.status, 'the manifest is too large');
      return fail('MANIFEST_TOO_LARGE', 'The manifest is larger than 500 KB.');
    }
    record(response.status);
    return { text };
  } catch (error) {
    const reason = describeFailure(error);
    record(0, reason);
    return fail('MANIFEST_FETCH_FAILED', `The manifest could not be fetched: ${reason}`);
  }
}

async function readLimited(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body !== null) {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxManifestBytes) return undefined;
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function pingEndpoint(skill: Skill, parts: ImportParts): Promise<ImportFinding[]> {
  const ping = buildImportPing(parts.now());
  const answer = await parts.client.send(skill, ping);
  const path = 'endpoints[0].endpointUrl';
  if (answer.status === 401 || answer.status === 403) {
    const message = `The endpoint answered ${answer.status} to the ping: has the skill this agent's app id among its allowed callers?`;
    return [{ ...fail('ENDPOINT_HEALTHCHECK_UNAUTHORIZED', message), path }];
  }
  if (answer.status !== 200) {
    const found = answer.status === 0 ? 'did not answer' : `answered ${answer.status} to`;
    const message = `The endpoint ${found} the endOfConversation ping (its recipient is null); it must answer 200.`;
    return [{ ...fail('ENDPOINT_HEALTHCHECK_FAILED', message), path }];
  }
  const finding = await parts.client.probe(skill, buildImportPing(parts.now()));
  return finding === undefined ? [] : [finding];
}

function describeSkill(manifest: SkillManifest): Skill {
  const [endpoint] = manifest.endpoints;
  if (endpoint === undefined) throw new Error('a manifest that passed the rules has an endpoint');
  return { appId: endpoint.msAppId, endpointUrl: endpoint.endpointUrl, name: manifest.name, manifest };
}

function isSafeUrl(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

function isLoopback(hostname: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

function hasError(findings: readonly ImportFinding[]): boolean {
  return findings.some((finding) => finding.level === 'error');
}

function fail(code: string, message: string): ImportFinding {
  return { level: 'error', code, message };
}
