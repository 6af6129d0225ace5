// Sends what the SDKs ask of login.microsoftonline.com to the stand-in's tenant. They insist on https and on Microsoft's
// host (MSAL refuses any other form of authority), so the requests are turned at Node's door and the SDKs stay as they
// are: their token caches, their key caches, their checks.

import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';

const entraHost = 'login.microsoftonline.com';

/**
 * From now on, in this process. `loginUrl` is the origin of the stand-in.
 * Throws unless that is on this machine: whoever answers there decides which tokens are good.
 */
export function redirectEntra(loginUrl: string): void {
  const { hostname, port } = new URL(loginUrl);
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) {
    throw new Error(`the login service can be moved to this machine only (got ${loginUrl})`);
  }
  const askElsewhere: (...parameters: never[]) => ClientRequest = https.request;
  https.request = (...parameters: unknown[]): ClientRequest => {
    const [first, ...rest] = parameters;
    const url = typeof first === 'string' || first instanceof URL ? new URL(first) : undefined;
    const options = (url ? (typeof rest[0] === 'object' ? rest[0] : {}) : first) as RequestOptions;
    const asked = url?.hostname ?? options.hostname ?? options.host;
    if (asked !== entraHost) return askElsewhere(...(parameters as never[]));
    const path = url ? url.pathname + url.search : options.path;
    const onAnswer = parameters.findLast((parameter) => typeof parameter === 'function');
    const headers = Object.assign({}, options.headers, { host: `${hostname}:${port}` });
    return http.request(
      { method: options.method, headers, hostname, port, path },
      onAnswer as ((answer: IncomingMessage) => void) | undefined,
    );
  };
  https.get = (...parameters: unknown[]): ClientRequest => {
    const request = https.request(...(parameters as Parameters<typeof https.request>));
    request.end();
    return request;
  };
  // For those who have imported the functions by name.
  syncBuiltinESMExports();

  const fetchElsewhere = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.hostname !== entraHost) return fetchElsewhere(input, init);
    return fetchElsewhere(new URL(url.pathname + url.search, loginUrl), init);
  };
}
