// HTTP requests from a thread of their own. A request costs the loop of whoever makes it some 40 us, with https more: the
// socket, the parser, the timer. Here it costs a place in the next message to the thread. The client is loaded over there
// only, so that the thread takes little more memory than the client would here (docs/decisions/0024).

import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import {
  type HttpAnswer,
  type HttpClient,
  type HttpRequest,
  Unreachable,
  type UnreachableClass,
} from './http-client.ts';

export type ThreadData = { readonly connectMs?: number | undefined };

export type Order = { readonly id: number; readonly request: HttpRequest };

/** What came of an order. */
export type Report =
  | { readonly id: number; readonly answer: HttpAnswer }
  | { readonly id: number; readonly unreachable: UnreachableClass; readonly words: string };

type ThreadOptions = ThreadData & {
  /** The thread has come to an end by itself: nothing can be sent any more, and the process must not seem as if it could. */
  readonly onFailure: (error: Error) => void;
  /** The built file of the thread; default the one beside this. */
  readonly file?: URL;
};

type Waiting = {
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: Unreachable) => void;
};

/** All of a message is copied. */
const noneMoved: [] = [];
const ownFile = new URL('http-thread.js', import.meta.url);
/** What is in flight lives briefly: little is enough, and what a larger one would take is never given back. */
const youngGenerationMb = 6;
const oldGenerationMb = 96;

/** Starts the thread. What is in flight when it fails, and all after it, is rejected as `reset`. */
export function startHttpThread({ connectMs, file = ownFile, onFailure }: ThreadOptions): HttpClient {
  useOwnLimits();
  const thread = new Worker(file, {
    workerData: { connectMs } satisfies ThreadData,
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb, maxOldGenerationSizeMb: oldGenerationMb },
  });
  const exited = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  const waiting = new Map<number, Waiting>();
  let orders: Order[] = [];
  let lastId = 0;
  let isClosed = false;

  const flush = (): void => {
    thread.postMessage(orders, noneMoved);
    orders = [];
  };
  const fail = (error?: Error): void => {
    for (const { reject } of waiting.values()) reject(new Unreachable('reset', 'the thread of requests has ended'));
    waiting.clear();
    if (isClosed) return;
    isClosed = true;
    onFailure(new Error('The thread that makes HTTP requests has ended.', { cause: error }));
  };
  thread.on('message', (reports: readonly Report[]) => {
    for (const report of reports) {
      const order = waiting.get(report.id);
      waiting.delete(report.id);
      if ('answer' in report) order?.resolve(report.answer);
      else order?.reject(new Unreachable(report.unreachable, report.words));
    }
  });
  thread.on('error', fail);
  thread.on('exit', () => fail());
  return {
    request: (request) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(new Unreachable('reset', 'the client is closed'));
        lastId += 1;
        waiting.set(lastId, { resolve, reject });
        // What is asked for in one turn of the loop is one message.
        if (orders.push({ id: lastId, request }) === 1) setImmediate(flush);
      }),
    close: async () => {
      if (!isClosed) setImmediate(() => thread.postMessage('close', noneMoved));
      isClosed = true;
      await exited;
    },
  };
}

/**
 * The sizes that Node was started with go for every thread, before its own limits (V8, Heap::ConfigureHeap). The heap of this
 * one has been made with them; what is made from here on goes by its limits.
 */
function useOwnLimits(): void {
  for (const size of ['min-semi-space', 'max-semi-space', 'max-old-space']) setFlagsFromString(`--${size}-size=0`);
}
