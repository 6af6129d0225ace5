// All keys together: those of the settings, which may do everything, and those that operators have made.

import type { ApiKey } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/database.ts';
import { type EntraRules, looksLikeToken, verifyEntraToken } from './entra-token.ts';
import { digestOf, generateKey, isSameDigest, readKeyId, type Scope, scopes, type Sender } from './api-key.ts';
import {
  findKey,
  findNames,
  hasKeys,
  insertKey,
  type KeyView,
  listKeys,
  noteUse,
  replaceDigest,
  revokeKey,
  type StoredKey,
} from './key-store.ts';

type KeyRequest = {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly subjects?: readonly string[] | undefined;
  /** Epoch ms. */
  readonly expiresAt?: number | undefined;
};

/** A key as it is shown, this once. */
type ShownKey = KeyView & { readonly key: string };

export type KeyRing = {
  /**
   * Who holds this key, or undefined: unknown, expired and revoked keys are one. A token of Entra is a key as well; what
   * is wrong with it is thrown as AppError `invalid_token` (401).
   */
  find(presented: string): Promise<Sender | undefined>;
  /** No key has ever been made, and none is in the settings. */
  isEmpty(): Promise<boolean>;
  /** Throws AppError `name_taken` (409). */
  create(request: KeyRequest): Promise<ShownKey>;
  list(): Promise<KeyView[]>;
  /** A new secret for a key; the old one is good for `overlapMs` more. Undefined when there is none, or it is over. */
  rotate(id: string, overlapMs: number): Promise<ShownKey | undefined>;
  revoke(id: string): Promise<KeyView | undefined>;
};

type KeyRingOptions = {
  readonly db: Database;
  readonly now: () => number;
  readonly apiKeys: readonly ApiKey[];
  /** Senders with a token of Entra, where there are any. */
  readonly entra?: EntraRules | undefined;
};

const notedEveryMs = 3_600_000;

/** Throws where a key of the settings has the name of one that was made: each would see what the other has sent. */
export async function checkNames(db: Database, apiKeys: readonly ApiKey[]): Promise<void> {
  const taken = await findNames(
    db,
    apiKeys.map(({ name }) => name),
  );
  if (taken.length === 0) return;
  throw new Error(`NOTIFY_API_KEYS: give another name to ${taken.join(', ')}: a key that was made has, or had, it`);
}

/** A key is looked up at each request: what is revoked is refused at once, by every replica. */
export function createKeyRing({ db, now, apiKeys, entra }: KeyRingOptions): KeyRing {
  const configured = apiKeys.map(({ name, secret }) => ({ sender: { name, scopes }, digest: digestOf(secret) }));
  const findConfigured = (digest: Buffer): Sender | undefined => {
    let found: Sender | undefined;
    // Every key is compared: the time taken tells neither which one nor whether any.
    for (const key of configured) if (isSameDigest(key.digest, digest)) found = key.sender;
    return found;
  };
  let isEmpty = configured.length === 0 && entra === undefined;
  const findInEntra = async (presented: string): Promise<Sender | undefined> =>
    entra && looksLikeToken(presented) ? verifyEntraToken(presented, entra, now()) : undefined;
  return {
    find: async (presented) => {
      const digest = digestOf(presented);
      const id = readKeyId(presented);
      const stored = id === undefined ? undefined : await findKey(db, id);
      const known = findConfigured(digest);
      if (known || !stored || !isGood(stored, digest, now())) return known ?? findInEntra(presented);
      if (now() - (stored.lastUsedAt ?? 0) >= notedEveryMs) await noteUse(db, stored.id, now());
      return stored.sender;
    },
    isEmpty: async () => {
      // Once there was one there always is: revoked ones stay on record.
      isEmpty &&= !(await hasKeys(db));
      return isEmpty;
    },
    create: async ({ name, scopes: given, subjects, expiresAt }) => {
      const { id, key } = generateKey();
      const sender = { name, scopes: given, subjects };
      const isTaken = apiKeys.some((configuredKey) => configuredKey.name === name);
      const digest = digestOf(key).toString('hex');
      const view = isTaken ? undefined : await insertKey(db, { id, digest, sender, createdAt: now(), expiresAt });
      if (!view) throw new AppError('name_taken', `There is, or was, a key with the name ${name}.`);
      return { ...view, key };
    },
    list: () => listKeys(db),
    rotate: async (id, overlapMs) => {
      const { key } = generateKey(id);
      const view = await replaceDigest(db, id, digestOf(key).toString('hex'), {
        now: now(),
        until: now() + overlapMs,
      });
      return view && { ...view, key };
    },
    revoke: (id) => revokeKey(db, id, now()),
  };
}

function isGood(key: StoredKey, digest: Buffer, now: number): boolean {
  const isCurrent = isSameDigest(key.digest, digest);
  const isPrevious = key.previous.some((previous) => isSameDigest(previous.digest, digest) && now < previous.until);
  const isOver = key.revokedAt !== undefined || (key.expiresAt !== undefined && key.expiresAt <= now);
  return (isCurrent || isPrevious) && !isOver;
}
