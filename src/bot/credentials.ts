// Tokens for the parents, asked for as the SDK does (MSAL, managed identity), but kept here: the SDK's cache is keyed
// without the tenant, and a burst at expiry asks once for every request (botframework-connector appCredentials.ts).

import { ConfidentialClientApplication, type INetworkModule } from '@azure/msal-node';
import { JwtTokenProviderFactory, ManagedIdentityAppCredentials } from 'botframework-connector';
import { decodeJwt } from 'jose';
import type { Cloud } from '../channels.ts';
import type { Credential, Identity } from '../config.ts';
import type { HttpClient } from '../outbound/http-client.ts';
import { mostBytes, parseJson } from './read-json.ts';

/**
 * A token for an audience (an app id), as the value of an Authorization header. `refused` is one that the audience has
 * just answered with 401: it is replaced, unless one was replaced less than a minute ago.
 */
export type TokenSource = (audience: string, refused?: string) => Promise<string>;

type TokenSourceOptions = {
  readonly http: HttpClient;
  readonly identity: Identity;
  readonly cloud: Cloud;
  /** Base of the token endpoints, without a slash at the end. */
  readonly loginUrl: string;
  readonly now: () => number;
  /** Over all that a token takes: MSAL reads the tenant's metadata first, a managed identity tries several sources. */
  readonly deadlineMs?: number;
};

/** Old tokens are replaced this long before they end, so that none ends on its way. */
const renewEarlyMs = 5 * 60_000;
const tokenRequestMs = 10_000;
/** However many pushes a parent refuses, the identity provider is asked once in this time for each audience. */
const shortestRefreshMs = 60_000;
/** Where a multi-tenant registration gets its tokens (botframework-connector authenticationConstants.ts, governmentConstants.ts). */
const botFrameworkTenants = { public: 'botframework.com', usgov: 'MicrosoftServices.onmicrosoft.us' } as const;

/** One token for each audience, fetched once however many wait for it. Rejects with the identity provider's error. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const askForToken = createTokenRequest(options);
  const held = new Map<string, { header: string; expiresAt: number }>();
  /** When a refused token was last replaced. */
  const forcedAt = new Map<string, number>();
  const inFlight = new Map<string, Promise<string>>();

  const fetchToken = async (audience: string): Promise<string> => {
    const token = await withDeadline(askForToken(audience), options.deadlineMs ?? 30_000);
    const header = `Bearer ${token}`;
    const expiresAt = (decodeJwt(token).exp ?? 0) * 1000;
    held.set(audience, { header, expiresAt });
    return header;
  };

  const fetchOnce = (audience: string): Promise<string> => {
    const running = inFlight.get(audience) ?? fetchToken(audience).finally(() => inFlight.delete(audience));
    inFlight.set(audience, running);
    return running;
  };

  return async (audience, refused) => {
    const now = options.now();
    const known = held.get(audience);
    const wasRefused = known !== undefined && known.header === refused;
    // Whoever was refused while the new one is on its way waits for it: the old one would be refused again.
    if (wasRefused && inFlight.has(audience)) return fetchOnce(audience);
    if (wasRefused && now - (forcedAt.get(audience) ?? Number.NEGATIVE_INFINITY) >= shortestRefreshMs) {
      forcedAt.set(audience, now);
      return fetchOnce(audience);
    }
    if (known && known.expiresAt - renewEarlyMs > now) return known.header;
    return fetchOnce(audience).catch((error: unknown) => {
      // While the identity provider is away, the old one is good to its end.
      if (known && known.expiresAt > options.now()) return known.header;
      throw error;
    });
  };
}

/** The SDK's managed identity has no deadline of its own; what hangs there would hold up every push of its audience. */
async function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('The identity provider did not answer in time.')), deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function createTokenRequest(options: TokenSourceOptions): (audience: string) => Promise<string> {
  const { identity } = options;
  if (identity.credential.kind === 'managedIdentity') {
    const provider = new JwtTokenProviderFactory();
    return (audience) => new ManagedIdentityAppCredentials(identity.appId, audience, provider).getToken(true);
  }
  const application = createApplication(options, identity.credential);
  return async (audience) => {
    // MSAL's own cache is passed by: it would hand out the old token when a refresh is forced.
    const answer = await application.acquireTokenByClientCredential({
      scopes: [`${audience}/.default`],
      skipCache: true,
    });
    if (!answer?.accessToken) throw new Error('The identity provider answered without a token.');
    return answer.accessToken;
  };
}

function createApplication(
  { http, identity, cloud, loginUrl }: TokenSourceOptions,
  credential: Exclude<Credential, { kind: 'managedIdentity' }>,
): ConfidentialClientApplication {
  const login = new URL(loginUrl);
  const tenant = identity.appType === 'MultiTenant' ? botFrameworkTenants[cloud] : identity.tenantId;
  return new ConfidentialClientApplication({
    auth: {
      clientId: identity.appId,
      // MSAL takes https authorities only; for a loopback one the network client below speaks http.
      authority: `https://${login.host}/${tenant}`,
      // A known authority is not looked up at login.microsoftonline.com first.
      knownAuthorities: [login.host],
      ...(credential.kind === 'secret'
        ? { clientSecret: credential.secret }
        : { clientCertificate: { thumbprint: credential.thumbprint, privateKey: credential.privateKey } }),
    },
    system: { networkClient: createNetworkClient(http, login) },
  });
}

/** MSAL's own client has no limits: a login endpoint that hangs would hang every push, an endless answer fill the memory. */
function createNetworkClient(http: HttpClient, login: URL): INetworkModule {
  const send = async (
    method: 'GET' | 'POST',
    url: string,
    options: { headers?: Record<string, string>; body?: string } = {},
  ) => {
    const target = new URL(url);
    if (target.host === login.host) target.protocol = login.protocol;
    const answer = await http.request({
      method,
      url: target.href,
      headers: options.headers ?? {},
      body: options.body ?? null,
      withinMs: tokenRequestMs,
      mostBytes,
      route: 'platform',
    });
    return { headers: {}, body: parseJson(answer, url) as never, status: answer.status };
  };
  return {
    sendGetRequestAsync: (url, options) => send('GET', url, options),
    sendPostRequestAsync: (url, options) => send('POST', url, options),
  };
}
