// How fast a conversation and a host are sent to: as fast as each window allows wherever it is laid, and never faster.

import { array, assert, asyncProperty, integer, property, record, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findNextSendTimes } from '../../src/notifications/attempt-store.ts';
import { HostPace, type RateWindow } from '../../src/notifications/send-rate.ts';
import type { Database } from '../../src/storage/database.ts';
import { openTestDatabase } from '../helpers/database.ts';

/** The default of CONVERSATION_SEND_RATES: what Teams takes. */
const teams: readonly RateWindow[] = [
  { seconds: 1, count: 7 },
  { seconds: 2, count: 8 },
  { seconds: 30, count: 60 },
  { seconds: 3_600, count: 1_800 },
];
const minute = 60_000;

async function findNextSendAt(db: Database, conversation: string, windows: readonly RateWindow[], now: number) {
  const times = await findNextSendTimes(db, [conversation, 'one that was sent nothing'], windows, now);
  expect([...times.keys()].filter((id) => id !== conversation)).toEqual([]);
  return times.get(conversation) ?? now;
}

type Sent = { readonly startedAt: number; readonly endedAt: number };

async function insertAttempt(db: Database, number: number, { startedAt, endedAt }: Sent, conversation = 'c') {
  await db
    .insertInto('attempts')
    .values({
      delivery_id: conversation,
      number,
      conversation_id: conversation,
      via: 'push',
      step: 'message',
      started_at: startedAt,
      duration_ms: endedAt - startedAt,
      outcome: 'delivered',
    })
    .execute();
}

/** Sends whenever it may, one after the other, for so long. */
async function sendAll(db: Database, forMs: number, attemptMs: (number: number) => number): Promise<Sent[]> {
  // In one transaction: thousands of commits are not what is tested.
  return db.transaction().execute(async (trx) => {
    const sent: Sent[] = [];
    for (let now = 0; now < forMs;) {
      const nextAt = await findNextSendAt(trx, 'c', teams, now);
      if (nextAt > now) now = nextAt;
      else {
        const attempt = { startedAt: now, endedAt: now + attemptMs(sent.length) };
        sent.push(attempt);
        await insertAttempt(trx, sent.length, attempt);
        now = attempt.endedAt;
      }
    }
    return sent;
  });
}

/** From the end of each attempt to the begin of the one that is `count` later: what arrives between must fit a window. */
function gapsOf(sent: readonly Sent[], count: number): number[] {
  return sent.slice(count).map(({ startedAt }, index) => startedAt - (sent[index]?.endedAt ?? 0));
}

describe('a sender that always sends at the earliest allowed time, to one conversation', () => {
  it('never exceeds a window, and never waits longer than one of them asks', async () => {
    const sent = await sendAll(await openTestDatabase(), 121 * minute, () => 0);
    const times = sent.map(({ startedAt }) => startedAt);
    expect(times.slice(0, 11)).toEqual([0, 0, 0, 0, 0, 0, 0, 1_000, 2_000, 2_000, 2_000]);
    for (const { seconds, count } of teams) expect(Math.min(...gapsOf(sent, count))).toBe(seconds * 1_000);
    const tooLate = times.filter((time, index) => {
      const waited = index > 0 && time > (times[index - 1] ?? 0);
      return waited && !teams.some(({ seconds, count }) => time - (times[index - count] ?? 0) === seconds * 1_000);
    });
    expect(tooLate).toEqual([]);
    const inHours = [0, 1].map((hour) => times.filter((time) => Math.floor(time / (60 * minute)) === hour).length);
    console.log(`Teams windows: ${inHours.join(' and ')} activities in the first and the second hour`);
    expect(inHours).toEqual([1_800, 1_800]);
    expect(times[1_800]).toBe(60 * minute);
  });

  it('never exceeds a window with attempts that take their time: each counts from its end', async () => {
    const sent = await sendAll(await openTestDatabase(), 75 * minute, (number) => (number * 7_919) % 1_400);
    for (const { seconds, count } of teams)
      expect(Math.min(...gapsOf(sent, count))).toBeGreaterThanOrEqual(seconds * 1_000);
    expect(sent.length).toBeGreaterThan(1_800);
  });
});

describe('the next time for a conversation', () => {
  it.each<[string, RateWindow[], readonly Sent[], number, number]>([
    ['is now when nothing was sent', [{ seconds: 1, count: 1 }], [], 5_000, 5_000],
    ['is now when the window has passed', [{ seconds: 1, count: 1 }], [{ startedAt: 0, endedAt: 9 }], 1_009, 1_009],
    ['is when the window has passed', [{ seconds: 1, count: 1 }], [{ startedAt: 0, endedAt: 9 }], 500, 1_009],
    [
      'is counted from the end of a long attempt',
      [{ seconds: 1, count: 1 }],
      [{ startedAt: 0, endedAt: 5_000 }],
      5_000,
      6_000,
    ],
    [
      'is that of the window which asks for most, in whichever order they are given',
      [
        { seconds: 10, count: 2 },
        { seconds: 1, count: 1 },
      ],
      [
        { startedAt: 0, endedAt: 0 },
        { startedAt: 1_000, endedAt: 1_000 },
      ],
      1_500,
      10_000,
    ],
  ])('%s', async (_, windows, sent, now, expected) => {
    const db = await openTestDatabase();
    for (const [index, attempt] of sent.entries()) await insertAttempt(db, index, attempt);
    expect(await findNextSendAt(db, 'c', windows, now)).toBe(expected);
  });

  it('is its own: what others were sent does not count', async () => {
    const db = await openTestDatabase();
    await insertAttempt(db, 1, { startedAt: 0, endedAt: 0 }, 'another');
    expect(await findNextSendAt(db, 'c', [{ seconds: 1, count: 1 }], 500)).toBe(500);
  });
});

it('the next times of a batch are those that each of its windows asks for, whatever was sent', async () => {
  const db = await openTestDatabase();
  const conversations = ['a', 'b', 'c'];
  const now = 10_000_000;
  const sends = uniqueArray(
    record({
      conversation: integer({ min: 0, max: 2 }),
      // Also in the future: the clock has been set back.
      beganAgo: integer({ min: -2_000, max: 70_000 }),
      ms: integer({ min: 0, max: 50_000 }),
    }),
    // Which of two that began in the same moment is the later one, nobody knows.
    { maxLength: 40, selector: ({ conversation, beganAgo }) => `${conversation} ${beganAgo}` },
  );
  const someWindows = array(record({ seconds: integer({ min: 1, max: 60 }), count: integer({ min: 1, max: 6 }) }), {
    minLength: 1,
    maxLength: 4,
  });
  let later = 0;
  await assert(
    asyncProperty(sends, someWindows, async (sent, windows) => {
      await db.deleteFrom('attempts').execute();
      const attempts = sent.map(({ conversation, beganAgo, ms }) => ({
        conversation: conversations[conversation] ?? '',
        startedAt: now - beganAgo,
        endedAt: now - beganAgo + ms,
      }));
      for (const [index, attempt] of attempts.entries()) await insertAttempt(db, index, attempt, attempt.conversation);
      const expected = conversations.flatMap((conversation) => {
        const past = attempts
          .filter((attempt) => attempt.conversation === conversation && attempt.startedAt <= now)
          .toSorted((a, b) => b.startedAt - a.startedAt);
        const times = windows.map(({ seconds, count }) => (past[count - 1]?.endedAt ?? 0) + 1_000 * seconds);
        const nextAt = Math.max(...times);
        return nextAt > now ? [[conversation, nextAt]] : [];
      });
      later += expected.length;
      const found = await findNextSendTimes(db, conversations, windows, now);
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
    }),
    { numRuns: 80 },
  );
  expect(later).toBeGreaterThan(10);
});

describe('the pace of a host', () => {
  it('is 100 at once, then none for a second, then as many as have become older than that', () => {
    const pace = new HostPace(100);
    expect([pace.allows(0), pace.nextAt(0)]).toEqual([100, 0]);
    for (let index = 0; index < 100; index += 1) expect(pace.begin(index < 60 ? 0 : 300)).toBe(true);
    expect([pace.begin(999), pace.allows(999), pace.nextAt(999)]).toEqual([false, 0, 1_000]);
    expect([pace.allows(1_000), pace.nextAt(1_000)]).toEqual([60, 1_000]);
    expect(pace.allows(1_300)).toBe(100);
    expect([pace.begin(1_000), pace.allows(1_000)]).toEqual([true, 59]);
  });

  it('fits every second wherever it is laid, and refuses nothing that fits', () => {
    const arrivals = array(integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 300 });
    assert(
      property(integer({ min: 1, max: 12 }), arrivals, (perSecond, gaps) => {
        const pace = new HostPace(perSecond);
        const begun: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          const room = perSecond - begun.filter((time) => time > now - 1_000).length;
          expect(pace.allows(now)).toBe(room);
          expect(pace.nextAt(now)).toBe(room > 0 ? now : (begun.at(-perSecond) ?? 0) + 1_000);
          expect(pace.begin(now)).toBe(room > 0);
          if (room > 0) begun.push(now);
        }
        const tooSoon = begun.filter((time, index) => time - (begun[index - perSecond] ?? -1_000) < 1_000);
        expect(tooSoon).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
