// What belongs to one request: its id, its logger, its start, and the one log line written when it is over.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../logger.ts';

export type RequestContext = {
  readonly requestId: string;
  /** Names the request in each line. */
  readonly log: Logger;
  /** Pattern of the matched route; a raw path could carry a key that somebody put into the URL. */
  route: string;
  /** Name of the API key, once it is known. */
  sender: string | undefined;
  /** Code of the problem that was answered. */
  code: string | undefined;
  /** Why it was refused, where the caller is not told. */
  reason: string | undefined;
};

/**
 * On the request itself. In a WeakMap it would keep the request, which it knows, alive until all of the heap is collected
 * (V8 takes the value of an entry as reachable while it collects the young generation), and each would be moved there.
 */
const contextOf = Symbol('context');

type KnownRequest = IncomingMessage & { [contextOf]?: RequestContext };

/** Gives the request an id (its own X-Request-Id where that is usable) and logs one line when the answer is out. */
export function openRequestContext(
  req: KnownRequest,
  res: ServerResponse,
  logger: Logger,
  now: () => number,
): RequestContext {
  const requestId = requestIdOf(req);
  let log: Logger | undefined;
  const context: RequestContext = {
    requestId,
    // Most requests have nothing to say but their one line.
    get log() {
      return (log ??= logger.child({ requestId }));
    },
    route: 'none',
    sender: undefined,
    code: undefined,
    reason: undefined,
  };
  req[contextOf] = context;
  const startedAt = now();
  // 'close' comes once for every response, also for those refused before routing, where restify's own 'after' is
  // never emitted, and for those whose client has left.
  res.once('close', () => {
    const { route, sender, code, reason } = context;
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
