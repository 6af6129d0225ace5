// What a fault does to the answer of one callback. Nothing here outlives the connection or the stand-in.

import type { ServerResponse } from 'node:http';
import { Readable, pipeline } from 'node:stream';
import type { Answer } from './server.ts';
import type { Fault } from './types.ts';

const block = Buffer.alloc(64 * 1024, 'x');
const plainText = { 'Content-Type': 'text/plain' };

/** What the callback gets instead of the usual answer. */
export function answerFault(fault: Exclude<Fault, { kind: 'delay' }>, stopSignal: AbortSignal): Answer {
  switch (fault.kind) {
    case 'answer':
      return fault;
    case 'hang':
      return { status: 0, stream: () => {} };
    case 'reset':
      return { status: 0, stream: ({ req }) => void req.socket.resetAndDestroy() };
    case 'close':
      return { status: 0, stream: ({ req }) => void req.socket.destroy() };
    case 'drip':
      return { status: 200, headers: plainText, stream: (response) => drip(response, fault, stopSignal) };
    case 'cut': {
      const headers = { ...plainText, 'Content-Length': String(fault.sendBytes + 1) };
      return { status: 200, headers, stream: (response) => cut(response, fault.sendBytes) };
    }
    case 'huge':
      return { status: 200, headers: plainText, stream: (response) => pour(response, fault.bytes) };
  }
}

/** The same answer, `ms` later. */
export function delayAnswer(answer: Answer, ms: number, stopSignal: AbortSignal): Answer {
  return {
    ...answer,
    stream(response) {
      // The head waits as well: node sends it with the end.
      const timer = setTimeout(() => response.end(answer.body), ms);
      atEnd(response, stopSignal, () => clearTimeout(timer));
    },
  };
}

function drip(
  response: ServerResponse,
  { everyMs, bytes = Infinity }: Extract<Fault, { kind: 'drip' }>,
  stopSignal: AbortSignal,
): void {
  let left = bytes;
  const timer = setInterval(() => {
    if (left > 0) response.write('x');
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    response.end();
  }, everyMs);
  atEnd(response, stopSignal, () => clearInterval(timer));
  response.flushHeaders();
}

function cut(response: ServerResponse, sendBytes: number): void {
  response.flushHeaders();
  if (sendBytes > 0) response.write(Buffer.alloc(sendBytes, 'x'));
  response.req.socket.destroySoon();
}

function pour(response: ServerResponse, bytes: number): void {
  // A client that will not have it all is what this is for.
  pipeline(Readable.from(listBlocks(bytes)), response, () => {});
}

function* listBlocks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= block.length) yield block.subarray(0, Math.min(left, block.length));
}

/** The stop counts as well: a server is closed before its connections say that they are. */
function atEnd(response: ServerResponse, stopSignal: AbortSignal, release: () => void): void {
  const end = (): void => {
    stopSignal.removeEventListener('abort', end);
    response.off('close', end);
    release();
  };
  response.once('close', end);
  stopSignal.addEventListener('abort', end);
  if (stopSignal.aborted) end();
}
