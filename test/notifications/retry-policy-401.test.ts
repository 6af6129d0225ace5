// What a 401 means: an old token, a conversation that refuses us, or a credential that is refused everywhere. And what
// each outcome says of the parent as a whole.

import { describe, expect, it } from 'vitest';
import type { ParentSign } from '../../src/notifications/circuit.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { decideRetry, readSign, type RetryDecision, type Tried } from '../../src/notifications/retry-policy.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const second = 1_000;
const minute = 60_000;
const hour = 3_600_000;
const tried: Tried = {
  attempts: 1,
  internalFailures: 0,
  unauthorized: 1,
  othersAuthorized: false,
  throttled: 0,
  isLeftAlone: false,
  now,
  expiresAt: now + 72 * hour,
  random: 1,
};
const refused = (status: number, retryAfter?: string, said = ''): SendOutcome => ({
  kind: 'refused',
  status,
  retryAfter,
  detail: 'why',
  said,
});
const retryIn = (delayMs: number): RetryDecision => ({ kind: 'retry', at: now + delayMs });
const gone: RetryDecision = { kind: 'gone', reason: 'unauthorized' };

describe('a 401', () => {
  it.each<[string, Partial<Tried>, RetryDecision]>([
    ['the first time: at once', {}, retryIn(0)],
    ['the first time, after other failures: at once', { attempts: 5 }, retryIn(0)],
    ['the first time, while the credential is refused: at once', { isLeftAlone: true }, retryIn(0)],
    ['the second time: in 5 s', { attempts: 2, unauthorized: 2 }, retryIn(5 * second)],
    ['the second time, at the earliest: in 4 s', { attempts: 2, unauthorized: 2, random: 0 }, retryIn(4 * second)],
    [
      'the second time, others taken: in 5 s',
      { attempts: 2, unauthorized: 2, othersAuthorized: true },
      retryIn(5 * second),
    ],
    ['the third time: in 30 s', { attempts: 3, unauthorized: 3 }, retryIn(30 * second)],
    ['the third time, others taken: gone', { attempts: 3, unauthorized: 3, othersAuthorized: true }, gone],
    ['the fifth time, others taken meanwhile: gone', { attempts: 9, unauthorized: 5, othersAuthorized: true }, gone],
    ['the first time, at its expiry: dead', { expiresAt: now }, { kind: 'dead', reason: 'expired' }],
  ])('%s', (_, known, decision) => {
    expect(decideRetry(refused(401), { ...tried, ...known })).toEqual(decision);
  });

  it('each time, and nobody else is sent to: one attempt at once and then the usual 12', () => {
    const decisions = Array.from({ length: 13 }, (_, index) =>
      decideRetry(refused(401), { ...tried, attempts: index + 1, unauthorized: index + 1 }),
    );
    const minutes = [2, 5, 15, 30, 60, 120, 240, 360, 600].map((count) => count * minute);
    const delays = [0, 5 * second, 30 * second, ...minutes];
    expect(decisions).toEqual([...delays.map(retryIn), { kind: 'dead', reason: 'attempts_exhausted' }]);
  });

  it('does not cost another failure its place in the schedule', () => {
    expect(decideRetry(refused(503), { ...tried, attempts: 6 })).toEqual(retryIn(15 * minute));
    expect(decideRetry(refused(503), { ...tried, attempts: 5, unauthorized: 0 })).toEqual(retryIn(15 * minute));
  });

  it('three times makes no other refusal final', () => {
    const known = { ...tried, attempts: 4, unauthorized: 3, othersAuthorized: true };
    expect(decideRetry(refused(503), known)).toEqual(retryIn(2 * minute));
  });
});

/** Attempt after attempt, each a 401, until none follows. */
function tryUntilTheEnd(lifeMs: number, random: number): { waits: number[]; last: RetryDecision; lastAt: number } {
  const waits: number[] = [];
  for (let at = now, attempts = 1; ; attempts += 1) {
    const known = { unauthorized: attempts, isLeftAlone: true, expiresAt: now + lifeMs, random };
    const decision = decideRetry(refused(401), { ...tried, ...known, attempts, now: at });
    if (decision.kind !== 'retry') return { waits, last: decision, lastAt: at };
    waits.push(decision.at - at);
    at = decision.at;
  }
}

describe('while the credential is refused everywhere', () => {
  it('a delivery is tried every ten hours after its schedule', () => {
    const { waits } = tryUntilTheEnd(72 * hour, 1);
    expect(waits.slice(11, -1)).toEqual(Array.from({ length: 5 }, () => 10 * hour));
    // The last wait ends with its life.
    expect(waits.at(-1)).toBeLessThan(10 * hour);
  });

  it.each([24, 48, 72, 24 * 30])('is dead at its expiry and not before, in %i h', (hours) => {
    for (const random of [0, 0.5, 1]) {
      const { last, lastAt } = tryUntilTheEnd(hours * hour, random);
      expect(last).toEqual({ kind: 'dead', reason: 'expired' });
      expect(lastAt).toBe(now + hours * hour);
    }
  });

  it('another refusal has no last attempt either, as long as the parent is in trouble as a whole', () => {
    const known = { ...tried, attempts: 12, unauthorized: 0 };
    expect(decideRetry(refused(503), { ...known, isLeftAlone: true })).toEqual(retryIn(10 * hour));
    expect(decideRetry(refused(503), known)).toEqual({ kind: 'dead', reason: 'attempts_exhausted' });
  });
});

const throttledFor = (ms: number): ParentSign => ({ kind: 'throttled', words: 'why', until: now + ms });

describe('what an outcome says of the parent', () => {
  const fine: ParentSign = { kind: 'fine' };
  const failing: ParentSign = { kind: 'failing', words: 'why' };

  it.each<[string, SendOutcome, ParentSign | undefined]>([
    ['delivered', { kind: 'delivered', status: 200 }, fine],
    ['no answer', { kind: 'unreachable', errorClass: 'timeout', detail: 'why' }, failing],
    ['not sent by a fault of ours', { kind: 'notSent', errorClass: 'internal', detail: 'why' }, undefined],
    ['not sent by the policy', { kind: 'notSent', errorClass: 'service_url_not_allowed', detail: 'why' }, undefined],
    ['401', refused(401), { kind: 'unauthorized', words: 'why' }],
    ['401 with Retry-After', refused(401, '30'), { kind: 'unauthorized', words: 'why' }],
    ['429', refused(429), throttledFor(15 * second)],
    ['429 with Retry-After', refused(429, '30'), throttledFor(30 * second)],
    ['429 with a date', refused(429, 'Thu, 01 Jan 2026 00:01:00 GMT'), throttledFor(minute)],
    ['429 with a date in the past', refused(429, 'Wed, 31 Dec 2025 23:59:00 GMT'), throttledFor(15 * second)],
    ['429 with ten days', refused(429, '864000'), throttledFor(hour)],
    ['503', refused(503), failing],
    ['503 with Retry-After', refused(503, '30'), throttledFor(30 * second)],
    ['503 with Retry-After: 0', refused(503, '0'), failing],
    ['500 with Retry-After', refused(500, '30'), failing],
    [
      '500 of a botbuilder parent that has forgotten',
      refused(500, undefined, 'skillConversationReference not found'),
      fine,
    ],
    ['404 with Retry-After', refused(404, '30'), fine],
  ])('%s', (_, outcome, sign) => {
    expect(readSign(outcome, now)).toEqual(sign);
  });

  it.each([
    [300, 400, 'fine'],
    [401, 401, 'unauthorized'],
    [402, 428, 'fine'],
    [429, 429, 'throttled'],
    [430, 499, 'fine'],
    [500, 500, 'failing'],
    [501, 501, 'fine'],
    [502, 504, 'failing'],
    [505, 505, 'fine'],
    [506, 599, 'failing'],
  ])('%i to %i: %s', (from, to, kind) => {
    for (let status = from; status <= to; status += 1) {
      expect({ status, kind: readSign(refused(status), now)?.kind }).toEqual({ status, kind });
    }
  });
});
