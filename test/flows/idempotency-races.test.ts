// T15, races: a hundred requests that arrive together, and how many rows they leave.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, otherKey, readRows, send, sendTogether } from '../helpers/repeats.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

const body = { subject: 's', text: 'hello' };
const many = 100;

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill({ env: { NOTIFY_API_KEYS: `test:${apiKey},other:${otherKey}` } });
});
afterEach(() => skill.stop());

/** All at one moment; `make` says what the request with this number is. */
function race(count: number, make: (index: number) => Parameters<typeof sendTogether>[1][number]): Promise<Answer[]> {
  return sendTogether(
    skill,
    Array.from({ length: count }, (_, index) => make(index)),
  );
}

const idsOf = (answers: readonly Answer[]): Set<unknown> => new Set(answers.map(({ id }) => id));
const firstsOf = (answers: readonly Answer[]): Answer[] =>
  answers.filter(({ status, replayed }) => status === 202 && replayed === null);

describe('a hundred requests at once', () => {
  it('with one key and one body: one row, one id, one message', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    const answers = await race(many, () => ({ body, key: 'k' }));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(many).fill(202));
    expect(idsOf(answers).size).toBe(1);
    expect(firstsOf(answers)).toHaveLength(1);
    await skill.settled(String(answers[0]?.id), 'delivered');
    const { notifications, keys, deliveries } = await readRows(skill);
    expect(notifications.map(({ id }) => id)).toEqual([...idsOf(answers)]);
    expect([keys.length, deliveries.length]).toEqual([1, 1]);
    expect(conversation.transcript.filter((line) => line.text === 'hello')).toHaveLength(1);
    console.log(`${many} at once, 1 key, 1 body: 1 row, 1 delivery, ${many - 1} replayed`);
  });

  it('with one key and two bodies: one of the bodies wins all of its requests, the others get 422', async () => {
    const answers = await race(many, (index) => ({ body: { ...body, text: `body ${index % 2}` }, key: 'k' }));
    const winner = answers.findIndex((answer) => answer.status === 202 && answer.replayed === null) % 2;
    for (const [index, { status, code }] of answers.entries()) {
      expect([status, code]).toEqual(index % 2 === winner ? [202, undefined] : [422, 'idempotency_key_reused']);
    }
    expect(firstsOf(answers)).toHaveLength(1);
    const { notifications, keys } = await readRows(skill);
    expect([notifications.length, keys.length]).toEqual([1, 1]);
    expect(notifications[0]?.id).toBe(firstsOf(answers)[0]?.id);
    console.log(`${many} at once, 1 key, 2 bodies: 1 row, ${many / 2} of body ${winner}, ${many / 2} times 422`);
  });

  it('with one key and a hundred bodies: one is accepted, 99 get 422', async () => {
    const answers = await race(many, (index) => ({ body: { ...body, text: `body ${index}` }, key: 'k' }));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'idempotency_key_reused')).toHaveLength(many - 1);
    const { notifications, keys } = await readRows(skill);
    expect([notifications.length, keys.length]).toEqual([1, 1]);
  });

  it('with one key, half of them faulty: the faulty ones keep nothing and hinder nobody', async () => {
    const answers = await race(many, (index) => ({ body: index % 2 ? { ...body, wrong: 1 } : body, key: 'k' }));
    for (const [index, { status }] of answers.entries()) expect(status).toBe(index % 2 ? 422 : 202);
    expect(firstsOf(answers)).toHaveLength(1);
    const { notifications, keys } = await readRows(skill);
    expect([notifications.length, keys.length]).toEqual([1, 1]);
  });

  it('with one key of two credentials: one row of each', async () => {
    const answers = await race(many, (index) => ({ body, key: 'k', secret: index % 2 ? apiKey : otherKey }));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(many).fill(202));
    expect(firstsOf(answers)).toHaveLength(2);
    const { notifications, keys } = await readRows(skill);
    expect(notifications.map(({ sender }) => sender).toSorted()).toEqual(['other', 'test']);
    expect(keys.map(({ credential }) => credential).toSorted()).toEqual(['other', 'test']);
  });

  it('with one key, where there is room for one: no repeat is turned away', async () => {
    await skill.stop();
    skill = await startSkill({ env: { MAX_PENDING: '1' } });
    const answers = await race(many, () => ({ body, key: 'k' }));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(many).fill(202));
    const rest = await race(10, (index) => ({ body, key: `other-${index}` }));
    expect(rest.map(({ status }) => status)).toEqual(Array<number>(10).fill(503));
    const { notifications, keys } = await readRows(skill);
    expect([notifications.length, keys.length]).toEqual([1, 1]);
  });

  it('with one key, whose time is just over: one new row', async () => {
    const first = await send(skill, body, { key: 'k' });
    skill.clock.advance(24 * 3_600_000);
    const answers = await race(many, () => ({ body, key: 'k' }));
    expect(idsOf(answers).size).toBe(1);
    expect(idsOf(answers).has(first.id)).toBe(false);
    const { notifications, keys } = await readRows(skill);
    expect([notifications.length, keys.length]).toEqual([2, 1]);
  });

  it('without a key: a hundred rows', async () => {
    const answers = await race(many, () => ({ body }));
    expect(idsOf(answers).size).toBe(many);
    const { notifications, keys } = await readRows(skill);
    expect([notifications.length, keys.length]).toEqual([many, 0]);
  });
});

it('a hundred times with each of twenty keys at once: twenty rows, twenty deliveries', async () => {
  const keys = 20;
  await skill.standIn.openConversation().callAction('subscribe', { subject: 's' });
  const startedAt = performance.now();
  const answers = await race(keys * many, (index) => ({
    body: { ...body, text: `text ${index % keys}` },
    key: `k-${index % keys}`,
  }));
  const ms = Math.round(performance.now() - startedAt);
  expect(answers.filter(({ status }) => status !== 202)).toEqual([]);
  expect(firstsOf(answers)).toHaveLength(keys);
  for (let key = 0; key < keys; key += 1) {
    expect(idsOf(answers.filter((_, index) => index % keys === key)).size).toBe(1);
  }
  const rows = await readRows(skill);
  expect(new Set(rows.notifications.map(({ id }) => id))).toEqual(idsOf(answers));
  expect([rows.notifications.length, rows.keys.length, rows.deliveries.length]).toEqual([keys, keys, keys]);
  console.log(`${keys * many} at once, ${keys} keys: ${keys} rows, ${keys} deliveries, in ${ms} ms`);
  // Client and service share one process here, and the machine with whoever else tests.
}, 60_000);
