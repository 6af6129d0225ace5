// One HTTP request to a parent: own deadline, no redirects, no hidden retries, any 2xx is success, a bounded answer.
// The SDK's pipeline retries up to four times, sleeps a whole Retry-After inside the call, has no timeout and throws on
// 204 (botframework-connector over botbuilder-stdlib azureCoreHttpCompat).

import { type HttpClient, Unreachable, type UnreachableClass } from '../outbound/http-client.ts';

/** The parent has answered, but not with 2xx. `detail` is the start of its answer, on one line. */
export class ParentRefusal extends Error {
  override readonly name = 'ParentRefusal';
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly detail: string;

  constructor(status: number, retryAfter: string | undefined, detail: string) {
    super(`The parent answered ${status}.`);
    this.status = status;
    this.retryAfter = retryAfter;
    this.detail = detail;
  }
}

/** No whole answer came. Whether the parent has acted is unknown. `errorClass` is one of a closed set. */
export class ParentUnreachable extends Error {
  override readonly name = 'ParentUnreachable';
  readonly errorClass: UnreachableClass;

  constructor(errorClass: UnreachableClass, cause: unknown) {
    super(wordsOf[errorClass], { cause });
    this.errorClass = errorClass;
  }
}

const wordsOf: Readonly<Record<UnreachableClass, string>> = {
  dns: 'The host name of the service URL could not be resolved.',
  private_address:
    'The host of the service URL resolves to a private address; only an exact origin in ALLOWED_SERVICE_URLS may.',
  connect: 'No connection to the parent could be made.',
  tls: "The parent's TLS cannot be trusted: its certificate is not valid for its host, or what it speaks is no TLS.",
  timeout: 'The parent did not answer in time.',
  reset: 'The connection broke before the answer was complete.',
};

type ParentRequest = {
  readonly method: string;
  readonly url: string;
  readonly authorization: string;
  readonly body: unknown;
  /** False: the host must resolve to public addresses only. */
  readonly privateAllowed: boolean;
};

type ParentAnswer = { readonly status: number; readonly body: string };

/** Resolves for 2xx; throws ParentRefusal or ParentUnreachable. */
export type ParentTransport = (request: ParentRequest) => Promise<ParentAnswer>;

const attemptMs = 20_000;
const mostAnswerBytes = 64 * 1024;
const shownDetail = 300;

/** Builds what sends to parents over `http`, each within `withinMs` (default 20 s). */
export function createParentTransport(http: HttpClient, withinMs = attemptMs): ParentTransport {
  // The same object for as long as the token is the same: in a message to another thread it is written once.
  let headers = headersWith('');
  return async ({ method, url, authorization, body, privateAllowed }) => {
    if (headers.authorization !== authorization) headers = headersWith(authorization);
    const asked = http.request({
      method,
      url,
      headers,
      body: JSON.stringify(body),
      withinMs,
      mostBytes: mostAnswerBytes,
      route: privateAllowed ? 'direct' : 'public',
    });
    const answer = await asked.catch((error: unknown) => {
      throw new ParentUnreachable(error instanceof Unreachable ? error.errorClass : 'reset', error);
    });
    if (answer.status >= 200 && answer.status < 300) return { status: answer.status, body: answer.body };
    throw new ParentRefusal(answer.status, answer.retryAfter, shorten(answer.body));
  };
}

function headersWith(authorization: string) {
  return {
    authorization,
    'content-type': 'application/json; charset=utf-8',
    accept: 'application/json',
    'user-agent': 'copilot-notify',
  };
}

function shorten(body: string): string {
  return body
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, shownDetail);
}
