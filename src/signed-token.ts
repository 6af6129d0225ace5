// What every bearer token must pass before anything in it is believed: form, signature, audience and time. Who may use it
// for what is for whoever asks to decide.

import { type CryptoKey, decodeProtectedHeader, errors as joseErrors, jwtVerify } from 'jose';
import { AppError } from './errors.ts';

type TokenCheck = {
  /** `aud` must be exactly this. */
  readonly audience: string;
  /** The RS256 key of the issuer with this id. */
  readonly findKey: (kid: string) => Promise<CryptoKey | undefined>;
  /** Epoch ms. */
  readonly now: number;
};

/** A good token: its claims, and the key that it was signed with. */
type SignedToken = { readonly claims: unknown; readonly kid: string; readonly key: CryptoKey };

/** What the gate forgives a clock. */
export const clockSkewSeconds = 60;
/** Entra's longest app token lives 24 h, a channel's an hour; a little more for rounding. */
export const longestLifeSeconds = 24 * 3600 + 600;

/** What a good token says. Throws AppError `invalid_token` (401) for any other, with the check that failed in `reason`. */
export async function verifySignedToken(token: string, { audience, findKey, now }: TokenCheck): Promise<SignedToken> {
  try {
    const { alg, kid, crit } = decodeProtectedHeader(token);
    // None is known here, and RFC 7515 section 4.1.11 has what is not understood refused.
    if (crit !== undefined) throw invalidToken('the token names critical headers');
    // Asked before any key is looked up: an unsigned token costs no fetch.
    if (alg !== 'RS256' || typeof kid !== 'string')
      throw invalidToken('the token is not signed with RS256 and a key id');
    const key = await findKey(kid);
    if (!key) throw invalidToken('the key of the token is not one of the issuer');
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['RS256'],
      audience,
      clockTolerance: clockSkewSeconds,
      currentDate: new Date(now),
      requiredClaims: ['exp', 'nbf', 'iss', 'aud'],
    });
    return { claims: payload, kid, key };
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof joseErrors.JWTClaimValidationFailed)
      throw invalidToken(`claim ${error.claim} is wrong`, error);
    if (error instanceof joseErrors.JWTExpired) throw invalidToken('the token has expired', error);
    throw invalidToken('the signature or form of the token is wrong', error);
  }
}

/** The one refusal of a token: its words are constant, `why` is for the log alone. */
export function invalidToken(why: string, cause?: unknown): AppError {
  return new AppError('invalid_token', 'The bearer token is not accepted.', {
    cause,
    reason: why,
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  });
}
