import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { decideRetry, parseRetryAfter, type Tried } from '../../src/notifications/retry-policy.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const day = 24 * 3_600_000;
const tried: Tried = {
  attempts: 1,
  internalFailures: 0,
  unauthorized: 0,
  othersAuthorized: false,
  throttled: 0,
  isLeftAlone: false,
  now,
  expiresAt: now + 2 * day,
  random: 1,
};
const refused = (status: number, retryAfter?: string, said = ''): SendOutcome => ({
  kind: 'refused',
  status,
  retryAfter,
  detail: '',
  said,
});

/** As in docs/http-api.md. */
const meanings: readonly [from: number, to: number, kind: string, reason?: string][] = [
  [200, 299, 'delivered'],
  [300, 399, 'retry'],
  [400, 400, 'dead', 'rejected'],
  [401, 401, 'retry'],
  [402, 402, 'dead', 'rejected'],
  [403, 403, 'gone', 'forbidden'],
  [404, 404, 'gone', 'conversation_gone'],
  [405, 407, 'dead', 'rejected'],
  [408, 409, 'retry'],
  [410, 410, 'gone', 'conversation_gone'],
  [411, 411, 'dead', 'rejected'],
  [412, 412, 'retry'],
  [413, 420, 'dead', 'rejected'],
  [421, 421, 'retry'],
  [422, 422, 'dead', 'rejected'],
  [423, 423, 'retry'],
  [424, 424, 'dead', 'rejected'],
  [425, 425, 'retry'],
  [426, 428, 'dead', 'rejected'],
  [429, 429, 'retry'],
  [430, 499, 'dead', 'rejected'],
  [500, 500, 'retry'],
  [501, 501, 'dead', 'rejected'],
  [502, 504, 'retry'],
  [505, 505, 'dead', 'rejected'],
  [506, 599, 'retry'],
];

describe('what the parent answers', () => {
  it.each(meanings)('%i to %i: %s %s', (from, to, kind, reason) => {
    for (let status = from; status <= to; status += 1) {
      const outcome: SendOutcome = status < 300 ? { kind: 'delivered', status } : refused(status);
      const { at, ...decision } = { at: 0, ...decideRetry(outcome, tried) };
      expect({ status, ...decision }).toEqual({ status, kind, ...(reason && { reason }) });
      expect(at).toBe(kind === 'retry' ? now + 5_000 : 0);
    }
  });

  it('has a meaning for every status from 200 to 599', () => {
    const listed = meanings.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
    expect(listed).toEqual(Array.from({ length: 400 }, (_, index) => 200 + index));
  });

  it('knows that botbuilder parents answer 500 for a conversation they have forgotten', () => {
    const outcome = refused(500, undefined, 'skillConversationReference not found');
    expect(decideRetry(outcome, tried)).toEqual({ kind: 'gone', reason: 'conversation_gone' });
  });

  it('tries again when no answer came, and not when nothing could be sent', () => {
    expect(decideRetry({ kind: 'unreachable', errorClass: 'timeout', detail: '' }, tried).kind).toBe('retry');
    expect(decideRetry({ kind: 'notSent', errorClass: 'service_url_not_allowed', detail: '' }, tried)).toEqual({
      kind: 'dead',
      reason: 'service_url_not_allowed',
    });
  });
});

it('tries an exception of our own three times, then calls the message poisoned', () => {
  const outcome: SendOutcome = { kind: 'notSent', errorClass: 'internal', detail: '' };
  const kinds = [1, 2, 3].map((internalFailures) => decideRetry(outcome, { ...tried, attempts: 7, internalFailures }));
  expect(kinds).toMatchObject([{ kind: 'retry' }, { kind: 'retry' }, { kind: 'dead', reason: 'poison' }]);
});

describe('when it is tried again', () => {
  it('makes 12 attempts over about a day', () => {
    const delays: number[] = [];
    for (let attempts = 1; attempts < 12; attempts += 1) {
      const decision = decideRetry(refused(503), { ...tried, attempts });
      if (decision.kind === 'retry') delays.push(decision.at - now);
    }
    const minute = 60_000;
    const nominal = [5_000, 30_000, 2 * minute, 5 * minute, 15 * minute, 30 * minute, 60 * minute];
    expect(delays).toEqual([...nominal, 120 * minute, 240 * minute, 360 * minute, 600 * minute]);
    expect(delays.reduce((sum, delay) => sum + delay)).toBe((23 * 3600 + 52 * 60 + 35) * 1000);
    expect(decideRetry(refused(503), { ...tried, attempts: 12 })).toEqual({
      kind: 'dead',
      reason: 'attempts_exhausted',
    });
  });

  it('spreads each delay between 80 and 100 percent', () => {
    expect(decideRetry(refused(503), { ...tried, random: 0 })).toEqual({ kind: 'retry', at: now + 4_000 });
  });

  it('never tries past the expiry, and waits until then for a turn of the user', () => {
    const expiresAt = now + 4_999;
    expect(decideRetry(refused(503), { ...tried, expiresAt })).toEqual({ kind: 'retry', at: expiresAt });
    expect(decideRetry(refused(503), { ...tried, now: expiresAt, expiresAt })).toEqual({
      kind: 'dead',
      reason: 'expired',
    });
  });

  it('waits as long as Retry-After asks, at most 10 percent more, at most an hour', () => {
    expect(decideRetry(refused(429, '100'), { ...tried, random: 0 })).toEqual({ kind: 'retry', at: now + 100_000 });
    expect(decideRetry(refused(429, '100'), { ...tried, random: 1 })).toMatchObject({
      kind: 'retry',
      at: now + 110_000,
    });
    expect(decideRetry(refused(429, '999999'), { ...tried, random: 0 })).toEqual({
      kind: 'retry',
      at: now + 3_600_000,
    });
  });
});

describe('Retry-After', () => {
  it.each([
    ['120', 120_000],
    [' 120 ', 120_000],
    ['\t120', 120_000],
    ['0120', 120_000],
    ['1', 1_000],
    ['9999999999', 9_999_999_999_000],
    ['99999999999999999999', undefined],
    ['0', undefined],
    ['00', undefined],
    ['-5', undefined],
    ['+5', undefined],
    ['1.5', undefined],
    ['1,5', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['120s', undefined],
    ['120 s', undefined],
    ['120, 60', undefined],
    ['\u0661\u0662\u0660', undefined],
    ['Infinity', undefined],
    ['NaN', undefined],
    ['', undefined],
    ['   ', undefined],
    [undefined, undefined],
    ['soon', undefined],
    ['Monday', undefined],
    ['after 120 seconds', undefined],
    ['try again in 2030', undefined],
    ['2026-01-01T00:01:00Z', undefined],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['  Thu, 01 Jan 2026 00:01:00 GMT ', 60_000],
    ['thu, 01 jan 2026 00:01:00 gmt', 60_000],
    ['Thu, 01 Jan 2026 01:01:00 +0100', 60_000],
    ['Thursday, 01-Jan-26 00:01:00 GMT', 60_000],
    ['Thu Jan  1 00:01:00 2026 GMT', 60_000],
    ['Fri, 02 Jan 2026 00:00:00 GMT', day],
    ['Thu, 01 Jan 2026 00:00:00 GMT', undefined],
    ['Wed, 31 Dec 2025 23:59:59 GMT', undefined],
    ['Sun, 06 Nov 1994 08:49:37 GMT', undefined],
    ['Thu, 32 Jan 2026 00:01:00 GMT', undefined],
    ['Thu, 01 Foo 2026 00:01:00 GMT', undefined],
    ['Thu, 01 Jan 2026 25:01:00 GMT', undefined],
    ['Thu, 01 Jan 2026 00:01:00 GMT, Thu, 01 Jan 2026 00:02:00 GMT', undefined],
  ])('%j is %s ms', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });

  // The third form of RFC 9110 5.6.7 names no zone, and means UTC.
  it.each([
    ['UTC', 0],
    ['America/New_York', 19],
    ['Asia/Tokyo', 9],
  ])('a date without zone is UTC on a machine in %s', (zone, hour) => {
    vi.stubEnv('TZ', zone);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(new Date(now).getHours()).toBe(hour);
    expect(parseRetryAfter('Thu Jan  1 00:01:00 2026', now)).toBe(60_000);
  });

  it.each([300, 302, 307, 308, 399])('of a %i is about the other address', (status) => {
    expect(decideRetry(refused(status, '600'), tried)).toEqual({ kind: 'retry', at: now + 5_000 });
  });

  it.each([401, 408, 409, 412, 421, 423, 425, 429, 500, 502, 503, 504])('of a %i is heard', (status) => {
    const known = { ...tried, random: 0, unauthorized: status === 401 ? 2 : 0 };
    expect(decideRetry(refused(status, '600'), known)).toEqual({ kind: 'retry', at: now + 600_000 });
  });
});

describe('a parent that asks to come later again and again', () => {
  it('costs a delivery none of its 12 attempts, and is asked ever less often', () => {
    const life = 3 * day;
    const waits: number[] = [];
    let at = now;
    for (let attempts = 1; ; attempts += 1) {
      const known = { ...tried, attempts, throttled: attempts, now: at, expiresAt: now + life };
      const decision = decideRetry(refused(429, '1'), known);
      if (decision.kind !== 'retry') break;
      waits.push(decision.at - at);
      at = decision.at;
    }
    // Dead at its expiry only; five times as asked, then by the schedule.
    expect(at).toBe(now + life);
    expect(waits.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 1_100));
    expect(waits.slice(5, 8)).toEqual([5_000, 30_000, 120_000]);
    // From then on once an hour.
    expect(Math.max(...waits)).toBe(3_600_000);
    expect(waits.length).toBeLessThan(90);
  });

  it('leaves the schedule of other failures where it was', () => {
    const known = { ...tried, attempts: 9, throttled: 8 };
    expect(decideRetry(refused(500), known)).toEqual({ kind: 'retry', at: now + 5_000 });
  });
});
