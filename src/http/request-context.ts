// What belongs to one request: its id, its logger, its start, and the one log line written when it is over.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../logger.ts';

/** A class: an object with a getter of its own is given a map by V8 that outlives it, and holds on to the whole request. */
class RequestContext {
  readonly requestId: string;
  /** Pattern of the matched route; a raw path could carry a key that somebody put into the URL. */
  route = 'none';
  /** Name of the API key, once it is known. */
  sender: string | undefined = undefined;
  /** Code of the problem that was answered. */
  code: string | undefined = undefined;
  /** Why it was refused, where the caller is not told. */
  reason: string | undefined = undefined;
  readonly #logger: Logger;
  #log: Logger | undefined;

  constructor(requestId: string, logger: Logger) {
    this.requestId = requestId;
    this.#logger = logger;
  }

  /** Names the request in each line. Made when it is asked for: most requests have nothing to say but their one line. */
  get log(): Logger {
    return (this.#log ??= this.#logger.child({ requestId: this.requestId }));
  }
}

export type { RequestContext };

/** On the request itself: a WeakMap would keep it alive until the whole heap is collected. */
const contextOf = Symbol('context');

type KnownRequest = IncomingMessage & { [contextOf]?: RequestContext };

/** Gives the request an id (its own X-Request-Id where that is usable) and logs one line when the answer is out. */
export function openRequestContext(
  req: KnownRequest,
  res: ServerResponse,
  logger: Logger,
  now: () => number,
): RequestContext {
  const context = new RequestContext(requestIdOf(req), logger);
  req[contextOf] = context;
  const startedAt = now();
  // 'close' comes once for every response, also for those refused before routing, where restify's own 'after' is
  // never emitted, and for those whose client has left.
  res.once('close', () => {
    const { requestId, route, sender, code, reason } = context;
    const outcome = res.writableFinished ? { status: res.statusCode } : { aborted: true };
    const ms = now() - startedAt;
    logger.info({ requestId, method: req.method, route, ...outcome, code, reason, ms, sender }, 'request');
  });
  return context;
}

/** The context of a request that went through openRequestContext; throws for any other. */
export function requestContextOf(req: KnownRequest): RequestContext {
  const context = req[contextOf];
  if (context === undefined) throw new Error('request without a context');
  return context;
}

function requestIdOf(req: IncomingMessage): string {
  const given = req.headers['x-request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(given) ? given : randomUUID();
}
