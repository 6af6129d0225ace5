// Who may use the page's API: the page itself, from a loopback address. Another site's page must not steer the stand-in,
// neither by a form nor through a name that points here.

import type { Core } from './core.ts';
import { answerError, type Answer, type Request, type Route } from './server.ts';

export type Body = Record<string, unknown>;
export type PostHandler = (body: Body, request: Request) => Answer | Promise<Answer>;

/** Answers only to the page's own origin. */
export function guard(core: Core, answer: Route['answer']): Route['answer'] {
  return (request) => refuseForeignOrigin(core, request) ?? answer(request);
}

/** A route that takes a JSON object from the page and is put on record. */
export function postRoute(core: Core, pattern: RegExp, handler: PostHandler): Route {
  return {
    methods: ['POST'],
    pattern,
    answer: guard(core, async (request) => {
      const answer = await answerPost(request, handler);
      const { method, path } = request;
      core.wire.record({ direction: 'page->standin', method, path, status: answer.status });
      return answer;
    }),
  };
}

function refuseForeignOrigin(core: Core, request: Request): Answer | undefined {
  const { origin, host } = request.headers;
  const { port } = new URL(core.url);
  const isOwnHost = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`].includes(host ?? '');
  const isOwnOrigin = origin === undefined || origin === `http://${host}`;
  if (isOwnHost && isOwnOrigin) return undefined;
  return answerError(403, 'Forbidden', 'The page and its API answer only to their own loopback address.');
}

async function answerPost(request: Request, handler: PostHandler): Promise<Answer> {
  if (!(request.headers['content-type'] ?? '').startsWith('application/json')) {
    return answerError(415, 'UnsupportedMediaType', 'Send application/json.');
  }
  const body = parseBody(request.body);
  if (body === undefined) return answerError(400, 'BadSyntax', 'The body must be a JSON object.');
  try {
    return await handler(body, request);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return answerError(400, 'BadArgument', error.message);
  }
}

function parseBody(text: string): Body | undefined {
  try {
    const body: unknown = JSON.parse(text === '' ? '{}' : text);
    return isObject(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

/** A JSON object: not null, not a list. */
export function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
