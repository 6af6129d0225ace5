// The loop: lease lanes that are due, work each off in order, sleep until the next one. Knows neither HTTP nor the SDK:
// it is handed `work`, and the clock.

import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Database } from '../storage/database.ts';
import { expireDeliveries } from './held-store.ts';
import { expireKeys } from './idempotency.ts';
import { claimLanes, findNextLaneAt, type Lease, releaseLane, takeBackLeases } from './lane-store.ts';

type WorkerOptions = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly concurrency: number;
  /** Works off one leased lane until nothing is due in it, or `stopping` fires. */
  readonly work: (lease: Lease, stopping: AbortSignal) => Promise<void>;
};

/** The longest sleep: a lane that another process has made due is seen after this at the latest. */
const pollMs = 1_000;
const sweepMs = 60_000;

export class DeliveryWorker {
  readonly #options: WorkerOptions;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #wakeUp = new AbortController();
  #loop: Promise<void> | undefined;
  #sweptAt = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Takes back what a process that has died had leased, and begins. */
  async start(): Promise<void> {
    await takeBackLeases(this.#options.db, this.#options.clock.now());
    this.#loop = this.#run();
  }

  /** Takes no new lane, lets the attempts in flight end, gives their lanes back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** Something may be due: look now. */
  wake(): void {
    this.#wakeUp.abort();
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#round();
      } catch (error) {
        logger.error({ err: error }, 'delivery worker could not read its queue');
        await clock.sleep(pollMs, this.#stopping.signal);
      }
    }
    await Promise.all(this.#inFlight);
  }

  async #round(): Promise<void> {
    const { db, clock, concurrency } = this.#options;
    // Before looking, so that a wake-up during the look is not missed.
    this.#wakeUp = new AbortController();
    await this.#sweep();
    const free = concurrency - this.#inFlight.size;
    const leases = free > 0 ? await claimLanes(db, free, clock.now()) : [];
    for (const lease of leases) this.#take(lease);
    if (leases.length > 0 && leases.length < free) return;
    await clock.sleep(await this.#sleepTime(), AbortSignal.any([this.#wakeUp.signal, this.#stopping.signal]));
  }

  #take(lease: Lease): void {
    const done = this.#workOff(lease)
      .catch((error: unknown) => this.#options.logger.error({ err: error }, 'lane could not be released'))
      .finally(() => {
        this.#inFlight.delete(done);
        this.wake();
      });
    this.#inFlight.add(done);
  }

  async #workOff(lease: Lease): Promise<void> {
    const { db, clock, logger, work } = this.#options;
    try {
      await work(lease, this.#stopping.signal);
    } catch (error) {
      // The lease is kept: the lane is due again when it ends, which keeps a broken lane from spinning.
      logger.error({ err: error, conversationId: lease.conversationId }, 'lane failed');
      return;
    }
    await releaseLane(db, lease, clock.now());
  }

  async #sweep(): Promise<void> {
    const { db, clock } = this.#options;
    if (clock.now() - this.#sweptAt < sweepMs) return;
    this.#sweptAt = clock.now();
    await expireDeliveries(db, clock.now());
    await expireKeys(db, clock.now());
  }

  async #sleepTime(): Promise<number> {
    const { db, clock, concurrency } = this.#options;
    if (this.#inFlight.size >= concurrency) return pollMs;
    const nextAt = await findNextLaneAt(db);
    return nextAt === undefined ? pollMs : Math.max(0, Math.min(pollMs, nextAt - clock.now()));
  }
}
