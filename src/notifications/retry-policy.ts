// What the parent's answer means and when to try again. Pure: no clock, no database, no network.

import type { ParentSign } from './circuit.ts';
import type { SendOutcome } from './notification.ts';

const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;

/** Delay before attempt 2, 3, ... 12: about a day in all. */
const delaysMs = [
  5 * seconds,
  30 * seconds,
  2 * minutes,
  5 * minutes,
  15 * minutes,
  30 * minutes,
  1 * hours,
  2 * hours,
  4 * hours,
  6 * hours,
  10 * hours,
];

const longestRetryAfterMs = 1 * hours;
const mostInternalFailures = 3;
/** A parent that is merely busy is not left alone for half a day. */
const longestPauseMs = 1 * hours;
/** So often a Retry-After alone decides. */
const patientAnswers = 5;
/** Of one conversation, while its parent takes what others are sent. */
const mostUnauthorized = 3;

/** `later`: try again; `gone`: this conversation takes no push any more; `refused`: no attempt can ever succeed. */
type Meaning =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'later' }
  | { readonly kind: 'gone'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

export type RetryDecision =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly at: number }
  | { readonly kind: 'gone'; readonly reason: string }
  | { readonly kind: 'dead'; readonly reason: string };

type Refusal = Extract<SendOutcome, { kind: 'refused' }>;

/** What is known besides the outcome itself. */
export type Tried = {
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  /** How many of them failed by an exception of our own. */
  readonly internalFailures: number;
  /** How many of them were answered with 401. */
  readonly unauthorized: number;
  /** Since the 401 before this one the parent has taken what it was sent for other conversations. */
  readonly othersAuthorized: boolean;
  /** How many of them asked to come later, by 429 or Retry-After: a parent that is busy, and nothing that ever ends it. */
  readonly throttled: number;
  /** The parent is in trouble as a whole: nothing that is wrong with this delivery. */
  readonly isLeftAlone: boolean;
  readonly now: number;
  readonly expiresAt: number;
  /** 0 <= random < 1. */
  readonly random: number;
};

/** Decides what becomes of a delivery after `outcome`. */
export function decideRetry(outcome: SendOutcome, tried: Tried): RetryDecision {
  const meaning = readMeaning(outcome, tried);
  switch (meaning.kind) {
    case 'delivered':
      return meaning;
    case 'gone':
      return meaning;
    case 'refused':
      return { kind: 'dead', reason: meaning.reason };
    case 'later':
      return scheduleNext(outcome, tried);
  }
}

function scheduleNext(outcome: SendOutcome, tried: Tried): RetryDecision {
  const isUnauthorized = outcome.kind === 'refused' && outcome.status === 401;
  // The token is replaced before the next attempt, which is made at once: most likely that was all.
  if (isUnauthorized && tried.unauthorized === 1) return retryAt(tried.now, tried);
  if (outcome.kind === 'refused' && isThrottled(outcome, tried.now)) {
    return retryAt(tried.now + pauseOf(outcome, tried), tried);
  }
  const scheduled = Math.max(1, tried.attempts - tried.throttled - (tried.unauthorized > 0 ? 1 : 0));
  const nominalMs = delaysMs[scheduled - 1] ?? (tried.isLeftAlone ? delaysMs.at(-1) : undefined);
  if (nominalMs === undefined) return { kind: 'dead', reason: 'attempts_exhausted' };
  const askedMs = outcome.kind === 'refused' ? readRetryAfter(outcome, tried.now) : undefined;
  const delayMs = askedMs === undefined ? shorten(nominalMs, tried) : askedMs * (1 + 0.1 * tried.random);
  return retryAt(tried.now + delayMs, tried);
}

/** Whether the parent asks for fewer messages, rather than being in trouble. */
export function isThrottled(outcome: SendOutcome, now: number): boolean {
  if (outcome.kind !== 'refused') return false;
  return outcome.status === 429 || (outcome.status === 503 && readRetryAfter(outcome, now) !== undefined);
}

/** As long as it asks; when it goes on asking, as long as the schedule says: a second each time would be a request a second. */
function pauseOf(outcome: Refusal, tried: Tried): number {
  const askedMs = readRetryAfter(outcome, tried.now);
  const step = askedMs === undefined ? Math.max(0, tried.throttled - 1) : tried.throttled - 1 - patientAnswers;
  const nominalMs = step < 0 ? 0 : Math.min(delaysMs[step] ?? longestPauseMs, longestPauseMs);
  return Math.max((askedMs ?? 0) * (1 + 0.1 * tried.random), shorten(nominalMs, tried));
}

function shorten(nominalMs: number, { random }: Tried): number {
  return nominalMs * (0.8 + 0.2 * random);
}

/** At the expiry nothing is sent any more, but until then a turn of the user brings the next attempt forward. */
function retryAt(at: number, { now, expiresAt }: Tried): RetryDecision {
  return expiresAt <= now
    ? { kind: 'dead', reason: 'expired' }
    : { kind: 'retry', at: Math.min(Math.ceil(at), expiresAt) };
}

/**
 * What the outcome says of the parent as a whole. A refusal that is about the conversation or the activity shows that the
 * parent is there and takes our credential.
 */
export function readSign(outcome: SendOutcome, now: number): ParentSign | undefined {
  switch (outcome.kind) {
    case 'delivered':
      return { kind: 'fine' };
    case 'unreachable':
      return { kind: 'failing', words: outcome.detail };
    case 'notSent':
      return undefined;
    case 'refused': {
      const { status, detail: words, said } = outcome;
      const askedMs = readRetryAfter(outcome, now);
      if (status === 401) return { kind: 'unauthorized', words };
      if (isThrottled(outcome, now)) return { kind: 'throttled', words, until: now + (askedMs ?? shortestPauseMs) };
      return status >= 500 && readStatus(status, said).kind === 'later' ? { kind: 'failing', words } : { kind: 'fine' };
    }
  }
}

/** How long a parent is left alone that says 429 without saying for how long. */
const shortestPauseMs = 15 * seconds;

/** Status codes that mean "not now" (RFC 9110; MicrosoftDocs/msteams-docs rate-limit.md for 412, 502, 504). */
const laterStatuses = new Set([401, 408, 409, 412, 421, 423, 425, 429]);

function readMeaning(outcome: SendOutcome, tried: Tried): Meaning {
  switch (outcome.kind) {
    case 'delivered':
      return { kind: 'delivered' };
    case 'unreachable':
      return { kind: 'later' };
    case 'notSent':
      // The operator has turned the channel off: that may be undone, and the user's next turn shows it.
      if (outcome.errorClass === 'channel_not_allowed') return { kind: 'gone', reason: outcome.errorClass };
      // An exception of ours may have been a passing one; the same again and again is a poisoned message.
      if (outcome.errorClass !== 'internal') return { kind: 'refused', reason: outcome.errorClass };
      return tried.internalFailures < mostInternalFailures ? { kind: 'later' } : { kind: 'refused', reason: 'poison' };
    case 'refused':
      if (outcome.status === 401 && isOwnTrouble(tried)) {
        return { kind: 'gone', reason: 'unauthorized' };
      }
      return readStatus(outcome.status, outcome.said);
  }
}

/** 401 again and again, also with a new token, while the parent takes what others are sent. */
function isOwnTrouble({ unauthorized, othersAuthorized, isLeftAlone }: Tried): boolean {
  return unauthorized >= mostUnauthorized && othersAuthorized && !isLeftAlone;
}

function readStatus(status: number, said = ''): Meaning {
  // botbuilder's own parent (CloudSkillHandler) forgets a conversation at its end and answers later posts like this.
  if (status === 500 && said.includes('skillConversationReference not found')) {
    return { kind: 'gone', reason: 'conversation_gone' };
  }
  if (status === 403) return { kind: 'gone', reason: 'forbidden' };
  if (status === 404 || status === 410) return { kind: 'gone', reason: 'conversation_gone' };
  if (laterStatuses.has(status) || (status >= 300 && status < 400)) return { kind: 'later' };
  if (status >= 500 && status !== 501 && status !== 505) return { kind: 'later' };
  return { kind: 'refused', reason: 'rejected' };
}

/** How long the parent asks to wait, at most an hour. Of a redirect it would be about the other address. */
function readRetryAfter({ status, retryAfter }: Refusal, now: number): number | undefined {
  const askedMs = status >= 300 && status < 400 ? undefined : parseRetryAfter(retryAfter, now);
  return askedMs === undefined ? undefined : Math.min(askedMs, longestRetryAfterMs);
}

/** Milliseconds to wait, from seconds or an HTTP date (RFC 9110 10.2.3); undefined for anything past or unreadable. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d{1,10}$/.test(text)) return Number(text) > 0 ? Number(text) * seconds : undefined;
  const at = parseHttpDate(text);
  return at !== undefined && at > now ? at - now : undefined;
}

/**
 * A date that begins with its weekday, as all forms of RFC 9110 5.6.7 do: Date.parse alone would read "-5" or "in 2030" as
 * some year. Without a zone, as in the form of asctime, it means UTC.
 */
function parseHttpDate(text: string): number | undefined {
  if (!/^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i.test(text)) return undefined;
  const at = Date.parse(/(?:GMT|UTC|[+-]\d{4})$/i.test(text) ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : at;
}
