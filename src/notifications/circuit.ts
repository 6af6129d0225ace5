// When a parent is left alone: a circuit breaker on what several conversations say. One bad conversation is no bad
// parent, so nothing opens on the word of fewer than three.

/** What an attempt says of the parent, as opposed to its conversation. `until`: when the parent asked to be let alone. */
export type ParentSign =
  | { readonly kind: 'fine' }
  | { readonly kind: 'failing'; readonly words: string }
  | { readonly kind: 'unauthorized'; readonly words: string }
  | { readonly kind: 'throttled'; readonly words: string; readonly until: number };

type Trouble = Exclude<ParentSign['kind'], 'fine'>;

/** Why no push goes out now, since when, and when one is tried. */
export type OpenCircuit = {
  readonly cause: Trouble;
  /** Of the attempt that opened it, for the operator. */
  readonly words: string;
  readonly openedAt: number;
  readonly probeAt: number;
};

/** What an open circuit goes on from: here, or at another replica. */
export type CircuitState = { readonly open: OpenCircuit; readonly failedProbes: number; readonly successes: number };

const fewestConversations = 3;
/** In a row. A refused credential takes more: a parent may well refuse a few conversations for reasons of their own. */
const mostInARow: Readonly<Record<Trouble, number>> = { failing: 10, unauthorized: 20, throttled: 10 };
const windowMs = 30_000;
const fewestInWindow = 20;
/** Enough to see a half of failures; what is older says nothing more. */
const mostRecent = 100;
const shortestProbeMs = 15_000;
const longestProbeMs = 120_000;
const successesToClose = 2;

type Row = { kind: Trouble; count: number; readonly conversations: Set<string> };
type Recent = { readonly at: number; readonly conversationId: string; readonly failed: boolean };

export class Circuit {
  /** A probe also needs the right to it, which one replica at a time has. */
  readonly #isShared: boolean;
  /** Troubles in a row, of one kind, without anything fine between. */
  #row: Row | undefined;
  readonly #recent: Recent[] = [];
  #open: OpenCircuit | undefined;
  #probing: string | undefined;
  #failedProbes = 0;
  #successes = 0;
  /** A probe may begin until then. */
  #mayProbeUntil = Number.NEGATIVE_INFINITY;

  constructor(isShared = false) {
    this.#isShared = isShared;
  }

  get open(): OpenCircuit | undefined {
    return this.#open;
  }

  /** How many attempts may begin now: any number, or while open one at a time when a probe is due. */
  allows(now: number): number {
    if (!this.#open) return Number.POSITIVE_INFINITY;
    return this.#isProbeDue(now) && this.#mayProbe(now) ? 1 : 0;
  }

  /** A probe is due, and nothing but the right to it is missing. */
  lacksRight(now: number): boolean {
    return this.#open !== undefined && this.#isProbeDue(now) && !this.#mayProbe(now);
  }

  get isProbing(): boolean {
    return this.#probing !== undefined;
  }

  /** This replica alone may probe, if it begins before `until`. */
  grantProbe(until: number): void {
    this.#mayProbeUntil = until;
  }

  get state(): CircuitState | undefined {
    return this.#open && { open: this.#open, failedProbes: this.#failedProbes, successes: this.#successes };
  }

  /** Takes over what another replica has found out: open like this, or closed. */
  adopt(state: CircuitState | undefined): void {
    if (!state) return this.#close();
    this.#open = state.open;
    this.#failedProbes = state.failedProbes;
    this.#successes = state.successes;
  }

  /** When time alone will allow an attempt. */
  nextAt(now: number): number {
    if (!this.#open) return now;
    // Whoever brings the right wakes.
    if (this.#probing !== undefined || this.lacksRight(now)) return Number.POSITIVE_INFINITY;
    return this.#open.probeAt;
  }

  /** An attempt begins: false when it must not. */
  begin(conversationId: string, now: number): boolean {
    if (!this.#open) return true;
    if (this.allows(now) === 0) return false;
    this.#probing = conversationId;
    return true;
  }

  /** The attempt of this conversation has ended, or will not be made: another may probe. */
  leave(conversationId: string): void {
    if (this.#probing === conversationId) this.#probing = undefined;
  }

  /** What an attempt has shown. Returns how the circuit has changed, if it has. */
  record(sign: ParentSign, conversationId: string, now: number): 'opened' | 'closed' | undefined {
    if (this.#open) return this.#recordProbe(this.#open, sign, conversationId, now);
    this.#note({ at: now, conversationId, failed: sign.kind === 'failing' });
    if (sign.kind === 'fine') {
      this.#row = undefined;
      return undefined;
    }
    const row =
      this.#row?.kind === sign.kind ? this.#row : { kind: sign.kind, count: 0, conversations: new Set<string>() };
    row.count += 1;
    if (row.conversations.size < fewestConversations) row.conversations.add(conversationId);
    this.#row = row;
    const enough = row.conversations.size >= fewestConversations && row.count >= mostInARow[sign.kind];
    if (!enough && !(sign.kind === 'failing' && this.#failsTooOften())) return undefined;
    const probeAt = probeTime(sign, now, shortestProbeMs);
    this.#open = { cause: sign.kind, words: sign.words, openedAt: now, probeAt };
    this.#failedProbes = 0;
    this.#successes = 0;
    return 'opened';
  }

  #recordProbe(open: OpenCircuit, sign: ParentSign, conversationId: string, now: number): 'closed' | undefined {
    // Others were on their way when it opened: what they bring is known already.
    if (this.#probing !== conversationId) return undefined;
    this.#probing = undefined;
    // The next probe may be another replica's.
    this.#mayProbeUntil = Number.NEGATIVE_INFINITY;
    if (sign.kind === 'fine') {
      this.#successes += 1;
      this.#open = { ...open, probeAt: now };
      if (this.#successes < successesToClose) return undefined;
      this.#close();
      return 'closed';
    }
    this.#successes = 0;
    this.#failedProbes += 1;
    const pauseMs = Math.min(shortestProbeMs * 2 ** this.#failedProbes, longestProbeMs);
    const probeAt = probeTime(sign, now, pauseMs);
    this.#open = { ...open, cause: sign.kind, words: sign.words, probeAt };
    return undefined;
  }

  /** In place: it is called for each attempt. */
  #note(entry: Recent): void {
    const recent = this.#recent;
    recent.push(entry);
    // What is later than now was noted before the clock was set back: it would keep what comes after it.
    const isOver = ({ at }: Recent): boolean => at <= entry.at - windowMs || at > entry.at;
    while (recent.length > mostRecent || isOver(recent[0] ?? entry)) recent.shift();
  }

  #close(): void {
    this.#open = undefined;
    this.#row = undefined;
    this.#recent.length = 0;
  }

  #isProbeDue(now: number): boolean {
    if (!this.#open || this.#probing !== undefined) return false;
    // A clock that was set back must not hold the probe for as long.
    return this.#open.probeAt <= now || this.#open.probeAt > now + longestProbeMs;
  }

  #mayProbe(now: number): boolean {
    return !this.#isShared || now < this.#mayProbeUntil;
  }

  #failsTooOften(): boolean {
    const failed = this.#recent.filter((entry) => entry.failed);
    return (
      this.#recent.length >= fewestInWindow &&
      failed.length * 2 >= this.#recent.length &&
      new Set(failed.map((entry) => entry.conversationId)).size >= fewestConversations
    );
  }
}

/**
 * A parent that asks for a longer pause gets it, but one push every two minutes at most is no burden, and a few
 * conversations that ask for a year must not silence the others.
 */
function probeTime(sign: ParentSign, now: number, pauseMs: number): number {
  const asked = sign.kind === 'throttled' ? sign.until : 0;
  return Math.min(Math.max(asked, now + pauseMs), now + longestProbeMs);
}
