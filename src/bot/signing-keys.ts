// The public keys that inbound tokens are checked with. The SDK's own cache has no timeout, asks once for every waiting
// request and forgets its keys when a refresh fails (botframework-connector openIdMetadata.ts); this one does not.

import { type CryptoKey, importJWK } from 'jose';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { HttpClient } from '../outbound/http-client.ts';
import { readJson } from './read-json.ts';

export type SigningKeys = {
  /** The RS256 key with this id, or undefined when the issuer has none. Throws AppError `unavailable` (503) when no key set could ever be fetched. */
  find(kid: string): Promise<CryptoKey | undefined>;
  /** As `find`, with the ids of the channels that may sign with the key. */
  findEndorsed(kid: string): Promise<EndorsedKey | undefined>;
};

type EndorsedKey = { readonly key: CryptoKey; readonly endorsements: readonly string[] };

type SigningKeysOptions = {
  readonly http: HttpClient;
  readonly openIdMetadataUrl: string;
  /** The setting that moves it, for the words of an error. */
  readonly setting?: string;
  /** Epoch ms. */
  readonly now: () => number;
};

const freshMs = 24 * 60 * 60_000;
/** A stranger can invent key ids as he likes: unknown ones cause at most one fetch in this time. */
const shortestRefreshMs = 30_000;

const metadataSchema = z.object({ jwks_uri: z.url() });
const keySetSchema = z.object({ keys: z.array(z.unknown()) });
/** Only what may sign: RFC 7517 section 5 has keys that are not understood ignored, not the set that they are in. */
const keySchema = z.looseObject({
  kty: z.literal('RSA'),
  kid: z.string(),
  use: z.literal('sig').optional(),
  key_ops: z
    .array(z.string())
    .refine((operations) => operations.includes('verify'))
    .optional(),
  // Only the Bot Framework's key set has them; a list that cannot be read endorses nothing.
  endorsements: z.array(z.string()).catch([]).optional(),
});

/** Keys of the issuer behind an OpenID metadata document, fetched when first needed. */
export function createSigningKeys(options: SigningKeysOptions): SigningKeys {
  let keys = new Map<string, EndorsedKey>();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let inFlight: Promise<void> | undefined;

  const refresh = async (): Promise<void> => {
    triedAt = options.now();
    const metadata = metadataSchema.parse(await readJson(options.http, options.openIdMetadataUrl));
    const keySet = keySetSchema.parse(await readJson(options.http, metadata.jwks_uri));
    keys = await importKeys(keySet.keys);
    fetchedAt = options.now();
  };

  const refreshOnce = (): Promise<void> => {
    inFlight ??= refresh().finally(() => {
      inFlight = undefined;
    });
    return inFlight;
  };

  /** Also when the clock was set back: keys fetched in what is now the future would never be asked for again. */
  const isOver = (since: number, ms: number): boolean => {
    const age = options.now() - since;
    return age < 0 || age >= ms;
  };

  const findEndorsed = async (kid: string): Promise<EndorsedKey | undefined> => {
    const known = keys.get(kid);
    if (known && !isOver(fetchedAt, freshMs)) return known;
    const mayAsk = inFlight !== undefined || isOver(triedAt, shortestRefreshMs);
    if (mayAsk) {
      try {
        await refreshOnce();
      } catch (error) {
        // Old keys are better than turning everybody away while the issuer is down.
        if (keys.size === 0) throw cannotFetch(options, error);
      }
    } else if (keys.size === 0) {
      throw cannotFetch(options, undefined);
    }
    return keys.get(kid);
  };

  return { findEndorsed, find: async (kid) => (await findEndorsed(kid))?.key };
}

/** Throws when none of them is of any use: the keys that are known are then kept. */
async function importKeys(jwks: readonly unknown[]): Promise<Map<string, EndorsedKey>> {
  const keys = new Map<string, EndorsedKey>();
  for (const candidate of jwks) {
    const jwk = keySchema.safeParse(candidate);
    const key = jwk.success
      ? await importJWK({ ...jwk.data, alg: 'RS256' }, 'RS256').catch(() => undefined)
      : undefined;
    if (jwk.success && key && !(key instanceof Uint8Array)) {
      keys.set(jwk.data.kid, { key, endorsements: jwk.data.endorsements ?? [] });
    }
  }
  if (keys.size === 0) throw new Error('the key set holds no key that could have signed a token');
  return keys;
}

/** Any stranger is told this, so it names the setting and not the address in it; the log has that in the cause. */
function cannotFetch({ setting = 'OPENID_METADATA_URL' }: SigningKeysOptions, cause: unknown): AppError {
  return new AppError('unavailable', `The signing keys (${setting}) could not be read.`, {
    cause,
    headers: { 'Retry-After': '30' },
  });
}
