import { describe, expect, it } from 'vitest';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { decideRetry, parseRetryAfter, type Tried } from '../../src/notifications/retry-policy.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const day = 24 * 3_600_000;
const tried: Tried = {
  attempts: 1,
  internalFailures: 0,
  unauthorized: 0,
  othersAuthorized: false,
  credentialRefused: false,
  now,
  expiresAt: now + 2 * day,
  random: 1,
};
const refused = (status: number, retryAfter?: string, detail = ''): SendOutcome => ({
  kind: 'refused',
  status,
  retryAfter,
  detail,
});

describe('what the parent answers', () => {
  it.each([
    [400, 'dead', 'rejected'],
    [405, 'dead', 'rejected'],
    [413, 'dead', 'rejected'],
    [422, 'dead', 'rejected'],
    [501, 'dead', 'rejected'],
    [505, 'dead', 'rejected'],
    [403, 'gone', 'forbidden'],
    [404, 'gone', 'conversation_gone'],
    [410, 'gone', 'conversation_gone'],
  ])('%i is %s (%s)', (status, kind, reason) => {
    expect(decideRetry(refused(status), tried)).toEqual({ kind, reason });
  });

  it.each([302, 307, 401, 408, 409, 412, 421, 423, 425, 429, 500, 502, 503, 504, 599])(
    '%i is tried again',
    (status) => {
      expect(decideRetry(refused(status), tried).kind).toBe('retry');
    },
  );

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

  it('never tries past the expiry', () => {
    expect(decideRetry(refused(503), { ...tried, expiresAt: now + 4_999 })).toEqual({
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
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Thursday, 01-Jan-26 00:01:00 GMT', 60_000],
    ['Thu Jan  1 00:01:00 2026 GMT', 60_000],
    ['0', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    ['Wed, 31 Dec 2025 23:59:00 GMT', undefined],
    ['99999999999999999999', undefined],
    ['1e3', undefined],
    [undefined, undefined],
  ])('%s is %s ms', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});
