// The load, as a process of its own: posts bodies over kept connections, as many at a time as it has senders. Pointed at
// the parent itself it is the limit: a bare HTTP client.

import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { answerCalls } from './calls.ts';
import { type Counted, type LoadOrder, sentAtMark } from './words.ts';

type Run = { readonly done: Promise<void>; stop(): void };

const failures = new Map<string, number>();
let answered = 0;
let refused = 0;
let run: Run | undefined;

answerCalls({
  start: (order: LoadOrder) => {
    failures.clear();
    answered = 0;
    refused = 0;
    run = begin(order);
  },
  /** Each body once. */
  post: async (order: LoadOrder) => {
    await begin({ ...order, once: true }).done;
    return describeFailures();
  },
  count: (): Counted => ({ count: answered, refused, atMs: performance.now() }),
  /** Lets what is in flight end; gives how many requests have failed, and how. */
  stop: async () => {
    run?.stop();
    await run?.done;
    return describeFailures();
  },
});

function describeFailures(): string {
  return [...failures].map(([failure, count]) => `${count} x ${failure}`).join(', ');
}

function begin(order: LoadOrder): Run {
  const stopping = new AbortController();
  const { origin, pathname: path } = new URL(order.url);
  const pool = new Pool(origin, { connections: order.senders, pipelining: 1 });
  const gate = order.window && watchWindow(order.window, stopping.signal);
  let next = 0;
  const send = async (): Promise<void> => {
    while (!stopping.signal.aborted && !(order.once === true && next >= order.bodies.length)) {
      const index = next;
      next += 1;
      if (gate && index >= gate.allowed()) await gate.untilAllowed(index);
      if (stopping.signal.aborted) return;
      if (order.everyMs !== undefined) await delay(order.everyMs);
      const body = order.bodies[index % order.bodies.length] ?? '';
      await post(
        pool,
        path,
        order.headers,
        body.replace(sentAtMark, () => `at=${process.hrtime.bigint()}`),
      );
    }
  };
  const senders = order.everyMs === undefined ? order.senders : 1;
  const work = Promise.all(Array.from({ length: senders }, send));
  return { done: work.then(() => pool.close()), stop: () => stopping.abort() };
}

async function post(pool: Pool, path: string, headers: LoadOrder['headers'], body: string): Promise<void> {
  try {
    const answer = await pool.request({ method: 'POST', path, headers, body });
    if (answer.statusCode < 300) {
      await answer.body.dump();
      answered += 1;
    } else {
      note(`${answer.statusCode} ${(await answer.body.text()).slice(0, 200)}`);
    }
  } catch (error) {
    note(error instanceof Error ? error.message : String(error));
  }
}

function note(failure: string): void {
  refused += 1;
  failures.set(failure, (failures.get(failure) ?? 0) + 1);
}

/** Senders may post the n-th when less than `most` of those before it are still on their way. */
function watchWindow({ takenUrl, most }: NonNullable<LoadOrder['window']>, stopping: AbortSignal) {
  let allowed = most;
  let waiting: { index: number; go: () => void }[] = [];
  const watch = async (): Promise<void> => {
    const before = await readTaken(takenUrl);
    while (!stopping.aborted) {
      allowed = (await readTaken(takenUrl)) - before + most;
      const may = waiting.filter(({ index }) => index < allowed);
      waiting = waiting.filter(({ index }) => index >= allowed);
      for (const { go } of may) go();
      await delay(4);
    }
    for (const { go } of waiting) go();
  };
  void watch();
  return {
    allowed: () => allowed,
    untilAllowed: (index: number) => new Promise<void>((go) => waiting.push({ index, go })),
  };
}

async function readTaken(url: string): Promise<number> {
  return Number(await (await fetch(url)).text());
}
