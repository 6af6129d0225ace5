// Why no token could be had, in words, with the setting to look at for each of Entra's codes that a wrong setting brings.

/** `detail` says what happened and why, `fix` what to change. Neither has anything in it that Entra said but its code. */
export type TokenFailure = { readonly detail: string; readonly fix: string };

/** What a failure of the token source means. The code decides nothing but the words: Entra may change them at any time. */
export function explainTokenFailure(cause: unknown): TokenFailure {
  const text = cause instanceof Error ? cause.message : '';
  // MSAL reads the tenant's metadata first; for an unknown tenant that fails without any code of Entra's.
  if (text.includes('endpoints_resolution_error')) {
    return {
      detail:
        'No token could be had: MicrosoftAppTenantId is not a tenant, or the login endpoint (LOGIN_URL) does not answer.',
      fix: 'Compare MicrosoftAppTenantId with the Directory (tenant) id of the app registration; let this machine reach the login endpoint.',
    };
  }
  const code = /AADSTS\d+/.exec(text)?.[0];
  if (code === undefined) {
    return {
      detail: 'No token could be had: the login endpoint (LOGIN_URL) did not answer as it should.',
      fix: 'Let this machine reach the login endpoint over https, without a proxy in between.',
    };
  }
  const known = knownCodes[code];
  if (known !== undefined) return { detail: `No token could be had (${code}): ${known[0]}`, fix: known[1] };
  return {
    detail: `No token could be had (${code}).`,
    fix: `Look the code up: https://login.microsoftonline.com/error?code=${code.slice('AADSTS'.length)}`,
  };
}

const newSecret =
  'Make a new client secret in the app registration (Certificates & secrets) and set MicrosoftAppPassword to its value.';
const checkTenant =
  "Set MicrosoftAppTenantId to the Directory (tenant) id of the app registration, which must be the agent's tenant.";
const checkCertificate =
  'Upload the certificate to the app registration, and set CertificateThumbprint and CertificatePrivateKey to those of the same one.';
const checkCloud =
  'For US government set ChannelService=https://botframework.azure.us; else leave ChannelService and LOGIN_URL out.';
const makePrincipal = 'Make its service principal: az ad sp create --id, with MicrosoftAppId.';
const tryLater = 'Try again in some minutes; what is pending is not lost.';

/**
 * What it means, and what to change. learn: entra/identity-platform/reference-error-codes; 500014, 501051, 53003, 700024
 * and 7000229 are not on that page, but under login.microsoftonline.com/error.
 */
const knownCodes: Readonly<Record<string, readonly [words: string, fix: string]>> = {
  AADSTS7000215: ['MicrosoftAppPassword is not a secret of this app (its value, not its id, is needed).', newSecret],
  AADSTS7000222: ['MicrosoftAppPassword has expired.', newSecret],
  AADSTS7000218: ['the request came without a credential: MicrosoftAppPassword is empty.', newSecret],
  AADSTS7000216: ['the request came without a credential that this app needs.', newSecret],
  AADSTS700016: [
    'MicrosoftAppId is not known in the tenant of MicrosoftAppTenantId.',
    'Compare both with the app registration: a single-tenant one is known in its own tenant alone, and MicrosoftAppType MultiTenant asks that of the Bot Framework.',
  ],
  AADSTS7000112: [
    'the app of MicrosoftAppId is disabled.',
    'Enable it: Entra ID > Enterprise applications > the app > Properties > Enabled for users to sign in.',
  ],
  AADSTS7000229: ['the app of MicrosoftAppId has no service principal in the tenant.', makePrincipal],
  AADSTS700025: [
    'the app is registered as a public client, which may present no secret.',
    'In the app registration, Authentication: set "Allow public client flows" to No.',
  ],
  AADSTS700027: ['the certificate of CertificateThumbprint is not one of this app.', checkCertificate],
  AADSTS700030: ['the subject of the certificate is not one that this app allows.', checkCertificate],
  AADSTS50012: ['the certificate, or what was signed with it, is not valid for this app.', checkCertificate],
  AADSTS700024: [
    'what was signed with the certificate is not valid now: the clock of this machine is wrong.',
    'Set the clock of this machine, with NTP.',
  ],
  AADSTS90002: ['MicrosoftAppTenantId is not a tenant.', checkTenant],
  AADSTS900023: ['MicrosoftAppTenantId is not a tenant.', checkTenant],
  AADSTS500011: [
    "the parent's app id is not known in the tenant of MicrosoftAppTenantId: the agent lives in another tenant.",
    "Compare AllowedCallers with the agent's app id (Copilot Studio: Settings > Advanced > Metadata), and register the skill in the agent's tenant.",
  ],
  AADSTS50001: [
    "the parent's app id is not known in the tenant of MicrosoftAppTenantId, or is disabled there.",
    "Compare AllowedCallers with the agent's app id (Copilot Studio: Settings > Advanced > Metadata).",
  ],
  AADSTS500014: [
    "the parent's service principal is disabled.",
    "Enable it: Entra ID > Enterprise applications > the agent's app > Properties > Enabled for users to sign in.",
  ],
  AADSTS501051: [
    "the agent's app asks for an assignment, and this skill is not assigned to it.",
    "Entra ID > Enterprise applications > the agent's app > Properties: set Assignment required to No, or assign the skill.",
  ],
  AADSTS53003: [
    'a Conditional Access policy of the tenant keeps this app out.',
    "Ask the tenant's administrators to let the skill's service principal through from this machine's address.",
  ],
  AADSTS90038: ['the tenant is one of another cloud.', checkCloud],
  AADSTS900382: ['the app and the agent are in different clouds.', checkCloud],
  AADSTS900432: ['the app and the agent are in different clouds.', checkCloud],
  AADSTS90006: ['Entra is away for a moment.', tryLater],
  AADSTS90024: ['Entra is away for a moment.', tryLater],
  AADSTS90033: ['Entra is away for a moment.', tryLater],
  AADSTS90055: ['Entra takes fewer requests than the tenant makes now.', tryLater],
};

/** The codes that are explained. */
export const explainedCodes: readonly string[] = Object.keys(knownCodes);
