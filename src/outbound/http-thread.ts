// The thread's side: makes the requests that the service orders, and reports what came of them.

import { parentPort, workerData } from 'node:worker_threads';
import { type HttpRequest, Unreachable } from './http-client.ts';
import type { Order, Report, ThreadData } from './threaded-client.ts';
import { createUndiciClient } from './undici-client.ts';

if (!parentPort) throw new Error('http-thread.js is started by the service, in a thread.');
const port = parentPort;
const client = createUndiciClient(workerData as ThreadData);
const inFlight = new Set<Promise<void>>();
let reports: Report[] = [];

port.on('message', (orders: readonly Order[] | 'close') => {
  if (orders === 'close') void close();
  else for (const order of orders) begin(order);
});

function begin({ id, request }: Order): void {
  const made = make(id, request).finally(() => inFlight.delete(made));
  inFlight.add(made);
}

async function make(id: number, request: HttpRequest): Promise<void> {
  try {
    report({ id, answer: await client.request(request) });
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    report({ id, unreachable: error.errorClass, words: error.message });
  }
}

/** What ends in one turn of the loop is one message. */
function report(one: Report): void {
  if (reports.push(one) === 1) setImmediate(flush);
}

function flush(): void {
  port.postMessage(reports);
  reports = [];
}

/** The client knows nothing of what goes by the dispatcher of the platform: that is waited for here. */
async function close(): Promise<void> {
  await Promise.all(inFlight);
  await client.close();
  // After what is still to be reported.
  setImmediate(() => port.close());
}
