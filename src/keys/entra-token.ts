// Senders that Entra vouches for: an app of the tenant with a token for this service's audience. What it may do is what
// its app roles say (learn.microsoft.com/entra/identity-platform/claims-validation).

import type { CryptoKey } from 'jose';
import { z } from 'zod';
import { invalidToken, verifySignedToken } from '../signed-token.ts';
import type { Scope, Sender } from './api-key.ts';

export type EntraRules = {
  /** `aud` of the tokens: the app id of a registration, or its Application ID URI. */
  readonly audience: string;
  readonly tenantId: string;
  readonly cloud: 'public' | 'usgov';
  /** The RS256 key of the tenant with this id. */
  readonly findKey: (kid: string) => Promise<CryptoKey | undefined>;
};

/** App roles, as they are defined in the registration of the audience, and the scope that each gives. */
const scopeOfRole: Readonly<Record<string, Scope>> = {
  'Notify.Send': 'notify:send',
  'Notify.Read': 'notify:read',
  'Notify.Operate': 'operate',
};

const longestToken = 16_384;

const guid = z.guid().transform((value) => value.toLowerCase());
const claimsSchema = z.object({
  iss: z.string(),
  tid: guid,
  ver: z.enum(['1.0', '2.0']),
  appid: guid.optional(),
  azp: guid.optional(),
  idtyp: z.literal('app').optional(),
  scp: z.undefined({ error: 'is of a user token' }).optional(),
  roles: z.array(z.string()).default([]),
});

/** Whether this may be a token at all: an API key that is not known is then no fault of a token. */
export function looksLikeToken(presented: string): boolean {
  return presented.length <= longestToken && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(presented);
}

/**
 * The sender that this token proves. Throws AppError `invalid_token` (401) for anything wrong with it, with the check that
 * failed in `reason`, for the log alone. A token without any of the roles proves who it is, and allows nothing.
 */
export async function verifyEntraToken(token: string, rules: EntraRules, now: number): Promise<Sender> {
  const { claims } = await verifySignedToken(token, { ...rules, now });
  const parsed = claimsSchema.safeParse(claims);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalidToken(`claim ${issue?.path.join('.') ?? ''} is missing or wrong`);
  }
  const { iss, tid, ver, appid, azp, roles } = parsed.data;
  // Entra's keys are shared by all tenants of a cloud.
  if (tid !== rules.tenantId) throw invalidToken('the token is of another tenant than NOTIFY_ENTRA_TENANT');
  if (iss !== issuerOf(rules, ver)) throw invalidToken('the issuer of the token is not its tenant');
  const caller = ver === '1.0' ? appid : azp;
  if (caller === undefined) throw invalidToken(`a token of version ${ver} without its caller claim`);
  const scopes = roles.flatMap((role) => (Object.hasOwn(scopeOfRole, role) ? [scopeOfRole[role] as Scope] : []));
  return { name: `entra:${caller}`, scopes };
}

function issuerOf({ cloud, tenantId }: EntraRules, version: '1.0' | '2.0'): string {
  const login = cloud === 'public' ? 'https://login.microsoftonline.com' : 'https://login.microsoftonline.us';
  return version === '1.0' ? `https://sts.windows.net/${tenantId}/` : `${login}/${tenantId}/v2.0`;
}
