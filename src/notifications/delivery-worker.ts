// The loop: lease lanes that are due, work each off in order, sleep until the next one. Knows neither HTTP nor the SDK:
// it is handed `work`, and the clock.

import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Database } from '../storage/database.ts';
import { expireHeld } from './delivery-store.ts';
import { claimLanes, findNextLaneAt, type Lease, releaseLane, takeBackLeases } from './lane-store.ts';

export type DeliveryWorker = {
  start(): Promise<void>;
  /** Takes no new lane, lets the attempts in flight end, gives their lanes back. */
  stop(): Promise<void>;
  /** Something may be due: look now. */
  wake(): void;
};

type WorkerOptions = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly concurrency: number;
  /** Works off one leased lane until nothing is due in it. */
  readonly work: (lease: Lease) => Promise<void>;
};

/** Longer than any attempt (20 s), so that a live worker keeps its lane; a dead one's comes back after this. */
export const leaseMs = 60_000;
/** The longest sleep: a lane that another process has made due is seen after this at the latest. */
const pollMs = 1_000;
const sweepMs = 60_000;

/** Builds the worker; nothing runs before `start`. */
export function createDeliveryWorker(options: WorkerOptions): DeliveryWorker {
  const { db, clock, logger } = options;
  const inFlight = new Set<Promise<void>>();
  let stopping = new AbortController();
  let wakeUp = new AbortController();
  let loop: Promise<void> | undefined;
  let sweptAt = 0;

  const workOff = async (lease: Lease): Promise<void> => {
    try {
      await options.work(lease);
    } catch (error) {
      logger.error({ err: error, conversationId: lease.conversationId }, 'lane failed');
      // The lease is kept: the lane is due again when it ends, which keeps a broken lane from spinning.
      return;
    }
    await releaseLane(db, lease, clock.now());
  };

  const round = async (): Promise<void> => {
    wakeUp = new AbortController();
    if (clock.now() - sweptAt >= sweepMs) {
      sweptAt = clock.now();
      await expireHeld(db, clock.now());
    }
    const leases = await claimLanes(db, options.concurrency - inFlight.size, clock.now(), leaseMs);
    for (const lease of leases) {
      const done = workOff(lease)
        .catch((error: unknown) => logger.error({ err: error }, 'lane could not be released'))
        .finally(() => {
          inFlight.delete(done);
          wakeUp.abort();
        });
      inFlight.add(done);
    }
    if (leases.length > 0 && inFlight.size < options.concurrency) return;
    await clock.sleep(await sleepTime(), AbortSignal.any([wakeUp.signal, stopping.signal]));
  };

  const sleepTime = async (): Promise<number> => {
    if (inFlight.size >= options.concurrency) return pollMs;
    const nextAt = await findNextLaneAt(db);
    return nextAt === undefined ? pollMs : Math.max(0, Math.min(pollMs, nextAt - clock.now()));
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await round();
      } catch (error) {
        logger.error({ err: error }, 'delivery worker could not read its queue');
        await clock.sleep(pollMs, stopping.signal);
      }
    }
    await Promise.all(inFlight);
  };

  return {
    start: async () => {
      stopping = new AbortController();
      await takeBackLeases(db, clock.now());
      loop = run();
    },
    stop: async () => {
      stopping.abort();
      await loop;
    },
    wake: () => wakeUp.abort(),
  };
}
