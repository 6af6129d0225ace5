// The rules of the import that hang on the app registration, the agent and the endpoint's answers.

import { type ImportFinding, refuse, warn } from './import-finding.ts';
import type { SkillManifest } from './skill-manifest.ts';

/** skill-pva says 25, configuration-add-skills says 100; the stricter one is held. */
const maxSkills = 25;
const endpointPath = 'endpoints[0].endpointUrl';

/** What the skill's app registration says of where it is at home. */
export type Registration = {
  readonly homePageUrl?: string | undefined;
  readonly publisherDomain?: string | undefined;
};

export type Agent = {
  readonly tenantId: string;
  /** Of the skills that it has. */
  readonly skillAppIds: readonly string[];
  /** The registration of this app, if the tenant has it. */
  readonly findRegistration: (appId: string) => Registration | undefined;
};

/** What depends on the tenant and on the skills that the agent already has. */
export function checkAgent(manifest: SkillManifest, agent: Agent): ImportFinding[] {
  const [endpoint] = manifest.endpoints;
  if (endpoint === undefined) return [];
  const path = 'endpoints[0].msAppId';
  const appId = endpoint.msAppId.toLowerCase();
  const findings: ImportFinding[] = [];
  if (agent.skillAppIds.some((other) => other.toLowerCase() === appId)) {
    const fix = 'Refresh the skill that is there, or take it out first.';
    findings.push(refuse('MANIFEST_ALREADY_IMPORTED', { path, message: 'The agent has this skill already.', fix }));
  } else if (agent.skillAppIds.length >= maxSkills) {
    const message = `The agent has ${agent.skillAppIds.length} skills; it takes at most ${maxSkills}.`;
    findings.push(refuse('LIMITS_TOO_MANY_SKILLS', { message, fix: 'Take out a skill that is not used.' }));
  }
  const registration = agent.findRegistration(endpoint.msAppId);
  if (registration !== undefined) return [...findings, ...checkOrigin(endpoint.endpointUrl, registration)];
  const message = `There is no app ${endpoint.msAppId} in the agent's tenant ${agent.tenantId}.`;
  const fix = "Register the skill in the agent's tenant, and put that registration's app id into the manifest.";
  return [...findings, refuse('APPID_NOT_IN_TENANT', { path, message, fix })];
}

/** The endpoint's domain must be the one of the registration's home page, or its publisher domain. */
export function checkOrigin(endpointUrl: string, registration: Registration): ImportFinding[] {
  const host = hostOf(endpointUrl);
  const publisher = registration.publisherDomain?.toLowerCase();
  if (host === undefined || hostOf(registration.homePageUrl) === host) return [];
  if (publisher !== undefined && (host === publisher || host.endsWith(`.${publisher}`))) return [];
  const known = `publisher domain ${publisher ?? '(none)'}, home page ${registration.homePageUrl ?? '(none)'}`;
  const message = `The endpoint's domain ${host} is not the app registration's: ${known}.`;
  return [refuse('MANIFEST_ENDPOINT_ORIGIN_MISMATCH', { path: endpointPath, message, fix: setHomePage(host) })];
}

/**
 * Where the registration is not known: Microsoft's page wants the home page to be the manifest's address, so that
 * another domain than the endpoint's is a mismatch, unless the registration's publisher domain has both.
 */
export function compareHosts(endpointUrl: string, manifestUrl: string): ImportFinding[] {
  const host = hostOf(endpointUrl);
  const manifestHost = hostOf(manifestUrl);
  if (host === undefined || manifestHost === undefined || host === manifestHost) return [];
  const message = `The manifest is at ${manifestHost}, its endpoint at ${host}.`;
  return [warn('MANIFEST_ENDPOINT_ORIGIN_MISMATCH', { path: endpointPath, message, fix: setHomePage(host) })];
}

/** What the import makes of the status that the endpoint gave to its ping; 0 for no answer. */
export function checkPing(status: number): ImportFinding[] {
  if (status === 200) return [];
  if (status === 401 || status === 403) {
    const message = `The endpoint answered ${status} to the ping: has the skill this agent's app id among its allowed callers?`;
    const fix = "Put the agent's app id on the skill's list of allowed callers before the import.";
    return [refuse('ENDPOINT_HEALTHCHECK_UNAUTHORIZED', { path: endpointPath, message, fix })];
  }
  const found = status === 0 ? 'did not answer' : `answered ${status} to`;
  const message = `The endpoint ${found} the endOfConversation ping (its recipient is null); it must answer 200.`;
  const fix = "Start the skill, make it reachable, and register it in the agent's tenant.";
  return [refuse('ENDPOINT_HEALTHCHECK_FAILED', { path: endpointPath, message, fix })];
}

function setHomePage(host: string): string {
  return `Set the registration's Home page URL (Branding & properties) to an address at ${host}.`;
}

function hostOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).hostname : undefined;
}
