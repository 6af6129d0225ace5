// Whether Copilot Studio would take the manifest that is at PUBLIC_URL, and its endpoint's domain.

import { checkOrigin } from '../manifest/agent-rules.ts';
import { hasError, type ImportFinding } from '../manifest/import-finding.ts';
import { checkManifest as checkRules } from '../manifest/import-rules.ts';
import type { SkillManifest } from '../manifest/skill-manifest.ts';
import { type Check, fine, fineSoFar, isRehearsal, type Visit, wrong } from './check.ts';

/** The rules of `manifest lint`, and that it is this skill's manifest. */
export const checkManifest: Check = {
  id: 'manifest',
  needs: ['MicrosoftAppId', 'PUBLIC_URL', 'PORT', 'LOGIN_URL'],
  after: ['public-url'],
  look: async (visit) => {
    const { bytes = new Uint8Array() } = await visit.manifest();
    const { manifest, findings } = checkRules(bytes, { httpOnLoopback: isRehearsal(visit.config) });
    const words = findings.map(describe).join(' ');
    if (manifest === undefined || hasError(findings)) {
      const first = findings.find(({ level }) => level === 'error');
      return wrong(`Copilot Studio would refuse the manifest. ${words}`, first?.fix ?? '');
    }
    const mismatch = findMismatch(manifest, visit);
    if (mismatch !== undefined) {
      return wrong(
        `The manifest at PUBLIC_URL is not that of these settings: ${mismatch}.`,
        'Restart the service with these settings, or publish its manifest anew; then refresh the skill in Copilot Studio.',
      );
    }
    return fine(`The manifest breaks no rule of the import. ${words}`.trim());
  },
};

/** The domain that the import compares is known to the app registration alone: the user tells it. */
export const checkDomain: Check = {
  id: 'domain',
  needs: ['PUBLIC_URL', 'PORT'],
  after: [],
  look: ({ config, hints: { homePageUrl, publisherDomain } }) => {
    const endpoint = endpointOf(config.publicUrl);
    if (homePageUrl === undefined && publisherDomain === undefined) {
      return fineSoFar(
        "the endpoint's domain (--home-page)",
        `Not compared: --home-page or --publisher-domain of the app registration tells whether it has the endpoint's domain, ${new URL(endpoint).hostname}.`,
      );
    }
    const [finding] = checkOrigin(endpoint, { homePageUrl, publisherDomain });
    if (finding !== undefined) return wrong(`${finding.code}: ${finding.message}`, finding.fix);
    return fine("The endpoint's domain is that of the app registration.");
  },
};

function findMismatch({ endpoints: [endpoint] }: SkillManifest, { config }: Visit): string | undefined {
  if (endpoint?.msAppId.toLowerCase() !== config.identity.appId) {
    return `it names app ${endpoint?.msAppId}, and MicrosoftAppId is ${config.identity.appId}`;
  }
  const expected = endpointOf(config.publicUrl);
  if (endpoint.endpointUrl === expected) return undefined;
  return `its endpoint is ${endpoint.endpointUrl}, and PUBLIC_URL makes it ${expected}`;
}

function endpointOf(publicUrl: string): string {
  return `${publicUrl}/api/messages`;
}

function describe({ code, path, message }: ImportFinding): string {
  return `${code}${path === '' ? '' : ` at ${path}`}: ${message}`;
}
