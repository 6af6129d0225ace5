// Small bounded fetches from the identity provider.

import type { HttpAnswer, HttpClient } from '../outbound/http-client.ts';

const timeoutMs = 5_000;
/** Of an answer of the identity provider. */
export const mostBytes = 1_000_000;

/**
 * The JSON behind a URL. Throws when it takes over 5 s, answers other than 200 (redirects are not followed), is larger
 * than 1 MB or is not JSON.
 */
export async function readJson(http: HttpClient, url: string): Promise<unknown> {
  const answer = await http.request({
    method: 'GET',
    url,
    headers: {},
    body: null,
    withinMs: timeoutMs,
    mostBytes,
    route: 'platform',
  });
  if (answer.status !== 200) throw new Error(`${withoutQuery(url)} answered ${answer.status}`);
  return parseJson(answer, url);
}

/** The JSON of an answer from `url`. Throws when it was larger than 1 MB, or is not JSON. */
export function parseJson({ body, isCut }: HttpAnswer, url: string): unknown {
  if (isCut) throw new Error(`${withoutQuery(url)} is larger than ${mostBytes} bytes`);
  return JSON.parse(body);
}

/** For the log: the query of an address that an operator has set may hold a key (`?code=`). */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
