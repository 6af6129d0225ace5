// How often one sender may ask, and one address may fail: a sender that runs wild must not take the place of others, and
// whoever guesses at keys must not fill the log.

import { isIPv6 } from 'node:net';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '../errors.ts';
import { createSharedLimiter, type TakeShared } from './shared-limiter.ts';

export type RateLimits = {
  /** Throws AppError `too_many_requests` (429) when this sender has asked too often within the last minute. */
  countRequest(sender: string): Promise<void>;
  /** A request without a good credential: throws the same when its address has had too many of them. */
  countFailure(address: string | undefined): Promise<void>;
};

/** 0 means any number. */
export type RateLimitOptions = {
  /** Of one sender in a minute. */
  readonly senderRate: number;
  /** Of one address in a minute, without a good credential. */
  readonly failureRate: number;
  /** Where several replicas count together. */
  readonly takeRequests?: TakeShared | undefined;
};

/** Gives the ms until the count begins anew when it is exhausted. */
type Limiter = (key: string) => Promise<number | undefined>;

const minuteSeconds = 60;

/** A good credential is never refused for what others do wrong, also behind one address. */
export function createRateLimits({ senderRate, failureRate, takeRequests }: RateLimitOptions): RateLimits {
  const create = (kind: string, most: number): Limiter => {
    const own = createOwnLimiter(most);
    if (!takeRequests) return own;
    const shared = createSharedLimiter(takeRequests, most, minuteSeconds * 1_000);
    // While the database is away each replica counts for itself.
    return (key) => shared(`${kind} ${key}`).catch(() => own(key));
  };
  const requests = create('sender', senderRate);
  const failures = create('address', failureRate);
  return {
    countRequest: async (sender) => {
      if (senderRate === 0) return;
      const words = `A sender may ask ${senderRate} times in a minute (SENDER_RATE).`;
      refuse(await requests(sender), words);
    },
    countFailure: async (address) => {
      if (failureRate === 0) return;
      const words = 'Too many requests without a good credential came from this address (FAILURE_RATE).';
      refuse(await failures(networkOf(address ?? '')), words);
    },
  };
}

function createOwnLimiter(most: number): Limiter {
  const limiter = new RateLimiterMemory({ points: Math.max(1, most), duration: minuteSeconds });
  return async (key) => {
    try {
      await limiter.consume(key);
      return undefined;
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      return error.msBeforeNext;
    }
  };
}

function refuse(msLeft: number | undefined, words: string): void {
  if (msLeft === undefined) return;
  const seconds = Math.max(1, Math.ceil(msLeft / 1_000));
  throw new AppError('too_many_requests', words, { headers: { 'Retry-After': String(seconds) } });
}

/** Whoever has an IPv6 address has a whole /64 of them. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const full = address.includes('::') ? [...groups, ...Array.from({ length: missing }, () => '0')] : groups;
  return full.slice(0, 4).join(':');
}
