// How fast a conversation and a host are sent to: never more than a window allows, whichever way the window is laid.

import type { Database } from '../storage/database.ts';

/** At most `count` activities in any `seconds`. */
export type RateWindow = { readonly seconds: number; readonly count: number };

/** How many activities the conversation may be sent at once now. */
export async function countAllowedNow(
  db: Database,
  conversationId: string,
  windows: readonly RateWindow[],
  now: number,
): Promise<number> {
  let allowed = Number.POSITIVE_INFINITY;
  for (const window of windows) {
    const sent = await db
      .selectFrom('attempts')
      .select('number')
      .where('conversation_id', '=', conversationId)
      .where('started_at', '>', now - 1_000 * window.seconds)
      .limit(window.count)
      .execute();
    allowed = Math.min(allowed, window.count - sent.length);
  }
  return allowed;
}

/** The pace of one host: at most `perSecond` begun attempts in any second, or a smaller `share` of them. */
export class HostPace {
  readonly #perSecond: number;
  /** Begin of the last attempts, in a ring: the oldest is at `#next`. */
  readonly #begun: number[];
  #next = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#begun = Array.from({ length: perSecond }, () => Number.NEGATIVE_INFINITY);
  }

  /** How many attempts may begin now. */
  allows(now: number, share = this.#perSecond): number {
    // Oldest first: those that are older than a second make room.
    let free = 0;
    while (free < share && this.#isOver(this.#perSecond - share + free, now)) free += 1;
    return free;
  }

  /** When the next attempt may begin; Infinity where nothing but a larger share makes room. */
  nextAt(now: number, share = this.#perSecond): number {
    if (share === 0) return Number.POSITIVE_INFINITY;
    const oldest = this.#perSecond - share;
    return this.#isOver(oldest, now) ? now : this.#at(oldest) + 1_000;
  }

  /** Notes that one begins; false when it must not. */
  begin(now: number, share = this.#perSecond): boolean {
    if (share === 0 || !this.#isOver(this.#perSecond - share, now)) return false;
    this.#begun[this.#next] = now;
    this.#next = (this.#next + 1) % this.#perSecond;
    return true;
  }

  /** A second old, or from a time that the clock was set back from. */
  #isOver(offset: number, now: number): boolean {
    return this.#at(offset) <= now - 1_000 || this.#at(offset) > now;
  }

  #at(offset: number): number {
    return this.#begun[(this.#next + offset) % this.#perSecond] ?? Number.NEGATIVE_INFINITY;
  }
}
