// Verifies the token of a callback, one check at a time, so that each refusal can say what is wrong with it.

import { compactVerify, decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import { botFrameworkTenantId, nameIssuer, type SigningKey } from './tokens.ts';

/** The Bot Framework's allowance for clocks that differ. */
const clockSkewSeconds = 300;

export type CallbackVerifier = {
  /** The tenant's key set. */
  readonly keys: () => readonly SigningKey[];
  readonly tenantId: string;
  /** What the token must be for: the agent's app id, or the Bot Framework on a channel. */
  readonly audience: string;
  readonly now: () => number;
  readonly isSkill: (appId: string) => boolean;
};

/** `message` goes to the caller, `reason` is the plain-words cause for whoever reads the wire log. */
export type CallbackVerdict = { readonly caller: string } | { readonly message: string; readonly reason: string };

/** The calling skill's app id, or the first check that failed. */
export async function verifyCallbackToken(
  verifier: CallbackVerifier,
  token: string | undefined,
): Promise<CallbackVerdict> {
  if (token === undefined) return refuse('the request has no bearer token');
  const signatureFault = await findSignatureFault(verifier.keys(), token);
  if (signatureFault !== undefined) return refuse(signatureFault);
  const claims = decodeJwt(token);
  const claimFault = findTimeFault(claims, verifier.now() / 1000) ?? findIssuerFault(claims, verifier.tenantId);
  if (claimFault !== undefined) return refuse(claimFault);
  const caller = readCaller(claims);
  if (String(claims.aud).toLowerCase() !== verifier.audience.toLowerCase()) {
    const message = `Unauthorized. Invalid AppId passed on token: ${caller ?? '(none)'}`;
    return { message, reason: explainAudience(String(claims.aud), verifier.audience) };
  }
  if (caller === undefined) return refuse('the token names no caller (appid in version 1.0, azp in version 2.0)');
  if (!verifier.isSkill(caller)) return refuse(`the caller ${caller} is not a skill of this agent`);
  return { caller };
}

function refuse(reason: string): CallbackVerdict {
  return { message: 'Authorization has been denied for this request.', reason };
}

async function findSignatureFault(keys: readonly SigningKey[], token: string): Promise<string | undefined> {
  try {
    const header = decodeProtectedHeader(token);
    if (header.alg !== 'RS256') return `the token is signed with alg ${header.alg}, must be RS256`;
    const key = keys.find(({ kid }) => kid === header.kid);
    if (key === undefined) return "the token's key id is not among the tenant's keys";
    await compactVerify(token, key.publicKey, { algorithms: ['RS256'] });
    decodeJwt(token);
    return undefined;
  } catch (error) {
    return `the token's signature is not valid (${error instanceof Error ? error.message : 'unreadable'})`;
  }
}

function findTimeFault(claims: JWTPayload, nowSeconds: number): string | undefined {
  if (typeof claims.exp !== 'number' || typeof claims.nbf !== 'number') return 'the token has no exp or nbf';
  if (claims.exp + clockSkewSeconds < nowSeconds) return 'the token has expired';
  if (claims.nbf - clockSkewSeconds > nowSeconds) return 'the token is not valid yet';
  return undefined;
}

function findIssuerFault(claims: JWTPayload, tenantId: string): string | undefined {
  const version = claims['ver'] === '2.0' ? '2.0' : '1.0';
  const isTrusted = [tenantId, botFrameworkTenantId].some(
    (tenant) => claims.iss === nameIssuer(tenant, version) && claims['tid'] === tenant,
  );
  if (isTrusted) return undefined;
  return `the token comes from ${String(claims.iss)}, must come from the agent's tenant ${tenantId} or botframework.com`;
}

function readCaller(claims: JWTPayload): string | undefined {
  const caller = claims['ver'] === '2.0' ? claims['azp'] : claims['appid'];
  return typeof caller === 'string' ? caller : undefined;
}

function explainAudience(audience: string, wanted: string): string {
  const shown = audience.replace('https://', '');
  const owner = wanted.startsWith('https:') ? '' : "the agent's app id ";
  return `token audience is ${shown}, must be ${owner}${wanted}`;
}
