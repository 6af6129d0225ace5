// Turns whatever was thrown for a request into an answer.

import type { ServerResponse } from 'node:http';
import { AppError } from '../errors.ts';
import type { RequestContext } from './request-context.ts';
import { type Problem, sendJson, sendProblem } from './respond.ts';

/** Answers with the problem of an AppError or of restify's router; anything else is logged and answered as 500. */
export function answerError(error: unknown, res: ServerResponse, context: RequestContext): void {
  const { log, requestId } = context;
  // The client has left; the request's own line in the log says so.
  if (res.destroyed) return;
  if (isRouterError(error) && error.statusCode === 405 && res.req.method === 'OPTIONS') {
    // The router has put Allow into the headers already.
    sendJson(res, 204, undefined);
    return;
  }
  const problem = toProblem(error);
  context.code = problem.code;
  if (error instanceof AppError) context.reason = error.reason;
  if (problem.code === 'internal') log.error({ err: error, code: problem.code }, 'request failed');
  // A missing setting was named at the start; anyone could fill the log by asking again.
  else if (problem.status >= 500 && problem.code !== 'not_configured') log.warn({ err: error }, 'request refused');
  sendProblem(res, problem, requestId);
}

function toProblem(error: unknown): Problem {
  if (error instanceof AppError) {
    const { status, code, message, faults, headers } = error;
    return { status, code, detail: message, faults, headers };
  }
  if (isRouterError(error) && error.statusCode === 404) {
    return { status: 404, code: 'not_found', detail: 'There is nothing at this path.' };
  }
  if (isRouterError(error) && error.statusCode === 405) {
    return { status: 405, code: 'method_not_allowed', detail: 'The Allow header names the methods of this path.' };
  }
  return { status: 500, code: 'internal', detail: 'Something went wrong here; the log has it under this instance.' };
}

// restify-errors carry the class name in `body.code`; a foreign error that happens to have a statusCode does not.
function isRouterError(error: unknown): error is { statusCode: number } {
  if (typeof error !== 'object' || error === null || !('body' in error)) return false;
  const { body } = error;
  if (typeof body !== 'object' || body === null || !('code' in body)) return false;
  return body.code === 'ResourceNotFound' || body.code === 'MethodNotAllowed';
}
