// What an import may say about a skill. Copilot Studio's own codes are those of
// learn.microsoft.com/azure/bot-service/skill-pva ("Validation performed when registering a skill").

/**
 * Copilot Studio's codes, and what one must know to say them: the manifest (and how it is fetched), the app
 * registration, the agent and its tenant, or the endpoint as the agent calls it.
 */
const seenBy = {
  URL_MALFORMED: 'manifest',
  URL_NOT_HTTPS: 'manifest',
  MANIFEST_FETCH_FAILED: 'manifest',
  MANIFEST_TOO_LARGE: 'manifest',
  MANIFEST_MALFORMED: 'manifest',
  LIMITS_TOO_MANY_ACTIONS: 'manifest',
  LIMITS_TOO_MANY_INPUTS: 'manifest',
  LIMITS_TOO_MANY_OUTPUTS: 'manifest',
  MANIFEST_ENDPOINT_ORIGIN_MISMATCH: 'registration',
  APPID_NOT_IN_TENANT: 'agent',
  MANIFEST_ALREADY_IMPORTED: 'agent',
  LIMITS_TOO_MANY_SKILLS: 'agent',
  AADERROR_OTHER: 'agent',
  ENDPOINT_HEALTHCHECK_FAILED: 'endpoint',
  HEALTH_PING_FAILED: 'endpoint',
  ENDPOINT_HEALTHCHECK_UNAUTHORIZED: 'endpoint',
} as const;

export type ImportCode = keyof typeof seenBy;

export const importCodes = Object.keys(seenBy) as readonly ImportCode[];

/** Our own, for what Copilot Studio's documentation leaves open: always warnings. */
export const adviceCodes = [
  'ENDPOINT_PROBE_NOT_CHALLENGED',
  'MANIFEST_REDIRECTED',
  'REQUIRED_NOT_PROVEN',
  'SCHEMA_NOT_KNOWN',
  'SCHEMA_VIOLATION',
  'TRAILING_COMMA',
  'TYPE_NOT_DOCUMENTED',
] as const;

type AdviceCode = (typeof adviceCodes)[number];

export type ImportFinding = {
  /** An error keeps the skill out; a warning is what might. */
  readonly level: 'error' | 'warning';
  readonly code: ImportCode | AdviceCode;
  /** Such as `endpoints[0].msAppId`; empty for the manifest as a whole. */
  readonly path: string;
  readonly message: string;
  /** What to change. */
  readonly fix: string;
};

type Words = { readonly path?: string; readonly message: string; readonly fix: string };

/** A finding that keeps the skill out. */
export function refuse(code: ImportCode, { path = '', message, fix }: Words): ImportFinding {
  return { level: 'error', code, path, message, fix };
}

/** A finding that lets the skill in, as far as anybody knows. */
export function warn(code: ImportCode | AdviceCode, { path = '', message, fix }: Words): ImportFinding {
  return { level: 'warning', code, path, message, fix };
}

/** Whether one of them keeps the skill out. */
export function hasError(findings: readonly ImportFinding[]): boolean {
  return findings.some(({ level }) => level === 'error');
}

/** The codes that nobody can say who knows the manifest alone, or the app registration besides. */
export function listUnseen(knowsRegistration: boolean): ImportCode[] {
  return importCodes.filter(
    (code) => seenBy[code] !== 'manifest' && !(knowsRegistration && seenBy[code] === 'registration'),
  );
}
