// What a check is, and what it is given: the settings with their faults, the network, the clock, and what checks share.

import type { Config } from '../config.ts';
import type { FetchedManifest } from '../manifest/fetch-manifest.ts';
import type { Target } from '../service-client.ts';
import type { SettingFault } from '../setting-reader.ts';

/** In the order in which they are made and told. */
export const checkIds = [
  'settings',
  'app-id',
  'token',
  'tenant',
  'public-url',
  'manifest',
  'unauthenticated-probe',
  'domain',
  'clock',
  'storage',
  'conversation',
] as const;

export type CheckId = (typeof checkIds)[number];

export type Outcome = {
  readonly ok: boolean;
  /** What was seen, in words; never a secret, and of a token only claims. */
  readonly detail: string;
  /** What to change; null where nothing is wrong. */
  readonly fix: string | null;
  /** What it passed without having been compared, as the user has not said with what; and the option that says it. */
  readonly notCompared?: string;
};

/** Claims of a token of ours, which may be shown; of the signature there is nothing. */
export type OwnClaims = {
  readonly audience: string;
  readonly aud: unknown;
  readonly iss: unknown;
  readonly tid: unknown;
  readonly appid: unknown;
  readonly ver: unknown;
};

/** What the user says of things that only the portals know. */
export type Hints = {
  readonly homePageUrl?: string | undefined;
  readonly publisherDomain?: string | undefined;
  readonly parentTenant?: string | undefined;
  readonly conversationId?: string | undefined;
};

/** What is the same for all checks of one run. */
export type Visit = {
  /** Where a setting is faulty, its default or nothing stands in it: see `needs`. */
  readonly config: Config;
  readonly faults: readonly SettingFault[];
  readonly warnings: readonly string[];
  readonly hints: Hints;
  /** The running service, for what only it can tell. */
  readonly target: Target;
  readonly fetch: typeof fetch;
  /** Epoch ms. */
  readonly now: () => number;
  /** A token for this audience; rejects with the identity provider's error. Asked for once, however many checks ask. */
  readonly claimsFor: (audience: string) => Promise<OwnClaims>;
  /** The manifest at PUBLIC_URL, fetched once. */
  readonly manifest: () => Promise<FetchedManifest>;
};

export type Check = {
  readonly id: CheckId;
  /** Settings without which nothing can be seen. */
  readonly needs: readonly string[];
  /** Checks that must have gone well before this one can be made. */
  readonly after: readonly CheckId[];
  readonly look: (visit: Visit) => Promise<Outcome> | Outcome;
};

/** Nothing is wrong. */
export function fine(detail: string): Outcome {
  return { ok: true, detail, fix: null };
}

/** Nothing is seen to be wrong, but something could not be compared. */
export function fineSoFar(notCompared: string, detail: string): Outcome {
  return { ...fine(detail), notCompared };
}

/** Something is wrong. */
export function wrong(detail: string, fix: string): Outcome {
  return { ok: false, detail, fix };
}

/** The check cannot be made: these settings are faulty. */
export function waitsFor(settings: readonly string[]): Outcome {
  return wrong(`Not looked at: ${settings.join(', ')} must be mended first.`, 'See the check settings.');
}

/** Those of these settings that are faulty, also where they come from a file. */
export function listFaulty({ faults }: Visit, names: readonly string[]): readonly string[] {
  const faulty = faults.map(({ setting }) => setting.replace(/_FILE$/, ''));
  return names.filter((name) => faulty.includes(name));
}

/** The parents that tokens are asked for: all allowed callers but the skill itself, which `app-id` tells of. */
export function listParents({ config }: Visit): readonly string[] {
  return config.allowedCallers.filter((caller) => caller !== config.identity.appId);
}

/**
 * Whether the login endpoint is on this machine: then the tenant is the stand-in, and plain http on loopback is let pass
 * as the stand-in's import lets it.
 */
export function isRehearsal({ loginUrl }: Config): boolean {
  return /^https?:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(loginUrl);
}

/** A request that gave no answer: the code of the system or of TLS, and words. */
export function readFailure(error: unknown): { readonly code: string; readonly words: string } {
  if (!(error instanceof Error)) return { code: '', words: String(error) };
  if (error.name === 'TimeoutError') return { code: 'TIMEOUT', words: 'no answer came in time' };
  const cause: NodeJS.ErrnoException = error.cause instanceof Error ? error.cause : error;
  return { code: cause.code ?? '', words: cause.message || (cause.code ?? error.message) };
}
