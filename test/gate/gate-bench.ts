// The real gate over real keys: SkillAuthentication with the key cache of the service, and the routes of the stand-in's
// tenant on a socket. Unlike StandIn it hands out the tenant's private key, so that tokens can be forged byte by byte.

import { randomUUID } from 'node:crypto';
import { ConnectorFactory } from 'botframework-connector';
import { createSigningKeys, type SigningKeys } from '../../src/bot/signing-keys.ts';
import { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import type { TokenRules } from '../../src/bot/verify-token.ts';
import { createServiceUrlPolicy } from '../../src/conversations/service-url-policy.ts';
import { AppError } from '../../src/errors.ts';
import { createDirectory } from '../../standin/directory.ts';
import { createKeyRing } from '../../standin/key-ring.ts';
import { startServer } from '../../standin/server.ts';
import { createTenantRoutes } from '../../standin/tenant.ts';
import { createSigningKey, type SigningKey } from '../../standin/tokens.ts';
import { createWireLog } from '../../standin/wire-log.ts';
import { http } from '../helpers/http.ts';

export type Tenant = {
  readonly key: SigningKey;
  readonly tenantId: string;
  readonly openIdMetadataUrl: string;
  stop(): Promise<void>;
};

/** The stand-in's tenant alone. */
export async function startTenant(now: () => number): Promise<Tenant> {
  const tenantId = randomUUID();
  const key = await createSigningKey();
  let url = '';
  const wire = createWireLog(now);
  const directory = createDirectory(tenantId);
  const routes = createTenantRoutes({
    directory,
    keys: createKeyRing(key),
    now,
    tokenVersion: '1.0',
    wire,
    url: () => url,
  });
  const server = await startServer({ routes, onRefused: () => {} }, 0, '127.0.0.1');
  url = `http://127.0.0.1:${server.port}`;
  const openIdMetadataUrl = `${url}/${tenantId}/v2.0/.well-known/openid-configuration`;
  return { key, tenantId, openIdMetadataUrl, stop: server.stop };
}

/** The keys of an issuer as the service reads them. */
export function keysOf(openIdMetadataUrl: string, now: () => number): SigningKeys {
  return createSigningKeys({ http, openIdMetadataUrl, now });
}

export function createGate(rules: TokenRules, keys: SigningKeys, now: () => number): SkillAuthentication {
  const policy = createServiceUrlPolicy(rules.cloud, []);
  return new SkillAuthentication({ rules, keys, policy, connectors: new NoConnectors(), now });
}

class NoConnectors extends ConnectorFactory {
  override create(): Promise<never> {
    return Promise.reject(new Error('the gate has no business with a parent'));
  }
}

/** 'accepted', or the status and the words that a stranger would get. */
export async function verdictOf(gate: SkillAuthentication, authorization: string | undefined) {
  try {
    await gate.verifyCaller(authorization);
    return 'accepted';
  } catch (error) {
    if (error instanceof AppError) return { status: error.status, code: error.code, detail: error.message };
    throw error;
  }
}

export const refused = {
  401: { status: 401, code: 'invalid_token', detail: 'The bearer token is not accepted.' },
  403: { status: 403, code: 'caller_not_allowed', detail: 'The caller is not in AllowedCallers.' },
} as const;
