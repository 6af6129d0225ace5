// One HTTP request to a parent: own deadlines, no redirects, no hidden retries, any 2xx is success, a bounded answer.
// The SDK's pipeline retries up to four times, sleeps a whole Retry-After inside the call, has no timeout and throws on
// 204 (botframework-connector over botbuilder-stdlib azureCoreHttpCompat).

import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, type Dispatcher, errors as undiciErrors } from 'undici';
import { isPrivateAddress } from './private-addresses.ts';

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
  readonly errorClass: ErrorClass;

  constructor(errorClass: ErrorClass, cause: unknown) {
    super(wordsOf[errorClass], { cause });
    this.errorClass = errorClass;
  }
}

const wordsOf = {
  dns: 'The host name of the service URL could not be resolved.',
  private_address:
    'The host of the service URL resolves to a private address; only an exact origin in ALLOWED_SERVICE_URLS may.',
  connect: 'No connection to the parent could be made.',
  tls: "The parent's TLS cannot be trusted: its certificate is not valid for its host, or what it speaks is no TLS.",
  timeout: 'The parent did not answer in time.',
  reset: 'The connection broke before the answer was complete.',
} as const;

export type ErrorClass = keyof typeof wordsOf;

type ParentRequest = {
  readonly method: string;
  readonly url: string;
  readonly authorization: string;
  readonly body: unknown;
  /** False: the host must resolve to public addresses only, checked on the address that is dialled. */
  readonly privateAllowed: boolean;
};

type ParentAnswer = { readonly status: number; readonly body: string };

export type ParentTransport = {
  /** Resolves for 2xx; throws ParentRefusal or ParentUnreachable. */
  send(request: ParentRequest): Promise<ParentAnswer>;
  close(): Promise<void>;
};

export type Deadlines = { readonly connectMs: number; readonly attemptMs: number };
const defaultDeadlines: Deadlines = { connectMs: 5_000, attemptMs: 20_000 };
const mostAnswerBytes = 64 * 1024;
const shownDetail = 300;

/** All addresses of a host name, as node:dns finds them. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Builds the transport with its two connection pools: one for public hosts, which `resolve` finds, one for origins that may
 * be private.
 */
export function createParentTransport(
  deadlines: Deadlines = defaultDeadlines,
  resolve: Resolve = lookup,
): ParentTransport {
  const connect = { timeout: deadlines.connectMs };
  // An answer has the deadline of its attempt: undici's own would be a further timer for each request.
  const options = { headersTimeout: 0, bodyTimeout: 0 };
  const publicOnly = new Agent({ ...options, connect: connectPublic(connect, resolve) });
  const anywhere = new Agent({ ...options, connect });
  return {
    send: async (parentRequest) => {
      const dispatcher = parentRequest.privateAllowed ? anywhere : publicOnly;
      const { status, retryAfter, body } = await exchange(dispatcher, parentRequest, deadlines.attemptMs).catch(
        (error: unknown) => {
          throw new ParentUnreachable(classify(error), error);
        },
      );
      if (status >= 200 && status < 300) return { status, body };
      throw new ParentRefusal(status, retryAfter, shorten(body));
    },
    close: async () => {
      await Promise.all([publicOnly.close(), anywhere.close()]);
    },
  };
}

type Exchanged = ParentAnswer & { readonly retryAfter: string | undefined };

/**
 * One request and its answer, as undici's own handler sees them: a stream for each answer, which is a line mostly, would cost
 * as much as all the rest. Rejects with undici's error, or after `ms`.
 */
function exchange(dispatcher: Dispatcher, { method, url, authorization, body }: ParentRequest, ms: number) {
  return new Promise<Exchanged>((resolve, reject) => {
    const { origin, pathname, search } = new URL(url);
    const handler = new ExchangeHandler(ms, resolve, reject);
    const headers = {
      authorization,
      'content-type': 'application/json; charset=utf-8',
      accept: 'application/json',
      'user-agent': 'copilot-notify',
    };
    const path = pathname + search;
    dispatcher.dispatch({ origin, path, method, headers, body: JSON.stringify(body) }, handler);
  });
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #resolve: (exchanged: Exchanged) => void;
  readonly #reject: (error: Error) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #retryAfter: string | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  /** Why nothing more of it is wanted. */
  #over: Error | undefined;

  constructor(ms: number, resolve: (exchanged: Exchanged) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => {
      const timeout = Object.assign(new Error(`no whole answer within ${ms} ms`), { code: 'ATTEMPT_TIMEOUT' });
      this.onResponseError(undefined, timeout);
      this.#stop(timeout);
    }, ms);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Given up while it waited for its connection: it must not be made any more.
    if (this.#over) controller.abort(this.#over);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#retryAfter = headers['retry-after']?.toString();
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size <= mostAnswerBytes) this.#chunks.push(chunk);
    else {
      // Only the start is kept: what a parent says beyond that is of no use, and of any size.
      this.onResponseEnd();
      this.#stop(new Error('the answer is too long'));
    }
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    const body = Buffer.concat(this.#chunks).toString('utf8');
    this.#resolve({ status: this.#status, retryAfter: this.#retryAfter, body });
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    clearTimeout(this.#timer);
    this.#reject(error);
  }

  #stop(reason: Error): void {
    this.#over = reason;
    this.#controller?.abort(reason);
  }
}

function shorten(body: string): string {
  return body
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, shownDetail);
}

/** Connects to public addresses only. An address in the URL itself is never looked up, so it is checked before. */
function connectPublic(connect: { readonly timeout: number }, resolve: Resolve): buildConnector.connector {
  const dial = buildConnector({ ...connect, lookup: createPublicLookup(resolve) });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && isPrivateAddress(host)) callback(privateAddress(), null);
    else dial(options, callback);
  };
}

/** Refuses when any address is private. What was checked is what is dialled: a name that is looked up anew is checked anew. */
export function createPublicLookup(resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const first = addresses[0];
      if (!first || addresses.some(({ address }) => isPrivateAddress(address))) {
        return callback(privateAddress(), '', 0);
      }
      return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}

function privateAddress(): NodeJS.ErrnoException {
  return Object.assign(new Error('private address'), { code: 'PRIVATE_ADDRESS' });
}

function classify(error: unknown): ErrorClass {
  const code = codeOf(error);
  if (code === 'PRIVATE_ADDRESS') return 'private_address';
  if (code.startsWith('ENOTFOUND') || code.startsWith('EAI_')) return 'dns';
  if (code.startsWith('CERT_') || /^ERR_(TLS|SSL)_/.test(code) || /_CERT|SELF_SIGNED|UNABLE_TO_/.test(code))
    return 'tls';
  if (error instanceof undiciErrors.ConnectTimeoutError) return 'connect';
  if (['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'].includes(code)) return 'connect';
  if (code.endsWith('_TIMEOUT')) return 'timeout';
  return 'reset';
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? '' : codeOf(error.cause);
}
