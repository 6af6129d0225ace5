// The decision about an inbound token, all of it: only a token that passes here is ever seen by the SDK, whose own
// validators let unverified tokens change whom they trust (botframework-connector emulatorValidation.ts).

import { decodeJwt } from 'jose';
import { z } from 'zod';
import type { Cloud } from '../channels.ts';
import type { ParentClaims } from '../conversations/conversation.ts';
import { AppError } from '../errors.ts';
import { invalidToken, longestLifeSeconds, verifySignedToken } from '../signed-token.ts';
import type { KeptTokens, Proof } from './kept-tokens.ts';
import type { SigningKeys } from './signing-keys.ts';
import { type ChannelCaller, type ChannelRules, verifyChannelToken } from './verify-channel-token.ts';

type ParentCaller = {
  readonly kind: 'parent';
  readonly appId: string;
  readonly tenantId: string;
  readonly claims: ParentClaims;
};

/** Who has called, proven by the token: a parent, or a channel of the Bot Framework. */
export type Caller = ParentCaller | ChannelCaller;

export type TokenRules = {
  readonly appId: string;
  readonly allowedTenants: readonly string[];
  readonly allowedCallers: readonly string[];
  readonly cloud: Cloud;
  /** Absent: every token of a channel is refused, and its keys are never fetched. */
  readonly channels?: ChannelRules | undefined;
};

const longestToken = 16_384;

const guid = z.guid().transform((value) => value.toLowerCase());
const claimsSchema = z.object({
  aud: z.string(),
  iss: z.string(),
  tid: guid,
  ver: z.enum(['1.0', '2.0']),
  appid: guid.optional(),
  azp: guid.optional(),
  scp: z.undefined({ error: 'is a user token' }).optional(),
  exp: z.number(),
  nbf: z.number(),
});

/**
 * Verifies an Authorization header. Throws AppError `invalid_token` (401) for anything wrong with the token,
 * `caller_not_allowed` (403) for a good token of a caller that AllowedCallers does not name. Their messages are constant;
 * `reason` tells the log which check it was. A header that is in `kept` is not verified again, as long as its key is the
 * very one that the issuer has now; whether its caller may call is asked every time.
 */
export async function verifyToken(
  authorization: string | undefined,
  keys: SigningKeys,
  rules: TokenRules,
  now: number,
  kept: KeptTokens<Caller>,
): Promise<Caller> {
  if (authorization === undefined) throw invalidToken('there is no token');
  const known = kept.find(authorization, now);
  if (known && (await isKeyHeld(known, keys, rules))) {
    if (known.caller.kind === 'parent') checkParent(known.caller.claims, rules);
    return known.caller;
  }
  const proof = await verifyAnew(readBearer(authorization), keys, rules, now);
  kept.keep(authorization, proof);
  return proof.caller;
}

/** A refresh of the keys makes them all anew, so that each token is verified again after it. */
async function isKeyHeld({ caller, kid, key }: Proof<Caller>, keys: SigningKeys, rules: TokenRules): Promise<boolean> {
  if (caller.kind === 'parent') return (await keys.find(kid)) === key;
  return (await rules.channels?.keys.findEndorsed(kid))?.key === key;
}

async function verifyAnew(token: string, keys: SigningKeys, rules: TokenRules, now: number): Promise<Proof<Caller>> {
  if (rules.channels && readUnverifiedIssuer(token) === rules.channels.issuer) {
    return verifyChannelToken(token, rules.channels, rules.appId, now);
  }
  const findKey = (id: string) => keys.find(id);
  const { claims: payload, kid, key } = await verifySignedToken(token, { audience: rules.appId, findKey, now });
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalidToken(`claim ${issue?.path.join('.') ?? ''} is missing or wrong`);
  }
  const { exp, nbf, scp: _, ...claims } = parsed.data;
  if (exp - nbf > longestLifeSeconds) throw invalidToken('the token lives longer than a day');
  const appId = checkParent(claims, rules);
  return { caller: { kind: 'parent', appId, tenantId: claims.tid, claims }, kid, key, nbf, exp };
}

/** The app id of the parent that a verified token names, which must be one that may call. */
function checkParent(claims: ParentClaims, rules: TokenRules): string {
  checkIssuer(claims.iss, claims.tid, rules);
  const appId = readCallerId(claims);
  if (appId === rules.appId) throw invalidToken('the token is our own');
  if (!rules.allowedCallers.includes(appId)) {
    throw new AppError('caller_not_allowed', 'The caller is not in AllowedCallers.', {
      reason: `caller ${appId} of tenant ${claims.tid} is not in AllowedCallers`,
    });
  }
  return appId;
}

function readBearer(authorization: string): string {
  if (authorization.length > longestToken) throw invalidToken('the token is too long');
  const match = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization);
  if (!match?.[1]) throw invalidToken('the Authorization header is not "Bearer" and a signed token');
  return match[1];
}

/**
 * What a token says of itself before anything is checked. It decides nothing but in which of two fixed key sets the key is
 * looked for; the issuer of the verified token is then checked again.
 */
function readUnverifiedIssuer(token: string): unknown {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/** Entra's keys are shared by all tenants of a cloud: without this any tenant's token would do. */
function checkIssuer(issuer: string, tenantId: string, rules: TokenRules): void {
  if (!rules.allowedTenants.includes(tenantId)) {
    throw invalidToken(`tenant ${tenantId} is neither MicrosoftAppTenantId nor in ALLOWED_TENANTS`);
  }
  if (!issuersOf(tenantId, rules.cloud).includes(issuer))
    throw invalidToken('the issuer of the token is not its tenant');
}

/** v1 and v2 issuers (entra-docs accepted-token-versions.md); the v2 one without the slash that SDK samples add. */
function issuersOf(tenantId: string, cloud: Cloud): string[] {
  const login = cloud === 'public' ? 'https://login.microsoftonline.com' : 'https://login.microsoftonline.us';
  const v1 = `https://sts.windows.net/${tenantId}/`;
  // Government tenants are seen with both v1 forms (botframework-connector tokenValidationParameters.ts).
  return cloud === 'public'
    ? [v1, `${login}/${tenantId}/v2.0`]
    : [v1, `${login}/${tenantId}/`, `${login}/${tenantId}/v2.0`];
}

function readCallerId(claims: { ver: '1.0' | '2.0'; appid?: string | undefined; azp?: string | undefined }): string {
  const appId = claims.ver === '1.0' ? claims.appid : claims.azp;
  if (appId === undefined) throw invalidToken(`a token of version ${claims.ver} without its caller claim`);
  if (claims.appid !== undefined && claims.azp !== undefined && claims.appid !== claims.azp) {
    throw invalidToken('appid and azp differ');
  }
  return appId;
}
