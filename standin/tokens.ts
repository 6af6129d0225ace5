// Keys of the stand-in's tenant and tokens of the shape that Entra issues.
// Shapes: learn.microsoft.com/entra/identity-platform/access-token-claims-reference.

import { generateKeyPair, randomUUID, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { exportJWK, SignJWT, UnsecuredJWT, type JWK } from 'jose';
import type { TokenVersion } from './types.ts';

export const botFrameworkTenantId = 'd6d49420-f39b-4df7-a1dc-d59a935871db';
/** Issuer of the tokens of all channels, and the audience of what a bot posts there. */
export const connectorAudience = 'https://api.botframework.com';
export const tokenLifetimeSeconds = 3600;

export type SigningKey = { readonly kid: string; readonly privateKey: KeyObject; readonly publicKey: KeyObject };

/** What one token says: who (`caller`) may call whom (`audience`), and which tenant vouches for it. */
export type TokenRequest = {
  readonly audience: string;
  readonly caller: string;
  readonly tenantId: string;
  readonly version: TokenVersion;
  readonly now: number;
};

const generateKeyPairAsync = promisify(generateKeyPair);

/** A fresh RSA key with its own key id. */
export async function createSigningKey(): Promise<SigningKey> {
  const pair = await generateKeyPairAsync('rsa', { modulusLength: 2048 });
  return { kid: randomUUID().replaceAll('-', ''), privateKey: pair.privateKey, publicKey: pair.publicKey };
}

/** The public part as published in a key set. */
export async function describePublicKey(key: SigningKey): Promise<JWK> {
  return { ...(await exportJWK(key.publicKey)), kid: key.kid, x5t: key.kid, use: 'sig', alg: 'RS256' };
}

/** The two issuer strings of a tenant; they are the real ones, not the stand-in's address. */
export function nameIssuer(tenantId: string, version: TokenVersion): string {
  return version === '1.0'
    ? `https://sts.windows.net/${tenantId}/`
    : `https://login.microsoftonline.com/${tenantId}/v2.0`;
}

/** Claims of an app-only token as Entra issues it. */
export function buildClaims(request: TokenRequest): Record<string, unknown> {
  const { audience, caller, tenantId, version } = request;
  const seconds = Math.floor(request.now / 1000);
  const callerClaims = version === '1.0' ? { appid: caller, appidacr: '1' } : { azp: caller, azpacr: '1' };
  return {
    aud: audience,
    iss: nameIssuer(tenantId, version),
    iat: seconds,
    nbf: seconds,
    exp: seconds + tokenLifetimeSeconds,
    ...callerClaims,
    sub: caller,
    tid: tenantId,
    uti: randomUUID(),
    ver: version,
  };
}

/** Signs claims; alg 'none' gives an unsigned token, an HS… alg signs with the public key as the shared secret. */
export async function signClaims(
  claims: Record<string, unknown>,
  key: SigningKey,
  header: { alg?: string; kid?: string } = {},
): Promise<string> {
  const alg = header.alg ?? 'RS256';
  if (alg === 'none') return new UnsecuredJWT(claims).encode();
  const kid = header.kid ?? key.kid;
  return new SignJWT(claims)
    .setProtectedHeader({ alg, typ: 'JWT', kid, x5t: kid })
    .sign(alg.startsWith('HS') ? exportAsSecret(key) : key.privateKey);
}

/** The well-known confusion attack: a verifier that trusts the header checks an HMAC with the published key. */
function exportAsSecret(key: SigningKey): Uint8Array {
  return key.publicKey.export({ type: 'spki', format: 'der' });
}
