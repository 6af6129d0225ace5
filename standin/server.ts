// A small HTTP server on node:http. Not restify: conversation ids of any length and encoding must pass untouched
// (restify cuts parameters at 100 characters and ends the process on an unparsable Host header), and a double that
// shares no HTTP code with the skill cannot share its faults.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

const maxBodyBytes = 1024 * 1024;

export type Request = {
  readonly method: string;
  /** Path as sent, still percent-encoded, without query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Path parameters of the route, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: string;
};

export type Answer = {
  /** 0 when there is no answer: no head is written, and `stream` does with the connection what it likes. */
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** Takes the open response over: for a stream of events, or a fault. */
  readonly stream?: (response: ServerResponse) => void;
};

export type Route = {
  readonly methods: readonly string[];
  readonly pattern: RegExp;
  readonly answer: (request: Request) => Answer | Promise<Answer>;
};

export type ServerParts = {
  readonly routes: readonly Route[];
  /** Told of a request that no route took (address, verb, encoding, size), so that it is on record as well. */
  readonly onRefused: (request: Request, status: number, reason: string) => void;
};

export type RunningServer = { readonly port: number; stop(): Promise<void> };

/** An answer with a JSON body. */
export function answerJson(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}

/** An answer in the error shape of the Bot Framework: `{error: {code, message}}`. */
export function answerError(status: number, code: string, message: string, headers?: Record<string, string>): Answer {
  return answerJson(status, { error: { code, message } }, headers);
}

/** Listens and answers by the first route whose pattern matches the encoded path. */
export async function startServer(parts: ServerParts, port: number, host: string): Promise<RunningServer> {
  const server = createServer((request, response) => {
    handle(parts, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else write(response, answerError(500, 'ServiceError', error instanceof Error ? error.message : 'failed'));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the stand-in has no port');
  return { port: address.port, stop: () => stopServer(server) };
}

function stopServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function handle(parts: ServerParts, raw: IncomingMessage, response: ServerResponse): Promise<void> {
  const method = raw.method ?? 'GET';
  const path = (raw.url ?? '/').split('?', 1)[0] ?? '/';
  const body = await readBody(raw);
  const request: Request = { method, path, headers: raw.headers, params: {}, body: body ?? '' };
  const { answer, reason } = body === undefined ? tooLarge : await route(parts.routes, request);
  if (reason !== undefined) parts.onRefused(request, answer.status, reason);
  write(response, answer);
}

type Routed = { readonly answer: Answer; readonly reason?: string };

const tooLarge: Routed = {
  answer: answerError(413, 'MessageSizeTooBig', 'The body is larger than 1 MB.'),
  reason: 'the body is larger than 1 MB',
};

async function route(routes: readonly Route[], request: Request): Promise<Routed> {
  const { method, path } = request;
  for (const { pattern, methods, answer } of routes) {
    const match = pattern.exec(path);
    if (match === null) continue;
    const params = decodeParams(match.groups ?? {});
    if (params === undefined) {
      const reason = 'the path is not well percent-encoded';
      return { answer: answerError(400, 'BadSyntax', 'The path is not well encoded.'), reason };
    }
    if (methods.includes(method)) return { answer: await answer({ ...request, params }) };
    const refusal = answerError(405, 'MethodNotAllowed', `${method} is not allowed here.`, {
      Allow: methods.join(', '),
    });
    return { answer: refusal, reason: `${method} is not a verb of this address` };
  }
  return {
    answer: answerError(404, 'NotFound', 'There is nothing at this address.'),
    reason: 'nothing is at this address',
  };
}

/** The whole body; undefined when over the limit, read to its end all the same so that the sender sees the answer. */
async function readBody(raw: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of raw as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBodyBytes) chunks.push(chunk);
  }
  return size > maxBodyBytes ? undefined : Buffer.concat(chunks).toString('utf8');
}

function decodeParams(groups: Record<string, string | undefined>): Record<string, string> | undefined {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value ?? '')]));
  } catch {
    return undefined;
  }
}

function write(response: ServerResponse, answer: Answer): void {
  // The client has given up: a stream would never hear of the end that it waits for.
  if (response.destroyed) return;
  if (answer.status !== 0) response.writeHead(answer.status, { 'Cache-Control': 'no-store', ...answer.headers });
  if (answer.stream === undefined) response.end(answer.body);
  else answer.stream(response);
}
