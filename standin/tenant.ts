// The Entra tenant: metadata, keys and the token endpoint. It issues by client, secret, tenant and scope, and also for
// https://api.botframework.com, so that a wrong audience yields a token here and is refused later, as in life.
// Error codes: learn.microsoft.com/entra/identity-platform/reference-error-codes.

import type { Directory } from './directory.ts';
import type { KeyRing } from './key-ring.ts';
import { answerJson, type Answer, type Request, type Route } from './server.ts';
import {
  buildClaims,
  botFrameworkTenantId,
  connectorAudience,
  describePublicKey,
  nameIssuer,
  signClaims,
} from './tokens.ts';
import { tokenLifetimeSeconds } from './tokens.ts';
import type { TokenVersion } from './types.ts';
import { pickShownClaims, type WireLog } from './wire-log.ts';

export type Tenant = {
  readonly directory: Directory;
  readonly keys: KeyRing;
  readonly now: () => number;
  /** Of the tokens for apps whose registration names none. */
  readonly tokenVersion: TokenVersion;
  /** Whether the token endpoint is out of order. */
  readonly isDown?: () => boolean;
  readonly wire: WireLog;
  /** Address of the stand-in; known once it listens. */
  readonly url: () => string;
};

type Refusal = { readonly status: number; readonly error: string; readonly code: number; readonly text: string };

/** Routes of the login service. */
export function createTenantRoutes(tenant: Tenant): readonly Route[] {
  const get = ['GET', 'HEAD'];
  const recorded = (answer: (request: Request) => Answer | Promise<Answer>) => async (request: Request) => {
    const result = await answer(request);
    tenant.wire.record({
      direction: 'skill->tenant',
      method: request.method,
      path: request.path,
      status: result.status,
      ...(result.status === 200 ? {} : { reason: `the tenant of ${request.path} is not known` }),
    });
    return result;
  };
  const metadata = recorded((request) => answerMetadata(tenant, request));
  const keys = recorded(async () =>
    answerJson(200, { keys: await Promise.all(tenant.keys.published().map(describePublicKey)) }),
  );
  return [
    { methods: get, pattern: /^\/common\/discovery\/instance$/, answer: recorded(() => answerInstances(tenant)) },
    { methods: get, pattern: /^\/(?<tenant>[^/]+)\/(?:v2\.0\/)?\.well-known\/openid-configuration$/, answer: metadata },
    { methods: get, pattern: /^\/(?<tenant>[^/]+)\/discovery\/(?:v2\.0\/)?keys$/, answer: keys },
    {
      methods: ['POST'],
      pattern: /^\/(?<tenant>[^/]+)\/oauth2\/(?:v2\.0\/)?token$/,
      answer: (request) => answerToken(tenant, request),
    },
  ];
}

function answerInstances(tenant: Tenant): Answer {
  const host = new URL(tenant.url()).host;
  return answerJson(200, {
    tenant_discovery_endpoint: `${tenant.url()}/common/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
  });
}

function answerMetadata(tenant: Tenant, request: Request): Answer {
  const segment = request.params['tenant'] ?? '';
  const isCommon = segment === 'common' || segment === 'organizations';
  const tenantId = isCommon ? '{tenantid}' : tenant.directory.findTenant(segment);
  if (tenantId === undefined) return answerRefusal(refuseTenant(segment));
  const base = `${tenant.url()}/${segment}`;
  return answerJson(200, {
    token_endpoint: `${base}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post'],
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    jwks_uri: `${base}/discovery/v2.0/keys`,
    issuer: nameIssuer(tenantId, '2.0'),
    response_types_supported: ['code', 'id_token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
  });
}

async function answerToken(tenant: Tenant, request: Request): Promise<Answer> {
  const form = new URLSearchParams(request.body);
  const scope = form.get('scope') ?? form.get('resource') ?? undefined;
  const outcome = grant(tenant, request, form);
  const shared = { direction: 'skill->tenant', method: request.method, path: request.path } as const;
  const asked = scope === undefined ? {} : { scope };
  if ('error' in outcome) {
    const { status, text } = outcome;
    tenant.wire.record({ ...shared, ...asked, status, reason: text });
    return answerRefusal(outcome);
  }
  const token = await signClaims(buildClaims({ ...outcome, now: tenant.now() }), tenant.keys.current());
  tenant.wire.record({ ...shared, ...asked, status: 200, token: pickShownClaims(token) ?? {} });
  return answerJson(200, {
    token_type: 'Bearer',
    expires_in: tokenLifetimeSeconds,
    ext_expires_in: tokenLifetimeSeconds,
    access_token: token,
  });
}

type Grant = { audience: string; caller: string; tenantId: string; version: TokenVersion };

function grant(tenant: Tenant, request: Request, form: URLSearchParams): Grant | Refusal {
  if (tenant.isDown?.() === true) {
    return refuse(503, 'temporarily_unavailable', 90033, 'A transient error has occurred. Please try again.');
  }
  const segment = request.params['tenant'] ?? '';
  const tenantId = tenant.directory.findTenant(segment);
  if (tenantId === undefined) return refuseTenant(segment);
  if (form.get('grant_type') !== 'client_credentials') {
    return refuse(400, 'unsupported_grant_type', 70003, 'The grant type is not client_credentials.');
  }
  const clientId = form.get('client_id') ?? '';
  const app = tenant.directory.findAppInTenant(clientId, tenantId);
  if (app === undefined) {
    const text = `Application with identifier '${clientId}' was not found in the directory '${segment}'.`;
    return refuse(400, 'unauthorized_client', 700016, text);
  }
  const secret = form.get('client_secret');
  if (secret === null) return refuse(401, 'invalid_client', 7000218, 'The request body must hold client_secret.');
  if (secret !== app.secret) {
    return refuse(401, 'invalid_client', 7000215, `Invalid client secret provided for app '${clientId}'.`);
  }
  const audience = findAudience(tenant, form, tenantId);
  if (typeof audience !== 'string') return audience;
  const version = findVersion(tenant, audience);
  return { audience, caller: app.appId, tenantId, version };
}

/** The registration of what the token is for decides; the Bot Framework itself takes version 1.0. */
function findVersion({ directory, tokenVersion }: Tenant, audience: string): TokenVersion {
  return audience === connectorAudience ? '1.0' : (directory.findApp(audience)?.tokenVersion ?? tokenVersion);
}

function findAudience(tenant: Tenant, form: URLSearchParams, tenantId: string): string | Refusal {
  const scope = form.get('scope');
  if (scope !== null && !scope.endsWith('/.default')) {
    return refuse(400, 'invalid_scope', 1002012, `The scope '${scope}' must end in /.default for client credentials.`);
  }
  const resource = scope === null ? form.get('resource') : scope.slice(0, -'/.default'.length);
  if (resource === connectorAudience) return connectorAudience;
  const { directory } = tenant;
  // The Bot Framework's own tenant issues for every bot's app id.
  const isKnown =
    tenantId === botFrameworkTenantId
      ? directory.findApp(resource ?? '') !== undefined
      : directory.findAppInTenant(resource ?? '', tenantId) !== undefined;
  if (resource !== null && isKnown) return resource;
  const text = `The resource principal named ${resource ?? '(none)'} was not found in the tenant named ${tenantId}.`;
  return refuse(400, 'invalid_resource', 500011, text);
}

function refuseTenant(segment: string): Refusal {
  return refuse(400, 'invalid_request', 90002, `Tenant '${segment}' not found.`);
}

function refuse(status: number, error: string, code: number, text: string): Refusal {
  return { status, error, code, text: `AADSTS${code}: ${text}` };
}

function answerRefusal(refusal: Refusal): Answer {
  return answerJson(refusal.status, {
    error: refusal.error,
    error_description: refusal.text,
    error_codes: [refusal.code],
  });
}
