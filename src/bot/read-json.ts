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
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBytes) throw new Error(`${url} is larger than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
