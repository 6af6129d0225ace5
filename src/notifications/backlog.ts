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
  #counted: Promise<number> = Promise.resolve(0);
  #countedAt = Number.NEGATIVE_INFINITY;
  #added = 0;

  /** `most`: deliveries on their way, and notifications that wait for their first recipient. */
  constructor(db: Database, clock: Pick<Clock, 'now'>, most: number) {
    this.#db = db;
    this.#clock = clock;
    this.#most = most;
  }

  /** Throws AppError `unavailable` (503) with Retry-After when nothing more is accepted now. */
  async checkRoom(): Promise<void> {
    if ((await this.#size()) < this.#most) return;
    throw new AppError(
      'unavailable',
      `${this.#most} or more notifications are on their way (MAX_PENDING). Try again later: nothing was accepted.`,
      { headers: { 'Retry-After': String(retryAfterSeconds) } },
    );
  }

  /** So many deliveries more, or one notification that waits for its first. */
  add(count: number): void {
    this.#added += count;
  }

  /** A broadcast takes at most half of the room: the other half stays for everybody else. */
  async hasRoomToExpand(): Promise<boolean> {
    return (await this.#size()) < this.#most / 2;
  }

  async #size(): Promise<number> {
    const now = this.#clock.now();
    if (now - this.#countedAt >= countedForMs) {
      this.#countedAt = now;
      this.#added = 0;
      this.#counted = this.#count(now);
      // Nobody may be waiting for it when it fails: the next one to ask counts again.
      this.#counted.catch(() => (this.#countedAt = Number.NEGATIVE_INFINITY));
    }
    return (await this.#counted) + this.#added;
  }

  async #count(now: number): Promise<number> {
    return (await countOpenDeliveries(this.#db)) + (await countWaiting(this.#db, now));
  }
}
