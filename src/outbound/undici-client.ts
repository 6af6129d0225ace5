// HTTP requests over undici: own deadlines, no redirects, no hidden retries, bounded answers, and private addresses only
// where they are allowed.

import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, type Dispatcher, errors as undiciErrors, request as usualRequest } from 'undici';
import {
  type HttpAnswer,
  type HttpClient,
  type HttpRequest,
  type Route,
  Unreachable,
  type UnreachableClass,
} from './http-client.ts';
import { isPrivateAddress } from './private-addresses.ts';

/** All addresses of a host name, as node:dns finds them. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

type ClientOptions = {
  /** For a connection; default 5 s. */
  readonly connectMs?: number | undefined;
  readonly resolve?: Resolve;
};

/** Builds the client with its connection pools: one for public hosts, which `resolve` finds, one for any. */
export function createUndiciClient({ connectMs = 5_000, resolve = lookup }: ClientOptions = {}): HttpClient {
  const connect = { timeout: connectMs };
  // An answer has the deadline of its request: undici's own would be a further timer for each.
  const options = { headersTimeout: 0, bodyTimeout: 0 };
  const publicOnly = new Agent({ ...options, connect: connectPublic(connect, resolve) });
  const anywhere = new Agent({ ...options, connect });
  const makers: Readonly<Record<Route, (request: HttpRequest) => Promise<HttpAnswer>>> = {
    public: (request) => exchange(publicOnly, request),
    direct: (request) => exchange(anywhere, request),
    platform: exchangeAsNode,
  };
  return {
    request: (request) =>
      makers[request.route](request).catch((error: unknown) => {
        throw new Unreachable(classify(error), describe(error));
      }),
    close: async () => {
      await Promise.all([publicOnly.close(), anywhere.close()]);
    },
  };
}

/**
 * One request and its answer, as undici's own handler sees them: a stream for each answer, which is a line mostly, would cost
 * as much as all the rest.
 */
function exchange(dispatcher: Dispatcher, request: HttpRequest): Promise<HttpAnswer> {
  return new Promise<HttpAnswer>((resolve, reject) => {
    const { origin, pathname, search } = new URL(request.url);
    const { method, headers, body } = request;
    const handler = new ExchangeHandler(request, resolve, reject);
    dispatcher.dispatch({ origin, path: pathname + search, method, headers, body }, handler);
  });
}

/**
 * Over the dispatcher of the process, which may be that of the undici inside Node: an older one understands none but the
 * handlers of undici's own functions.
 */
async function exchangeAsNode({ url, method, headers, body, withinMs, mostBytes }: HttpRequest): Promise<HttpAnswer> {
  const signal = AbortSignal.timeout(withinMs);
  const answer = await usualRequest(url, { method, headers, body, signal });
  const retryAfter = answer.headers['retry-after']?.toString();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBytes) break;
    chunks.push(chunk);
  }
  return {
    status: answer.statusCode,
    retryAfter,
    body: Buffer.concat(chunks).toString('utf8'),
    isCut: size > mostBytes,
  };
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #mostBytes: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #retryAfter: string | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  /** Why nothing more of it is wanted. */
  #over: Error | undefined;

  constructor(
    { withinMs, mostBytes }: HttpRequest,
    resolve: (answer: HttpAnswer) => void,
    reject: (error: Error) => void,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#mostBytes = mostBytes;
    this.#timer = setTimeout(() => {
      const timeout = Object.assign(new Error(`no whole answer within ${withinMs} ms`), { code: 'ANSWER_TIMEOUT' });
      this.onResponseError(undefined, timeout);
      this.#stop(timeout);
    }, withinMs);
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
    if (this.#size <= this.#mostBytes) this.#chunks.push(chunk);
    else {
      // Only the start is kept: what is said beyond that is of no use, and of any size.
      this.onResponseEnd();
      this.#stop(new Error('the answer is too long'));
    }
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    const body = Buffer.concat(this.#chunks).toString('utf8');
    const isCut = this.#size > this.#mostBytes;
    this.#resolve({ status: this.#status, retryAfter: this.#retryAfter, body, isCut });
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

function classify(error: unknown): UnreachableClass {
  const code = codeOf(error);
  if (code === 'PRIVATE_ADDRESS') return 'private_address';
  if (code.startsWith('ENOTFOUND') || code.startsWith('EAI_')) return 'dns';
  if (code.startsWith('CERT_') || /^ERR_(TLS|SSL)_/.test(code) || /_CERT|SELF_SIGNED|UNABLE_TO_/.test(code))
    return 'tls';
  if (error instanceof undiciErrors.ConnectTimeoutError) return 'connect';
  if (['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'].includes(code)) return 'connect';
  if (code.endsWith('_TIMEOUT') || (error instanceof Error && error.name === 'TimeoutError')) return 'timeout';
  return 'reset';
}

/** An error of several addresses has no words of its own. */
function describe(error: unknown): string {
  const words = error instanceof Error ? error.message : '';
  return words || codeOf(error) || 'no answer';
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? '' : codeOf(error.cause);
}
