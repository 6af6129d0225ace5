// The one place that writes answers: JSON, and RFC 9457 problems for everything that failed.

import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { FieldFault } from '../errors.ts';

export type Problem = {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly faults?: readonly FieldFault[];
  readonly headers?: Readonly<Record<string, string>>;
};

type Headers = Readonly<Record<string, string>>;

// What Node may read and throw away after an answer so that the connection stays usable and the client, still
// sending, sees the answer instead of a reset.
const maxDiscardedBytes = 1024 * 1024;

/** Answers with `body` as JSON, or without a body where it is undefined. Does nothing on a connection that is gone. */
export function sendJson(res: ServerResponse, status: number, body: unknown, headers: Headers = {}): void {
  sendText(res, status, body === undefined ? undefined : JSON.stringify(body), headers);
}

/** As sendJson, for JSON text that exists already, or for what `headers` says it is. */
export function sendText(
  res: ServerResponse,
  status: number,
  text: string | Uint8Array | undefined,
  headers: Headers = {},
): void {
  // Writing to a destroyed response emits an 'error' nobody asked for.
  if (res.destroyed || res.headersSent) return;
  res.statusCode = status;
  if (text !== undefined) res.setHeader('Content-Type', 'application/json');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (!isRestOfBodyShort(res.req)) res.setHeader('Connection', 'close');
  if (status !== 204) res.setHeader('Content-Length', Buffer.byteLength(text ?? ''));
  res.end(status === 204 ? undefined : text);
}

/** Answers with `application/problem+json`. `requestId` becomes `instance`, so that an operator can find the log line. */
export function sendProblem(res: ServerResponse, problem: Problem, requestId: string): void {
  const body = {
    type: 'about:blank',
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    code: problem.code,
    detail: problem.detail,
    instance: requestId,
    ...(problem.faults === undefined || problem.faults.length === 0 ? {} : { errors: problem.faults }),
  };
  const challenge: Headers = problem.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {};
  sendJson(res, problem.status, body, {
    ...challenge,
    ...problem.headers,
    'Content-Type': 'application/problem+json',
  });
}

function isRestOfBodyShort(req: IncomingMessage): boolean {
  if (req.complete) return true;
  const declared = req.headers['content-length'];
  return declared !== undefined && Number(declared) <= maxDiscardedBytes;
}
