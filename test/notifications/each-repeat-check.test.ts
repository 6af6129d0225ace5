// Each check of a repeat alone, over a real database: whose answer it is, of which body, and for how long.

import { describe, expect, it } from 'vitest';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import {
  AnswerBook,
  findAnswer,
  findAnswers,
  fingerprintOf,
  insertAnswers,
} from '../../src/notifications/idempotency.ts';
import { openTestDatabase } from '../helpers/database.ts';

const day = 24 * 3_600_000;
const now = 1_800_000_000_000;
const first = { credential: 'erp', key: 'k', fingerprint: fingerprintOf({ text: 'hello' }) };

async function openAnswers(expiresAt = now + 60_000) {
  const db = await openTestDatabase();
  let runs = 0;
  const accept = async (request: typeof first, at: number) => {
    const book = new AnswerBook<{ number: number; expiresAt: number }>(await findAnswers(db, [request], at));
    const answer = book.once(request, () => ({ number: (runs += 1), expiresAt }));
    await insertAnswers(db, book.added, at);
    return answer;
  };
  await accept(first, now);
  return { db, accept, find: (change: Partial<typeof first>, at = now) => findAnswer(db, { ...first, ...change }, at) };
}

describe('an answer', () => {
  it('is given again, and marked as such', async () => {
    const { accept, find } = await openAnswers();
    expect(await accept(first, now)).toEqual({ number: 1, expiresAt: now + 60_000, replayed: true });
    expect(await find({})).toEqual({ number: 1, expiresAt: now + 60_000 });
  });

  it.each([
    ['another sender', { credential: 'crm' }],
    ['another key', { key: 'l' }],
  ])('is not that of %s, whose request is accepted', async (_, change) => {
    const { accept, find } = await openAnswers();
    expect(await find(change)).toBeUndefined();
    expect(await accept({ ...first, ...change }, now)).toMatchObject({ number: 2, replayed: false });
    expect(await find({})).toMatchObject({ number: 1 });
  });

  it('is that of its own request alone among those that are asked together', async () => {
    const { db } = await openAnswers();
    const asked = [{ ...first, credential: 'crm' }, { ...first, key: 'l' }, first];
    const book = new AnswerBook<{ number: number }>(await findAnswers(db, asked, now));
    const answers = asked.map((request) => book.once(request, () => ({ number: 7 })));
    expect(answers.map(({ number }) => number)).toEqual([7, 7, 1]);
  });

  it('is not that of another body, which is refused', async () => {
    const { accept, find } = await openAnswers();
    const other = { fingerprint: fingerprintOf({ text: 'other' }) };
    await expect(find(other)).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    await expect(accept({ ...first, ...other }, now)).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  });

  it.each([
    ['a day, though its notification is over before', now + 60_000, day],
    ['as long as its notification', now + 3 * day, 3 * day],
  ])('is kept for %s, to the millisecond', async (_, expiresAt, lifeMs) => {
    const { accept, find } = await openAnswers(expiresAt);
    expect(await find({}, now + lifeMs - 1)).toMatchObject({ number: 1 });
    expect(await find({}, now + lifeMs)).toBeUndefined();
    expect(await accept(first, now + lifeMs)).toMatchObject({ number: 2, replayed: false });
    expect(await find({}, now + lifeMs)).toMatchObject({ number: 2 });
  });
});

it('the notification of one sender is not the answer to another', async () => {
  const db = await openTestDatabase();
  const request = { to: { subject: 's' }, content: {}, keepOpen: false, expiresAt: now + day };
  const repeat = { key: 'k', fingerprint: 'f' };
  const [mine, again, other] = [
    await acceptNotification(db, 'erp', request, now, { repeat }),
    await acceptNotification(db, 'erp', request, now, { repeat }),
    await acceptNotification(db, 'crm', request, now, { repeat }),
  ];
  expect(again).toEqual({ ...mine, replayed: true });
  expect(other.replayed).toBe(false);
  expect(other.id).not.toBe(mine.id);
});

describe('a body is the same', () => {
  it.each<[unknown, unknown, boolean]>([
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: { c: 1, d: 2 } }, { a: { d: 2, c: 1 } }, true],
    [[{ a: 1, b: 2 }], [{ b: 2, a: 1 }], true],
    [{ a: 1 }, { a: 2 }, false],
    [{ a: 1 }, { a: '1' }, false],
    [{ a: null }, {}, false],
    [[1, 2], [2, 1], false],
    [{ a: 1 }, [['a', 1]], false],
    [{}, [], false],
  ])('%j and %j: %s', (one, other, expected) => {
    expect(fingerprintOf(one) === fingerprintOf(other)).toBe(expected);
  });
});
