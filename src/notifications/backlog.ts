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
  #count = 0;
  #countedAt = Number.NEGATIVE_INFINITY;

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
      `More than ${this.#most} notifications are on their way (MAX_PENDING). Try again later: nothing was accepted.`,
      { headers: { 'Retry-After': String(retryAfterSeconds) } },
    );
  }

  /** One notification more, with so many deliveries. */
  add(recipients: number): void {
    this.#count += Math.max(1, recipients);
  }

  /** A broadcast takes at most half of the room: the other half stays for everybody else. */
  async hasRoomToExpand(): Promise<boolean> {
    return (await this.#size()) < this.#most / 2;
  }

  async #size(): Promise<number> {
    const now = this.#clock.now();
    if (now - this.#countedAt < countedForMs) return this.#count;
    this.#countedAt = now;
    this.#count = (await countOpenDeliveries(this.#db)) + (await countWaiting(this.#db, now));
    return this.#count;
  }
}
