// Makes the checks in their order, each once, and says of those that could not be made because of which other.

import { createTokenSource } from '../bot/credentials.ts';
import { readConfig, sharedAppFault } from '../config.ts';
import { fetchManifest } from '../manifest/fetch-manifest.ts';
import { createUndiciClient } from '../outbound/undici-client.ts';
import type { Environment } from '../setting-reader.ts';
import {
  type Check,
  type CheckId,
  checkIds,
  type Hints,
  isRehearsal,
  listFaulty,
  type Outcome,
  type Visit,
  waitsFor,
  wrong,
} from './check.ts';
import { checkAppId, checkSettings } from './check-settings.ts';
import { checkClock } from './check-clock.ts';
import { checkConversation } from './check-conversation.ts';
import { checkDomain, checkManifest } from './check-manifest.ts';
import { checkProbe, checkPublicUrl } from './check-public-url.ts';
import { checkStorage } from './check-storage.ts';
import { checkTenant } from './check-tenant.ts';
import { checkToken, readOwnClaims } from './check-token.ts';

export type DoctorOptions = {
  readonly env: Environment;
  /** The text behind a `NAME_FILE` setting. */
  readonly readFile: (path: string) => string;
  readonly fetch: typeof fetch;
  /** Epoch ms. */
  readonly now: () => number;
  /** Where the service runs, and a key for what only it can tell; by default on this machine, at PORT. */
  readonly target: { readonly url?: string | undefined; readonly key: string };
  readonly hints?: Hints;
  /** How long a token may take; a managed identity that is not there tries for long. */
  readonly tokenDeadlineMs?: number;
  /** Which are told; what they come after is made all the same. Default all. */
  readonly only?: readonly CheckId[] | undefined;
};

export type Diagnosis = {
  readonly ok: boolean;
  readonly checks: readonly ({ readonly id: CheckId } & Outcome)[];
};

/** The checks of each id. The order is that of `checkIds`. */
const checks: Readonly<Record<CheckId, Check>> = {
  settings: checkSettings,
  'app-id': checkAppId,
  token: checkToken,
  tenant: checkTenant,
  'public-url': checkPublicUrl,
  manifest: checkManifest,
  'unauthenticated-probe': checkProbe,
  domain: checkDomain,
  clock: checkClock,
  storage: checkStorage,
  conversation: checkConversation,
};

/** All findings. Never throws for what it looks at; asks the network, and changes nothing. */
export async function runDoctor(options: DoctorOptions): Promise<Diagnosis> {
  const visit = createVisit(options);
  const outcomes = new Map<CheckId, Promise<Outcome>>();
  const outcomeOf = (id: CheckId): Promise<Outcome> => {
    const known = outcomes.get(id) ?? makeCheck(checks[id], visit, outcomeOf);
    outcomes.set(id, known);
    return known;
  };
  const told = [];
  for (const id of checkIds) {
    if (options.only === undefined || options.only.includes(id)) told.push({ id, ...(await outcomeOf(id)) });
  }
  return { ok: told.every(({ ok }) => ok), checks: told };
}

/** What all checks of a run are given. */
export function createVisit(options: Omit<DoctorOptions, 'only'>): Visit {
  const { config, settings } = readConfig(options.env, options.readFile);
  const { identity, cloud, loginUrl } = config;
  const { tokenDeadlineMs: deadlineMs = 15_000 } = options;
  const claims = new Map<string, ReturnType<Visit['claimsFor']>>();
  let manifest: ReturnType<Visit['manifest']> | undefined;
  // Made only when it is asked for a token: with faulty settings it could not be made at all.
  let tokens: ReturnType<typeof createTokenSource> | undefined;
  const ask = async (audience: string) => {
    tokens ??= createTokenSource({
      http: createUndiciClient(),
      identity,
      cloud,
      loginUrl,
      now: options.now,
      deadlineMs,
    });
    return readOwnClaims(audience, await tokens(audience));
  };
  return {
    config,
    // That one has a check of its own.
    faults: settings.faults.filter(({ message }) => message !== sharedAppFault),
    warnings: settings.warnings,
    hints: options.hints ?? {},
    target: { url: options.target.url ?? `http://localhost:${config.port}`, key: options.target.key },
    fetch: options.fetch,
    now: options.now,
    claimsFor: (audience) => {
      const known = claims.get(audience) ?? ask(audience);
      claims.set(audience, known);
      return known;
    },
    manifest: () => {
      manifest ??= fetchManifest(`${config.publicUrl}/manifests/skill-manifest-2.2.json`, {
        httpOnLoopback: isRehearsal(config),
        fetch: options.fetch,
      });
      return manifest;
    },
  };
}

async function makeCheck(check: Check, visit: Visit, outcomeOf: (id: CheckId) => Promise<Outcome>): Promise<Outcome> {
  const missing = listFaulty(visit, check.needs);
  if (missing.length > 0) return waitsFor(missing);
  for (const id of check.after) {
    const { ok } = await outcomeOf(id);
    if (!ok) return wrong(`Not looked at: the check ${id} must pass first.`, `See the check ${id}.`);
  }
  return check.look(visit);
}
