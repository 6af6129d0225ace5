// Whether a token for each parent can be had, and what is in it.

import { decodeJwt } from 'jose';
import { explainTokenFailure } from '../bot/explain-token-failure.ts';
import { type Check, fine, listParents, type Outcome, type OwnClaims, type Visit, wrong } from './check.ts';

/** What a token is made from. */
export const tokenSettings = [
  'MicrosoftAppId',
  'MicrosoftAppType',
  'MicrosoftAppTenantId',
  'MicrosoftAppPassword',
  'CertificateThumbprint',
  'CertificatePrivateKey',
  'AllowedCallers',
  'ChannelService',
  'LOGIN_URL',
];

export const checkToken: Check = {
  id: 'token',
  needs: tokenSettings,
  after: [],
  look: async (visit) => {
    const parents = listParents(visit);
    if (parents.length === 0) {
      return wrong('Not looked at: AllowedCallers has no app id but our own.', 'See the check app-id.');
    }
    const outcomes = await Promise.all(parents.map((parent) => lookAtToken(visit, parent)));
    const [failed] = outcomes.filter(({ ok }) => !ok);
    const detail = (failed ? outcomes.filter(({ ok }) => !ok) : outcomes).map((outcome) => outcome.detail).join(' ');
    return { ok: failed === undefined, detail, fix: failed?.fix ?? null };
  },
};

/** The claims of an Authorization header of ours. The signature goes no further than here. */
export function readOwnClaims(audience: string, header: string): OwnClaims {
  const { aud, iss, tid, appid, azp, ver } = decodeJwt(header.replace(/^Bearer /, ''));
  return { audience, aud, iss, tid, appid: appid ?? azp, ver };
}

/** The claims as they are shown. */
function describeClaims({ aud, iss, tid, appid, ver }: OwnClaims): string {
  return Object.entries({ aud, iss, tid, appid, ver })
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : '(none)'}`)
    .join(', ');
}

/** Whether a token for this audience can be had, and is what a parent takes. */
export async function lookAtToken(visit: Visit, audience: string): Promise<Outcome> {
  const { identity } = visit.config;
  try {
    const claims = await visit.claimsFor(audience);
    const shown = describeClaims(claims);
    if (claims.aud !== audience) {
      return wrong(
        `The token for ${audience} is for another audience: ${shown}.`,
        'Leave LOGIN_URL out, or mend what is there.',
      );
    }
    if (claims.appid !== identity.appId) {
      return wrong(
        `The token for ${audience} speaks for another app than MicrosoftAppId: ${shown}.`,
        'Set MicrosoftAppId to the app, or the client id of the managed identity, that this machine has the credential of.',
      );
    }
    return fine(`A token for ${audience} can be had: ${shown}.`);
  } catch (error) {
    return explainFailure(visit, audience, error);
  }
}

function explainFailure({ config: { identity } }: Visit, audience: string, error: unknown): Outcome {
  const isCoded = error instanceof Error && error.message.includes('AADSTS');
  if (identity.credential.kind === 'managedIdentity' && !isCoded) {
    return wrong(
      `For ${audience}: no token could be had from the managed identity of this machine.`,
      'Run the doctor where the service runs, and assign the identity whose client id is MicrosoftAppId to that host; a machine outside of Azure has none.',
    );
  }
  const { detail, fix } = explainTokenFailure(error);
  return wrong(`For ${audience}: ${detail}`, fix);
}
