// How much is on its way, and when it is too much: a 202 is only given for what there is room to keep and to send.

import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/database.ts';
import { countOpenDeliveries } from './delivery-store.ts';
import { countWaiting } from './notification-store.ts';

/** A count is good for so long; what is accepted meanwhile is added to it. */
const countedForMs = 1_000;
const retryAfterSeconds = 5;

export class Backlog {
  readonly #db: Database;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #most: number;
  #counting: Promise<void> | undefined;
  #counted = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  #reserved = 0;

  /**
   * `most`: deliveries on their way, and notifications that wait for their first recipient. Of a broadcast only the first
   * page counts: it is one notification, and must not keep all others out while it is being spread.
   */
  constructor(db: Database, clock: Pick<Clock, 'now'>, most: number) {
    this.#db = db;
    this.#clock = clock;
    this.#most = most;
  }

  /** Counts anew when the last count is too old. To be called before `reserve`, outside of a transaction. */
  async look(): Promise<void> {
    const age = this.#clock.now() - this.#countedAt;
    if (age >= 0 && age < countedForMs) return;
    this.#counting ??= this.#count().finally(() => (this.#counting = undefined));
    await this.#counting;
  }

  /**
   * Takes room for so many deliveries. Throws AppError `unavailable` (503) with Retry-After when there is none; a single
   * request may go beyond the limit, a second may not.
   */
  reserve(count: number): void {
    if (this.#counted + this.#reserved >= this.#most) {
      throw new AppError(
        'unavailable',
        `${this.#most} or more notifications are on their way (MAX_PENDING). Try again later: nothing was accepted.`,
        { headers: { 'Retry-After': String(retryAfterSeconds) } },
      );
    }
    this.#reserved += count;
  }

  async #count(): Promise<void> {
    const now = this.#clock.now();
    // What is reserved during the count may or may not be in it: rather counted twice than not at all.
    const reservedBefore = this.#reserved;
    const count = (await countOpenDeliveries(this.#db)) + (await countWaiting(this.#db, now));
    this.#counted = count;
    this.#reserved -= reservedBefore;
    this.#countedAt = now;
  }
}
