// Tokens that have been verified, so that the next request with the very same header costs no signature check: a parent
// sends the same token for an hour. What is kept is a proof and no permission; see verify-token.ts for what is still asked.

import type { CryptoKey } from 'jose';

/** What a verified token proves, and by which key. */
export type Proof<Caller> = {
  readonly caller: Caller;
  readonly kid: string;
  readonly key: CryptoKey;
  /** `nbf` and `exp`, in seconds since the epoch. */
  readonly nbf: number;
  readonly exp: number;
};

export type KeptTokens<Caller> = {
  /** The proof that came with exactly this header, from `nbf` until `exp`. `now` in epoch ms. */
  find(authorization: string, now: number): Proof<Caller> | undefined;
  keep(authorization: string, proof: Proof<Caller>): void;
};

/** Of each parent and tenant one is in use at a time; with the longest token that is taken it is 16 MB. */
export const mostKeptTokens = 1_000;

export function createKeptTokens<Caller>(): KeptTokens<Caller> {
  const proofs = new Map<string, Proof<Caller>>();
  return {
    find: (authorization, now) => {
      const proof = proofs.get(authorization);
      if (!proof) return undefined;
      // Put in again below, the map is in order of use, so that its first is the one to drop.
      proofs.delete(authorization);
      // Without tolerance: what is at the edge is decided where every token is. A clock may also have been set back.
      if (now < proof.nbf * 1_000 || now >= proof.exp * 1_000) return undefined;
      proofs.set(authorization, proof);
      return proof;
    },
    keep: (authorization, proof) => {
      proofs.set(authorization, proof);
      const [oldest] = proofs.keys();
      if (proofs.size > mostKeptTokens && oldest !== undefined) proofs.delete(oldest);
    },
  };
}
