// One HTTP request to a parent: own deadlines, no redirects, no hidden retries, any 2xx is success, a bounded answer.
// The SDK's pipeline retries up to four times, sleeps a whole Retry-After inside the call, has no timeout and throws on
// 204 (botframework-connector over botbuilder-stdlib azureCoreHttpCompat).

import { EventEmitter } from 'node:events';
import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, errors as undiciErrors, request } from 'undici';
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
  const publicOnly = new Agent({ connect: connectPublic(connect, resolve) });
  const anywhere = new Agent({ connect });
  return {
    send: async (parentRequest) => {
      const deadline = new Deadline(deadlines.attemptMs);
      try {
        const answer = await request(parentRequest.url, {
          method: parentRequest.method as 'POST',
          headers: {
            authorization: parentRequest.authorization,
            'content-type': 'application/json; charset=utf-8',
            accept: 'application/json',
            'user-agent': 'copilot-notify',
          },
          body: JSON.stringify(parentRequest.body),
          dispatcher: parentRequest.privateAllowed ? anywhere : publicOnly,
          signal: deadline,
        });
        const body = await readBounded(answer.body);
        if (answer.statusCode >= 200 && answer.statusCode < 300) return { status: answer.statusCode, body };
        const retryAfter = answer.headers['retry-after'];
        throw new ParentRefusal(answer.statusCode, retryAfter?.toString(), shorten(body));
      } catch (error) {
        throw error instanceof ParentRefusal ? error : new ParentUnreachable(classify(error), error);
      } finally {
        deadline.clear();
      }
    },
    close: async () => {
      await Promise.all([publicOnly.close(), anywhere.close()]);
    },
  };
}

/** Ends a request, its answer included, after `ms`. undici takes an emitter for a signal; an AbortSignal costs 25 times as much. */
class Deadline extends EventEmitter {
  /** Read when it is over; an error is made for that alone. */
  reason: Error | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    super();
    this.#timer = setTimeout(() => {
      this.reason = Object.assign(new Error(`no whole answer within ${ms} ms`), { code: 'ATTEMPT_TIMEOUT' });
      this.emit('abort');
    }, ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/** Only the start is kept: what a parent says beyond that is of no use, and of any size. */
async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > mostAnswerBytes) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
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
