// The loop: spread notifications to their recipients, lease lanes that are due, work each off in order, sleep until the
// next one. Knows neither HTTP nor the SDK: it is handed `work`, and the clock.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { Bag } from '../bag.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Database } from '../storage/database.ts';
import { isPostgres } from '../storage/locks.ts';
import { expandNext } from './expand-notification.ts';
import type { LaneDesk } from './lane-desk.ts';
import { type Claim, type Lease, takeBackLeases } from './lane-store.ts';
import type { LaneKeeper, LeasedLane } from './leasing.ts';
import { type DueParent, hastenParent, listDueParents } from './parent-lanes-store.ts';
import type { ParentGates } from './parent-gates.ts';
import { releaseAfter } from './release-lane.ts';

type WorkerOptions = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly gates: ParentGates;
  readonly onSettled: (notificationId: string) => void;
  readonly stopping: AbortController;
  /** Leases lanes that are due, and hands them to `take`. Returns how many. */
  readonly claim: LaneDesk['claim'];
  /** Works off one leased lane until it is let go of; begins nothing more once the worker stops. */
  readonly work: (lane: LeasedLane) => Promise<void>;
};

/** Without a reason of its own an abort makes an error, with its stack. */
const woken = 'woken';
/** The longest sleep: a lane that another process has made due is seen after this at the latest. */
const pollMs = 1_000;
/** Of all parents together. Each has its own slots, so that this is reached only with very many that hang. */
const mostLanes = 1_024;
/** Of these, what is left for parents that have none yet. */
const keptForNewcomers = 128;

export class DeliveryWorker implements LaneKeeper {
  readonly #options: WorkerOptions;
  readonly #inFlight = new Bag<{ readonly lease: Lease; readonly done: Promise<void> }>();
  /** Parents that take pushes again, and how far their lanes have been brought forward. */
  readonly #toHasten = new Map<string, number>();
  #wakeUp = new AbortController();
  #loop: Promise<void> | undefined;
  /** Where the round of parents begins, so that none is always the last. */
  #first = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Takes back what a process that has died had leased, and begins. */
  async start(): Promise<void> {
    const { db, clock } = this.#options;
    // On PostgreSQL they may be those of other replicas: a dead one's come back when they end.
    if (!isPostgres(db)) await takeBackLeases(db, clock.now());
    this.#loop = this.#run();
  }

  /** Takes no new lane, lets the attempts in flight end, gives their lanes back. */
  async stop(): Promise<void> {
    this.#options.stopping.abort();
    this.wake();
    await this.#loop;
  }

  /** This parent takes pushes again: what waits for its next attempt there is tried now, not hours later. */
  hasten(parent: string): void {
    this.#toHasten.set(parent, this.#options.clock.now());
    this.wake();
  }

  /** Something may be due: look now. */
  wake(): void {
    this.#wakeUp.abort(woken);
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#options.stopping.signal.aborted) {
      try {
        await this.#round();
      } catch (error) {
        logger.error({ err: error }, 'delivery worker could not read its queue');
        await clock.sleep(pollMs, this.#options.stopping.signal);
      }
    }
    // One that ends may have leased another with its last transaction.
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight.items().map(({ done }) => done));
  }

  async #round(): Promise<void> {
    const { db, clock } = this.#options;
    // Before looking, so that a wake-up during the look is not missed.
    this.#wakeUp = new AbortController();
    const hastened = await this.#hastenSome();
    const expanded = await this.#expand();
    const parents = await listDueParents(db);
    const leased = await this.#claim(parents);
    if (hastened || expanded || leased > 0) {
      // Requests come between two pages of a broadcast.
      await nextTurn();
      return;
    }
    // `stop` wakes as well: a signal composed of both would be kept by the longer-lived one (Node 20).
    if (!this.#options.stopping.signal.aborted) await clock.sleep(this.#sleepTime(parents), this.#wakeUp.signal);
  }

  /** A chunk of the lanes to bring forward. True when there may be more. */
  async #hastenSome(): Promise<boolean> {
    const { db, clock } = this.#options;
    for (const [parent, after] of this.#toHasten) {
      const next = await hastenParent(db, parent, { after, now: clock.now() });
      if (next === undefined) this.#toHasten.delete(parent);
      else this.#toHasten.set(parent, next);
      return true;
    }
    return false;
  }

  /** True when there may be more of it. */
  async #expand(): Promise<boolean> {
    const { db, clock, logger, onSettled } = this.#options;
    const page = await expandNext(db, clock.now()).catch((error: unknown) => {
      // What has its deliveries already goes out all the same.
      logger.error({ err: error }, 'a notification could not be spread further');
      return undefined;
    });
    if (!page) return false;
    // The last page may find nobody, when all the others are settled already.
    if (page.recipients === 0) onSettled(page.notificationId);
    return true;
  }

  /** Returns how many. */
  async #claim(parents: readonly DueParent[]): Promise<number> {
    const { clock, gates, claim } = this.#options;
    const now = clock.now();
    let room = mostLanes - this.#inFlight.size;
    const claims: Claim[] = [];
    this.#first += 1;
    for (let index = 0; index < parents.length; index += 1) {
      const due = parents[(this.#first + index) % parents.length];
      if (!due || due.runAt > now) continue;
      // The last lanes go to parents that have none yet, one each.
      const isLast = room <= keptForNewcomers;
      const share = isLast ? Math.min(room, gates.inUse(due.parent) > 0 ? 0 : 1) : room - keptForNewcomers;
      const limit = Math.min(share, gates.free(due.parent, now));
      if (limit <= 0) continue;
      claims.push({ parent: due.parent, limit });
      room -= limit;
    }
    return claims.length === 0 ? 0 : claim(claims);
  }

  take(lane: LeasedLane): void {
    const { logger, work } = this.#options;
    const { lease } = lane;
    const done = work(lane).catch((error: unknown) => {
      logger.error({ err: error, conversationId: lease.conversationId }, 'lane failed');
      return releaseAfter(error, lease, this.#options);
    });
    this.#hold(lease, done);
  }

  settling(conversationId: string): Lease | undefined {
    return this.#inFlight.find(({ lease }) => lease.isSettling === true && lease.conversationId === conversationId)
      ?.lease;
  }

  onUnsure(lease: Lease, error: unknown): void {
    this.#hold(lease, releaseAfter(error, lease, this.#options));
  }

  #hold(lease: Lease, work: Promise<void>): void {
    const done = work.finally(() => {
      forget();
      this.wake();
    });
    const forget = this.#inFlight.add({ lease, done });
  }

  /** Until a lane is due whose parent may be sent to. What waits for a slot is woken when one ends. */
  #sleepTime(parents: readonly DueParent[]): number {
    const { clock, gates } = this.#options;
    const now = clock.now();
    // Whatever ends makes room, and wakes.
    if (mostLanes - this.#inFlight.size <= keptForNewcomers) return pollMs;
    const times = parents.map(({ parent, runAt }) => Math.max(runAt, gates.nextAt(parent, now)) - now);
    return Math.max(0, Math.min(pollMs, ...times));
  }
}
