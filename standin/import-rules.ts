// The rules of the import, with Copilot Studio's own codes. Source: learn.microsoft.com/azure/bot-service/skill-pva
// ("Validation errors"); what is stricter than that page comes from reports and says so.

import type { Directory } from './directory.ts';
import { resolveSchema, type ImportFinding, type ManifestActivity, type SkillManifest } from './manifest.ts';
import type { ValueSchema } from './manifest.ts';
import type { AppRegistration } from './types.ts';

const maxActions = 100;
const maxValues = 25;
/** skill-pva says 25, configuration-add-skills says 100; the stricter one is held. */
const maxSkills = 25;
const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const supportedTypes = ['string', 'integer', 'boolean', 'object'];

type Json = Record<string, unknown>;

/** Whether the text is a manifest at all: JSON with a name, one endpoint and described actions. */
export function checkShape(text: string): { manifest?: SkillManifest; findings: ImportFinding[] } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { findings: [malformed('The manifest is not valid JSON.')] };
  }
  if (!isObject(parsed)) return { findings: [malformed('The manifest must be a JSON object.')] };
  const findings = [...checkHeader(parsed), ...checkEndpoints(parsed), ...checkActivities(parsed)];
  return isManifest(parsed, findings) ? { manifest: parsed, findings } : { findings };
}

/** Limits and types of actions, inputs and outputs, and the endpoint's protocol. */
export function checkManifest(manifest: SkillManifest): ImportFinding[] {
  const activities = Object.entries(manifest.activities);
  const findings: ImportFinding[] = [];
  if (activities.length > maxActions) {
    findings.push(
      fail('LIMITS_TOO_MANY_ACTIONS', `${activities.length} actions; at most ${maxActions}.`, 'activities'),
    );
  }
  for (const [id, activity] of activities) findings.push(...checkValues(manifest, id, activity));
  for (const [name, definition] of Object.entries(manifest.definitions ?? {})) {
    // Seen in a real import: amacey-msft/copilot-studio-servicenow-bridge, commit cde899c.
    if (definition.required !== undefined) {
      findings.push(malformed('Definition required property is not supported.', `definitions.${name}.required`));
    }
  }
  const [endpoint] = manifest.endpoints;
  const url = parseUrl(endpoint?.endpointUrl ?? '');
  if (url?.protocol !== 'https:' && !isLoopback(url)) {
    findings.push(fail('URL_NOT_HTTPS', 'The endpoint must be https.', 'endpoints[0].endpointUrl'));
  }
  return findings;
}

/** What depends on the tenant and on the skills that the agent already has. */
export function checkAgent(manifest: SkillManifest, directory: Directory): ImportFinding[] {
  const [endpoint] = manifest.endpoints;
  if (endpoint === undefined) return [];
  const findings: ImportFinding[] = [];
  if (directory.findSkill(endpoint.msAppId) !== undefined) {
    findings.push(fail('MANIFEST_ALREADY_IMPORTED', 'The agent has this skill already.', 'endpoints[0].msAppId'));
  } else if (directory.skills.length >= maxSkills) {
    findings.push(fail('LIMITS_TOO_MANY_SKILLS', `An agent takes at most ${maxSkills} skills.`));
  }
  const app = directory.findAppInTenant(endpoint.msAppId, directory.tenantId);
  if (app === undefined) {
    const message = `No app ${endpoint.msAppId} in the agent's tenant ${directory.tenantId}.`;
    return [...findings, fail('APPID_NOT_IN_TENANT', message, 'endpoints[0].msAppId')];
  }
  return [...findings, ...checkOrigin(endpoint.endpointUrl, app)];
}

function checkOrigin(endpointUrl: string, app: AppRegistration): ImportFinding[] {
  const host = parseUrl(endpointUrl)?.hostname ?? '';
  const home = parseUrl(app.homePageUrl ?? '')?.hostname;
  const publisher = app.publisherDomain?.toLowerCase();
  if (home === host) return [];
  if (publisher !== undefined && (host === publisher || host.endsWith(`.${publisher}`))) return [];
  const known = `publisher domain ${publisher ?? '(none)'}, home page ${app.homePageUrl ?? '(none)'}`;
  const message = `The endpoint's domain ${host} is not the app registration's: ${known}.`;
  return [fail('MANIFEST_ENDPOINT_ORIGIN_MISMATCH', message, 'endpoints[0].endpointUrl')];
}

function checkHeader(manifest: Json): ImportFinding[] {
  const findings: ImportFinding[] = [];
  for (const field of ['name', '$schema', '$id', 'version', 'publisherName']) {
    const value = manifest[field];
    if (typeof value !== 'string' || value === '') findings.push(malformed(`${field} is missing.`, field));
  }
  // Seen rejected: microsoft/botframework-sdk#6596.
  if (String(manifest['$schema']).includes('preview')) {
    findings.push(malformed('A preview schema is not compatible.', '$schema'));
  }
  return findings;
}

function checkEndpoints(manifest: Json): ImportFinding[] {
  const { endpoints } = manifest;
  if (!Array.isArray(endpoints) || endpoints.length !== 1) {
    return [malformed('The manifest must have exactly one endpoint.', 'endpoints')];
  }
  const endpoint: unknown = endpoints[0];
  if (!isObject(endpoint)) return [malformed('The endpoint must be an object.', 'endpoints[0]')];
  const findings: ImportFinding[] = [];
  if (typeof endpoint['msAppId'] !== 'string' || !guid.test(endpoint['msAppId'])) {
    findings.push(malformed('msAppId must be the GUID of the app registration.', 'endpoints[0].msAppId'));
  }
  if (typeof endpoint['endpointUrl'] !== 'string' || !URL.canParse(endpoint['endpointUrl'])) {
    findings.push(fail('URL_MALFORMED', 'endpointUrl must be a valid URL.', 'endpoints[0].endpointUrl'));
  }
  return findings;
}

function checkActivities(manifest: Json): ImportFinding[] {
  const { activities } = manifest;
  if (!isObject(activities) || Object.keys(activities).length === 0) {
    return [malformed('The manifest must have at least one action.', 'activities')];
  }
  return Object.entries(activities).flatMap(([id, activity]) => {
    const path = `activities.${id}`;
    if (!isObject(activity)) return [malformed('An action must be an object.', path)];
    const findings: ImportFinding[] = [];
    if (activity['type'] !== 'event' && activity['type'] !== 'message') {
      findings.push(malformed('type must be event or message.', `${path}.type`));
    }
    if (typeof activity['description'] !== 'string' || activity['description'] === '') {
      findings.push(malformed('description is missing.', `${path}.description`));
    }
    return findings;
  });
}

function checkValues(manifest: SkillManifest, id: string, activity: ManifestActivity): ImportFinding[] {
  const sides = [
    { schema: activity.value, code: 'LIMITS_TOO_MANY_INPUTS', path: `activities.${id}.value` },
    { schema: activity.resultValue, code: 'LIMITS_TOO_MANY_OUTPUTS', path: `activities.${id}.resultValue` },
  ];
  return sides.flatMap(({ schema, code, path }) => {
    const resolved = resolveSchema(manifest, schema);
    if (resolved.type === 'array') return [malformed('Arrays are not supported.', path)];
    const properties = Object.entries(resolved.properties ?? {});
    const findings = properties.flatMap(([name, property]) => checkType(manifest, `${path}.${name}`, property));
    if (properties.length > maxValues) {
      findings.push(fail(code, `${properties.length} values; at most ${maxValues}.`, path));
    }
    return findings;
  });
}

function checkType(manifest: SkillManifest, path: string, property: ValueSchema): ImportFinding[] {
  const { type } = resolveSchema(manifest, property);
  if (type === 'array') return [malformed('Arrays are not supported.', path)];
  if (type !== undefined && supportedTypes.includes(type)) return [];
  const message = `Type ${type ?? '(none)'} is not among the documented string, integer, boolean and JSON object.`;
  return [{ level: 'warning', code: 'TYPE_NOT_DOCUMENTED', message, path }];
}

function isManifest(value: Json, findings: readonly ImportFinding[]): value is Json & SkillManifest {
  return isObject(value) && !findings.some((finding) => finding.level === 'error');
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function isLoopback(url: URL | undefined): boolean {
  return url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

function malformed(message: string, path?: string): ImportFinding {
  return fail('MANIFEST_MALFORMED', message, path);
}

function fail(code: string, message: string, path?: string): ImportFinding {
  return { level: 'error', code, message, ...(path === undefined ? {} : { path }) };
}
