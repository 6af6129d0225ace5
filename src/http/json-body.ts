// Reads a JSON object from a request. restify's own body parser would put uploads into the temp folder before anyone
// is authenticated and stops at no depth.

import type { IncomingMessage } from 'node:http';
import { AppError } from '../errors.ts';

type Nesting = { readonly maxDepth: number; readonly maxKeys: number };

const usualNesting: Nesting = { maxDepth: 32, maxKeys: 500 };

/** Throws `unsupported_media_type` unless the request announces JSON in UTF-8. */
export function requireJsonContentType(req: IncomingMessage): void {
  // Of two, `headers` has the first; a proxy may have believed the second.
  const [contentType = '', ...others] = req.headersDistinct['content-type'] ?? [];
  if (others.length === 0 && /^application\/json\s*(;\s*(charset="?utf-8"?\s*)?)?$/i.test(contentType)) return;
  throw new AppError('unsupported_media_type', 'Send the body as Content-Type: application/json in UTF-8.');
}

/**
 * The body as a JSON object. Throws `body_too_large` beyond `maxBytes` (before reading where the length is declared)
 * and `malformed_request` for anything that is not a plain JSON object in UTF-8 within the limits of `nesting`.
 */
export async function readJsonObject(
  req: IncomingMessage,
  maxBytes: number,
  nesting: Nesting = usualNesting,
): Promise<Record<string, unknown>> {
  const value = parseBody(await readBytes(req, maxBytes), nesting);
  if (!isObject(value)) throw new AppError('malformed_request', 'The body must be a JSON object.');
  return value;
}

/** Bytes that were read already as JSON of any kind. Throws `malformed_request`. */
export function parseBody(bytes: Uint8Array, nesting: Nesting): unknown {
  const value = parseJson(bytes);
  checkValues(value, nesting);
  return value;
}

/** The body as it was sent: a signature covers these very bytes. Throws `body_too_large` beyond `maxBytes`. */
export function readBytes(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(req.headers['content-length'] ?? 0) > maxBytes) return reject(tooLarge(maxBytes));
    // No event would come any more, and the handler would hang for ever.
    if (req.destroyed) return reject(abortedError());
    const chunks: Buffer[] = [];
    let received = 0;
    const onData = (chunk: Buffer): void => {
      received += chunk.length;
      chunks.push(chunk);
      if (received <= maxBytes) return;
      req.off('data', onData);
      // Reading on, without keeping anything: a paused request would block the next one on its connection.
      req.resume();
      reject(tooLarge(maxBytes));
    };
    req.on('data', onData);
    let isWhole = false;
    req.once('end', () => {
      isWhole = true;
      resolve(Buffer.concat(chunks));
    });
    req.once('error', () => reject(abortedError()));
    // Comes after every request. An error costs its stack, so none is made for those that are whole.
    req.once('close', () => {
      if (!isWhole) reject(abortedError());
    });
  });
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('body_too_large', `The body may have at most ${maxBytes} bytes.`);
}

function abortedError(): AppError {
  return new AppError('malformed_request', 'The request ended before its body did.');
}

// ignoreBOM keeps a byte order mark in the text, where JSON.parse refuses it as RFC 8259 section 8.1 allows.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    // The parser's message quotes the body, so it goes neither into the answer nor into the log.
    throw new AppError('malformed_request', 'The body is not valid JSON in UTF-8.');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// A loop, not a recursion: the nesting that is to be refused must not exhaust the stack.
function checkValues(root: unknown, { maxDepth, maxKeys }: Nesting): void {
  const open: { value: unknown; depth: number }[] = [{ value: root, depth: 1 }];
  let keys = 0;
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const { value, depth } = item;
    refuseInfinity(value);
    if (typeof value !== 'object' || value === null) continue;
    if (depth > maxDepth) throw new AppError('malformed_request', `The body is nested deeper than ${maxDepth} levels.`);
    if (isObject(value)) {
      refusePrototypeKeys(value);
      keys += Object.keys(value).length;
    }
    if (keys > maxKeys) throw new AppError('malformed_request', `The body has more than ${maxKeys} keys.`);
    for (const child of Object.values(value)) open.push({ value: child, depth: depth + 1 });
  }
}

// JSON.parse makes Infinity of 1e999, and JSON.stringify makes null of that: what is stored would not be what was sent.
function refuseInfinity(value: unknown): void {
  if (typeof value !== 'number' || Number.isFinite(value)) return;
  throw new AppError('malformed_request', 'The body has a number that is too large.');
}

// JSON.parse makes these own properties; the first library that copies them key by key makes them a prototype.
function refusePrototypeKeys(value: Record<string, unknown>): void {
  const hasConstructorPrototype =
    Object.hasOwn(value, 'constructor') && isObject(value.constructor) && Object.hasOwn(value.constructor, 'prototype');
  if (Object.hasOwn(value, '__proto__') || hasConstructorPrototype) {
    throw new AppError('malformed_request', 'The body has a key that would change a prototype.');
  }
}
