// How long a client may take. Headers beyond 16 KB are refused by Node itself.

import type { Server } from 'node:http';

type Timeouts = {
  /** From the first byte of a request, or the opening of its connection, to the last of its head. */
  readonly headersMs: number;
  /** To the last byte of its body. */
  readonly requestMs: number;
  /** Between two requests on a connection. */
  readonly idleMs: number;
};

// Idle is longer than the timeout of common load balancers (60 s), so that it is never this side that closes a
// connection just when a request arrives on it.
const usual: Timeouts = { headersMs: 15_000, requestMs: 30_000, idleMs: 65_000 };

/** Sets them on a server that does not listen yet. What is too slow gets Node's 408 and loses its connection. */
export function setTimeouts(server: Server, { headersMs, requestMs, idleMs }: Timeouts = usual): void {
  server.headersTimeout = headersMs;
  server.requestTimeout = requestMs;
  server.keepAliveTimeout = idleMs;
  // Node looks for slow ones every 30 s, which would make 45 s of 15. It is an option of createServer, which restify
  // calls without any; the server keeps it under the same name (nodejs/node lib/_http_server.js).
  Object.assign(server, { connectionsCheckingInterval: Math.min(1_000, headersMs) });
}
