// Tells who waits for a notification that something of it has settled.

import type { Clock } from '../clock.ts';

export class SettledSignal {
  readonly #waiting = new Map<string, Set<AbortController>>();
  #isClosed = false;

  /** Something of this notification has been delivered, is held, dead or cancelled. */
  tell(notificationId: string): void {
    for (const told of this.#waiting.get(notificationId) ?? []) told.abort();
  }

  /** Anything may have settled: everybody asks again. */
  tellAll(): void {
    for (const id of this.#waiting.keys()) this.tell(id);
  }

  /** Lets everybody go, now and from now on. */
  close(): void {
    this.#isClosed = true;
    this.tellAll();
  }

  /**
   * Asks `isSettled` now and each time something of the notification has settled; gives its last answer after `ms`, or at
   * the end of the service.
   */
  async until(notificationId: string, clock: Clock, ms: number, isSettled: () => Promise<boolean>): Promise<boolean> {
    const endsAt = clock.now() + ms;
    for (;;) {
      // Before asking, so that what settles during the question is not missed.
      const told = this.#add(notificationId);
      try {
        if (await isSettled()) return true;
        if (this.#isClosed || clock.now() >= endsAt) return false;
        await clock.sleep(endsAt - clock.now(), told.signal);
      } finally {
        this.#remove(notificationId, told);
      }
    }
  }

  #add(notificationId: string): AbortController {
    const told = new AbortController();
    const waiting = this.#waiting.get(notificationId) ?? new Set();
    this.#waiting.set(notificationId, waiting.add(told));
    return told;
  }

  #remove(notificationId: string, told: AbortController): void {
    const waiting = this.#waiting.get(notificationId);
    waiting?.delete(told);
    if (waiting?.size === 0) this.#waiting.delete(notificationId);
  }
}
