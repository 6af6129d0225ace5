// Beside the work: what has expired is ended every minute, what is old is forgotten every hour.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Database } from '../storage/database.ts';
import { isPostgres } from '../storage/locks.ts';
import { forgetRequestCounts } from '../storage/request-counts.ts';
import { scrubFile } from '../storage/scrub.ts';
import {
  eraseBodies,
  expireDeliveries,
  expireKeys,
  forgetConversations,
  forgetDeliveries,
  forgetNotifications,
  rowsPerChunk,
  type Walked,
} from './retention-store.ts';

type HousekeeperOptions = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long settled deliveries, dead letters and their attempts are kept. */
  readonly historyMs: number;
  /** How long a conversation is kept in which nothing happens. */
  readonly conversationMs: number;
  /** Told of each notification of which a delivery has expired. */
  readonly onSettled: (notificationId: string) => void;
};

const expiryEveryMs = 60_000;
const retentionEveryMs = 3_600_000;
const retryMs = 60_000;
/**
 * A chunk takes about a millisecond: turns and what is due, after a start above all, come before what is over. A file of a
 * gigabyte takes four minutes so.
 */
const scrubPauseMs = 20;
/** Texts go a day after everybody has them; the rest is history. */
const bodyMs = 24 * 3_600_000;

export class Housekeeper {
  readonly #options: HousekeeperOptions;
  readonly #stopping = new AbortController();
  #loops: readonly Promise<void>[] = [];

  constructor(options: HousekeeperOptions) {
    this.#options = options;
  }

  start(): void {
    // Two loops: a large file is gone through for minutes, and what expires meanwhile is not to wait for it.
    this.#loops = [
      this.#every(expiryEveryMs, () => this.#expire()),
      this.#every(retentionEveryMs, () => this.#forget()),
    ];
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#loops);
  }

  /** Counted from one beginning to the next: neither what takes long nor a clock that is set meanwhile delays the next. */
  async #every(intervalMs: number, work: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stopping.signal.aborted) {
      let nextAt = clock.now() + intervalMs;
      try {
        await work();
      } catch (error) {
        logger.error({ err: error }, 'housekeeping failed; it is tried again in a minute');
        nextAt = clock.now() + retryMs;
      }
      await clock.sleep(Math.min(nextAt - clock.now(), intervalMs), this.#stopping.signal);
    }
  }

  async #expire(): Promise<void> {
    const { db, clock, logger, onSettled } = this.#options;
    await expireKeys(db, clock.now());
    if (isPostgres(db)) await forgetRequestCounts(db);
    await this.#repeat(async () => {
      const expired = await expireDeliveries(db, clock.now());
      for (const notificationId of new Set(expired)) onSettled(notificationId);
      if (expired.length > 0) logger.warn({ deliveries: expired.length }, 'deliveries have expired');
      return expired.length;
    });
  }

  async #forget(): Promise<void> {
    const { db, clock, logger, historyMs, conversationMs } = this.#options;
    const now = clock.now();
    const forgotten = {
      bodies: await this.#walk((after) => eraseBodies(db, now - bodyMs, after)),
      deliveries: await this.#repeat(() => forgetDeliveries(db, now - historyMs)),
      notifications: await this.#walk((after) => forgetNotifications(db, now - historyMs, after)),
      conversations: await this.#repeat(() => forgetConversations(db, now - conversationMs)),
    };
    await scrubFile(db, { pauseMs: scrubPauseMs, stopping: this.#stopping.signal });
    if (Object.values(forgotten).some((count) => count > 0)) logger.info(forgotten, 'forgotten by age');
  }

  /** Until a chunk was not full; requests come between two chunks. */
  async #repeat(chunk: () => Promise<number>): Promise<number> {
    let total = 0;
    for (let count = rowsPerChunk; count >= rowsPerChunk && !this.#stopping.signal.aborted;) {
      count = await chunk();
      total += count;
      await nextTurn();
    }
    return total;
  }

  async #walk(step: (after: string) => Promise<Walked>): Promise<number> {
    let total = 0;
    for (let after: string | null = ''; after !== null && !this.#stopping.signal.aborted;) {
      const { changed, next }: Walked = await step(after);
      total += changed;
      after = next;
      await nextTurn();
    }
    return total;
  }
}
