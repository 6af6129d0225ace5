// What the parent's answer means and when to try again. Pure: no clock, no database, no network.

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

type Tried = {
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  /** How many of them failed by an exception of our own. */
  readonly internalFailures: number;
  readonly now: number;
  readonly expiresAt: number;
  /** 0 <= random < 1. */
  readonly random: number;
};

/** Decides what becomes of a delivery after `outcome`. */
export function decideRetry(outcome: SendOutcome, tried: Tried): RetryDecision {
  const meaning = readMeaning(outcome, tried.internalFailures);
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
  const nominalMs = delaysMs[tried.attempts - 1];
  if (nominalMs === undefined) return { kind: 'dead', reason: 'attempts_exhausted' };
  const askedMs = outcome.kind === 'refused' ? parseRetryAfter(outcome.retryAfter, tried.now) : undefined;
  const delayMs =
    askedMs === undefined
      ? nominalMs * (0.8 + 0.2 * tried.random)
      : Math.min(askedMs, longestRetryAfterMs) * (1 + 0.1 * tried.random);
  const at = Math.ceil(tried.now + delayMs);
  return at < tried.expiresAt ? { kind: 'retry', at } : { kind: 'dead', reason: 'expired' };
}

/** Status codes that mean "not now" (RFC 9110; MicrosoftDocs/msteams-docs rate-limit.md for 412, 502, 504). */
const laterStatuses = new Set([401, 408, 409, 412, 421, 423, 425, 429]);

function readMeaning(outcome: SendOutcome, internalFailures: number): Meaning {
  switch (outcome.kind) {
    case 'delivered':
      return { kind: 'delivered' };
    case 'unreachable':
      return { kind: 'later' };
    case 'notSent':
      // An exception of ours may have been a passing one; the same again and again is a poisoned message.
      if (outcome.errorClass !== 'internal') return { kind: 'refused', reason: outcome.errorClass };
      return internalFailures < mostInternalFailures ? { kind: 'later' } : { kind: 'refused', reason: 'poison' };
    case 'refused':
      return readStatus(outcome.status, outcome.detail);
  }
}

function readStatus(status: number, detail: string): Meaning {
  // botbuilder's own parent (CloudSkillHandler) forgets a conversation at its end and answers later posts like this.
  if (status === 500 && detail.includes('skillConversationReference not found')) {
    return { kind: 'gone', reason: 'conversation_gone' };
  }
  if (status === 403) return { kind: 'gone', reason: 'forbidden' };
  if (status === 404 || status === 410) return { kind: 'gone', reason: 'conversation_gone' };
  if (laterStatuses.has(status) || (status >= 300 && status < 400)) return { kind: 'later' };
  if (status >= 500 && status !== 501 && status !== 505) return { kind: 'later' };
  return { kind: 'refused', reason: 'rejected' };
}

/** Milliseconds to wait, from seconds or an HTTP date (RFC 9110 10.2.3); undefined for anything past or unreadable. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d{1,10}$/.test(text)) return Number(text) > 0 ? Number(text) * seconds : undefined;
  // Only dates with a weekday: Date.parse would read "-5" or "1.5" as some year.
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const at = Date.parse(text);
  return at > now ? at - now : undefined;
}
