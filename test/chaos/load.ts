// Senders that post one notification after the other to conversations of their own, and repeat each until it has its
// 202; and a bookkeeper that compares what the service counts with what it has acknowledged.

import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { apiKey } from '../helpers/skill.ts';
import type { ChaosBench } from './chaos-bench.ts';
import { repeat } from './repeat.ts';

/** What is asked, and where it is written down. */
type Target = Pick<ChaosBench, 'url' | 'subjects' | 'history' | 'get'>;

type LoadOptions = {
  readonly senders: number;
  /** Each sender rests so long after a 202; default not at all. */
  readonly restMs?: number;
  /** How long an answer is waited for; default 10 s. */
  readonly patienceMs?: number;
  /** Posts nothing while this is false, as behind a load balancer. */
  readonly isReady?: () => boolean;
};

export type Load = {
  /** Lets each sender have its last 202, and ends. */
  stop(): Promise<void>;
  /** How often a request failed, by the code of its error or its status. */
  readonly failures: ReadonlyMap<string, number>;
  readonly acknowledged: number;
  readonly attempted: number;
};

/** Begins the load; it goes on until `stop`. */
export function startLoad(bench: Target, options: LoadOptions): Load {
  const { senders, restMs = 0, patienceMs = 10_000, isReady = () => true } = options;
  const failures = new Map<string, number>();
  const counts = { acknowledged: 0, attempted: 0 };
  const stopping = new AbortController();
  // A test that has failed shall end: nobody may be there any more who could give a 202.
  const over = new AbortController();
  onTestFinished(() => over.abort());

  const post = async (subject: string, text: string): Promise<string | undefined> => {
    try {
      const answer = await fetch(`${bench.url}/api/notify`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${apiKey}`,
          'content-type': 'application/json',
          'idempotency-key': text.replaceAll('/', '-'),
        },
        body: JSON.stringify({ subject, text, keepOpen: true }),
        signal: AbortSignal.timeout(patienceMs),
      });
      const body = (await answer.json()) as { id: string };
      if (answer.status === 202) return body.id;
      count(failures, String(answer.status));
    } catch (error) {
      count(failures, codeOf(error));
    }
    return undefined;
  };

  const send = async (subject: string, index: number): Promise<void> => {
    const key = `${subject}/${index}`;
    bench.history.attempted({ key, conversation: subject, index });
    counts.attempted += 1;
    while (!over.signal.aborted) {
      const id = isReady() ? await post(subject, key) : undefined;
      if (id !== undefined) {
        bench.history.acknowledged({ key, notificationId: id, at: Date.now() });
        counts.acknowledged += 1;
        return;
      }
      // The service is away for about a second.
      await delay(10);
    }
  };

  const work = Array.from({ length: senders }, async (_, sender) => {
    const own = bench.subjects.filter((_subject, index) => index % senders === sender);
    for (let index = 0; !stopping.signal.aborted && !over.signal.aborted; index += 1) {
      for (const subject of own) {
        if (stopping.signal.aborted || over.signal.aborted) return;
        await send(subject, index);
        if (restMs > 0) await delay(restMs);
      }
    }
  });
  return {
    failures,
    get acknowledged() {
      return counts.acknowledged;
    },
    get attempted() {
      return counts.attempted;
    },
    stop: async () => {
      stopping.abort();
      await Promise.all(work);
    },
  };
}

/** Waits until so many more have their 202: the load goes on, however slow the machine is. */
export async function untilMore(load: Load, more: number): Promise<void> {
  const enough = load.acknowledged + more;
  await eventually(`${more} more are acknowledged`, () => load.acknowledged >= enough);
}

export type Books = { readonly samples: number; readonly wrong: readonly string[] };

/**
 * Compares, as often as it can, the sum over all states with the number of 202s: at least those that senders had before
 * the question, at most those that they had asked for by the answer. Each goes to one conversation.
 */
export function startBookkeeping(bench: Target, load: Load): { stop(): Promise<Books> } {
  const wrong: string[] = [];
  let samples = 0;
  const watch = repeat(async () => {
    const least = load.acknowledged;
    const status = await bench.get<{ deliveries: Record<string, number> }>('/api/status').catch(() => undefined);
    if (status) {
      const sum = Object.values(status.deliveries).reduce((total, state) => total + state, 0);
      samples += 1;
      if (sum < least || sum > load.attempted) wrong.push(`${least} <= ${sum} <= ${load.attempted}`);
    }
    await delay(5);
  });
  return {
    stop: async () => {
      await watch.stop();
      return { samples, wrong };
    },
  };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error.cause instanceof Error) return codeOf(error.cause);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
