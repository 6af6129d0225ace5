// The form of an API key, and what its holder may do. A key is shown once; only a digest of it is stored.

import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** `notify:send` hands in and takes back its own; `notify:read` sees its own; `operate` everything there is. */
export type Scope = 'notify:send' | 'notify:read' | 'operate';

export const scopes: readonly Scope[] = ['notify:send', 'notify:read', 'operate'];

/** Who a request is from, and what is allowed. */
export type Sender = {
  /** Unique; what it sends bears this name. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** The subjects that it may notify begin with one of these; absent: any recipient. */
  readonly subjects?: readonly string[] | undefined;
};

/** 256 random bits: a plain digest of them cannot be searched, and is quick to check. */
const secretBytes = 32;
const form = /^cn_([0-9a-f]{12})_[\w-]{43}$/;

/** A new key, `cn_<id>_<secret>`; the id alone is no secret, and tells which key a log line or a leak is about. */
export function generateKey(id: string = randomBytes(6).toString('hex')): {
  readonly id: string;
  readonly key: string;
} {
  return { id, key: `cn_${id}_${randomBytes(secretBytes).toString('base64url')}` };
}

/** The id in a key of ours; undefined for any other text. */
export function readKeyId(key: string): string | undefined {
  return form.exec(key)?.[1];
}

export function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/** Compares digests in a time that tells nothing of them. */
export function isSameDigest(known: string | Buffer, presented: Buffer): boolean {
  const digest = typeof known === 'string' ? Buffer.from(known, 'hex') : known;
  return digest.length === presented.length && timingSafeEqual(digest, presented);
}
