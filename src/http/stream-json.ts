// An answer that is too large for memory: written while it is read.

import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Of an object to be written: what is ready for JSON, or a list that is read entry by entry. */
type Parts = Readonly<Record<string, string | AsyncIterable<unknown>>>;

/**
 * Answers 200 with the object, reading its lists no faster than the client takes them. What fails in the middle cuts the
 * connection, so that nobody takes half of it for the whole, and rejects.
 */
export async function streamJson(res: ServerResponse, parts: Parts): Promise<void> {
  if (res.destroyed || res.headersSent) return;
  res.statusCode = 200;
  res.setHeader('Content-Type', 'application/json');
  await pipeline(Readable.from(write(parts)), res);
}

async function* write(parts: Parts): AsyncGenerator<string> {
  let lead = '{';
  for (const [name, part] of Object.entries(parts)) {
    yield `${lead}${JSON.stringify(name)}:`;
    if (typeof part === 'string') yield JSON.stringify(part);
    else yield* writeList(part);
    lead = ',';
  }
  yield '}';
}

async function* writeList(entries: AsyncIterable<unknown>): AsyncGenerator<string> {
  let lead = '[';
  for await (const entry of entries) {
    yield lead + JSON.stringify(entry);
    lead = ',';
  }
  yield lead === '[' ? '[]' : ']';
}
