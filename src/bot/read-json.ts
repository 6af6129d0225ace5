// Small bounded fetches from the identity provider.

import { request } from 'undici';

const timeoutMs = 5_000;
const mostBytes = 1_000_000;

/**
 * The JSON behind a URL. Throws when it takes over 5 s, answers other than 200 (redirects are not followed), is larger
 * than 1 MB or is not JSON.
 */
export async function readJson(url: string): Promise<unknown> {
  const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(timeoutMs) });
  const text = await readText(body, url);
  if (statusCode !== 200) throw new Error(`${withoutQuery(url)} answered ${statusCode}`);
  return JSON.parse(text);
}

/** The text of an answer from `url`. Throws when it is larger than 1 MB. */
export async function readText(body: AsyncIterable<Buffer>, url: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > mostBytes) throw new Error(`${withoutQuery(url)} is larger than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** For the log: the query of an address that an operator has set may hold a key (`?code=`). */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
