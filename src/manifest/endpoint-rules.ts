// The rules for a manifest's one endpoint.

import { type ImportFinding, refuse } from './import-finding.ts';
import { isObject } from './skill-manifest.ts';

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether there is exactly one endpoint, with a name, the app id and an https address. */
export function checkEndpoints(
  { endpoints }: Readonly<Record<string, unknown>>,
  httpOnLoopback: boolean,
): ImportFinding[] {
  if (!Array.isArray(endpoints) || endpoints.length !== 1) {
    const found = Array.isArray(endpoints)
      ? `There are ${endpoints.length} endpoints`
      : 'There is no list of endpoints';
    const message = `${found}; Copilot Studio takes exactly one.`;
    return [malformed('endpoints', message, 'Keep the one that the agent is to call.')];
  }
  const endpoint: unknown = endpoints[0];
  if (!isObject(endpoint)) {
    return [malformed('endpoints[0]', 'The endpoint is not an object.', 'Give it name, endpointUrl and msAppId.')];
  }
  const findings: ImportFinding[] = [];
  if (typeof endpoint['name'] !== 'string' || endpoint['name'] === '') {
    findings.push(malformed('endpoints[0].name', 'The endpoint has no name.', 'Call it default.'));
  }
  return [...findings, ...checkAppId(endpoint), ...checkAddress(endpoint['endpointUrl'], httpOnLoopback)];
}

/** Whether the address is plain http on this very machine. */
export function isHttpOnLoopback(url: URL): boolean {
  return url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

function checkAppId(endpoint: Record<string, unknown>): ImportFinding[] {
  const { msAppId } = endpoint;
  if (typeof msAppId === 'string' && guid.test(msAppId)) return [];
  const path = 'endpoints[0].msAppId';
  const fix = "Put the application (client) id of the skill's app registration there.";
  if (msAppId === undefined && endpoint['msaAppId'] !== undefined) {
    // Microsoft's page on the import spells it so; its schemas do not.
    return [malformed(path, 'msAppId is missing; msaAppId is not its name.', 'Rename msaAppId to msAppId.')];
  }
  return [malformed(path, 'msAppId is not the GUID of an app registration.', fix)];
}

function checkAddress(endpointUrl: unknown, httpOnLoopback: boolean): ImportFinding[] {
  const path = 'endpoints[0].endpointUrl';
  const fix = 'Give the whole https address, such as https://skill.example.com/api/messages.';
  if (typeof endpointUrl !== 'string' || !URL.canParse(endpointUrl)) {
    return [refuse('URL_MALFORMED', { path, message: 'endpointUrl is not a valid URL.', fix })];
  }
  const url = new URL(endpointUrl);
  if (url.protocol === 'https:' || (httpOnLoopback && isHttpOnLoopback(url))) return [];
  return [refuse('URL_NOT_HTTPS', { path, message: 'endpointUrl does not begin with https://.', fix })];
}

function malformed(path: string, message: string, fix: string): ImportFinding {
  return refuse('MANIFEST_MALFORMED', { path, message, fix });
}
