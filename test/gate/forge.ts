// Tokens byte by byte: a library that writes them would refuse to write the bad ones.

import { constants, createHmac, randomUUID, sign } from 'node:crypto';
import { buildClaims, type SigningKey } from '../../standin/tokens.ts';
import type { TokenVersion } from '../../standin/types.ts';

/** JSON text or bytes as they are; anything else is written as JSON. */
type Part = string | Buffer | object;

type Sign = (input: string) => Buffer;

/** In every token, so that an echo of any of them in an answer or in the log is found. */
export const canary = 'canary-5b1f0c';

export type ForgeParts = {
  readonly key: SigningKey;
  readonly tenantId: string;
  /** Whom a good token is for. */
  readonly appId: string;
  /** Whom a good token comes from. */
  readonly caller: string;
  /** Epoch ms. */
  readonly now: () => number;
};

export type Forge = ForgeParts & {
  /** This many seconds from now, in seconds since the epoch. */
  readonly seconds: (fromNow: number) => number;
  /** Claims of a good v1 token with this change; a claim set to undefined is left out. */
  readonly claims: (change?: Record<string, unknown>, version?: TokenVersion) => Record<string, unknown>;
  /** The header of a good token with this change. */
  readonly header: (change?: Record<string, unknown>) => Record<string, unknown>;
  /** A token of these parts, signed as a good one is unless `signer` is given. */
  readonly seal: (header: Part, payload: Part, signer?: Sign) => string;
  /** A good token but for these claims, properly signed by the tenant. */
  readonly claiming: (change?: Record<string, unknown>, version?: TokenVersion) => string;
  /** A good token but for these fields of its header, properly signed by the tenant. */
  readonly heading: (change: Record<string, unknown>, signer?: Sign) => string;
};

export function createForge(parts: ForgeParts): Forge {
  const { key, now } = parts;
  const claims: Forge['claims'] = (change = {}, version = '1.0') => ({
    ...buildClaims({
      audience: parts.appId,
      caller: parts.caller,
      tenantId: parts.tenantId,
      version,
      now: now(),
    }),
    sub: `${canary}-sub`,
    uti: `${canary}-${randomUUID()}`,
    ...change,
  });
  const header: Forge['header'] = (change = {}) => ({
    typ: 'JWT',
    alg: 'RS256',
    x5t: key.kid,
    kid: key.kid,
    ...change,
  });
  const seal: Forge['seal'] = (head, payload, signer = rsa(key)) => {
    const input = `${encode(head)}.${encode(payload)}`;
    return `${input}.${signer(input).toString('base64url')}`;
  };
  return {
    ...parts,
    seconds: (fromNow) => Math.floor(now() / 1000) + fromNow,
    claims,
    header,
    seal,
    claiming: (change, version) => seal(header(), claims(change, version)),
    heading: (change, signer) => seal(header(change), claims(), signer),
  };
}

export function encode(part: Part): string {
  if (Buffer.isBuffer(part)) return part.toString('base64url');
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
}

export function rsa(key: SigningKey, hash: 'sha1' | 'sha256' | 'sha384' | 'sha512' = 'sha256'): Sign {
  return (input) => sign(hash, Buffer.from(input), key.privateKey);
}

export function pss(key: SigningKey, hash: 'sha256' | 'sha384' | 'sha512'): Sign {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  return (input) => sign(hash, Buffer.from(input), { key: key.privateKey, padding, saltLength });
}

export function hmac(secret: string | Buffer, hash: 'sha256' | 'sha384' | 'sha512' = 'sha256'): Sign {
  return (input) => createHmac(hash, secret).update(input).digest();
}

export const unsigned: Sign = () => Buffer.alloc(0);
