// Tokens of an app of the stand-in's tenant, asked for as the service asks.

import { createTokenSource, type TokenSource } from '../../src/bot/credentials.ts';
import { http } from './http.ts';
import type { StandIn } from '../../standin/stand-in.ts';

/** Tokens for the app with this secret; `now` in epoch ms. */
export function tokensOf(
  standIn: StandIn,
  app: { readonly appId: string; readonly secret: string },
  now: () => number,
): TokenSource {
  const { appId, secret } = app;
  const credential = { kind: 'secret' as const, secret };
  const identity = { appId, appType: 'SingleTenant' as const, tenantId: standIn.tenantId, credential };
  return createTokenSource({ http, identity, cloud: 'public', loginUrl: standIn.loginUrl, now });
}
