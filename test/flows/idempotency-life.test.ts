// T15, how long a key lives, and what a repeat gets when the notification has gone its way meanwhile.

import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { readRows, send } from '../helpers/repeats.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';
import { requestText } from '../http/http-harness.ts';

const body = { subject: 's', text: 'hello' };
const key = 'k';
const hour = 3_600_000;
const day = 24 * hour;

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill();
});
afterEach(() => skill.stop());

const inTime = (ms: number): string => new Date(skill.clock.now() + ms).toISOString();

describe('a key is kept', () => {
  it.each<[name: string, env: Record<string, string>, times: { sendIn?: number; endsIn?: number }, lifeMs: number]>([
    ['a day', {}, {}, day],
    ['a day, where the notification ends before', {}, { endsIn: hour }, day],
    ['a day, where NOTIFICATION_TTL is a second', { NOTIFICATION_TTL: '1s' }, {}, day],
    ['until its notification ends', {}, { endsIn: 70 * hour }, 70 * hour],
    ['until NOTIFICATION_TTL ends', { NOTIFICATION_TTL: '7d' }, {}, 7 * day],
    ['until a later start and its end', {}, { sendIn: 20 * day, endsIn: 21 * day }, 21 * day],
    ['until a later start and NOTIFICATION_TTL', {}, { sendIn: 20 * day }, 21 * day],
  ])('%s, to the millisecond, and then it is new', async (_, env, { sendIn, endsIn }, lifeMs) => {
    await skill.stop();
    skill = await startSkill({ env });
    const content = {
      ...body,
      ...(sendIn !== undefined && { sendAt: inTime(sendIn) }),
      ...(endsIn !== undefined && { expiresAt: inTime(endsIn) }),
    };
    const acceptedAt = skill.clock.now();
    const first = await send(skill, content, { key });
    expect(first.status).toBe(202);
    const { keys } = await readRows(skill);
    expect(keys.map((row) => row.expiresAt - acceptedAt)).toEqual([lifeMs]);
    skill.clock.advance(lifeMs - 1);
    expect(await send(skill, content, { key })).toMatchObject({ status: 202, replayed: 'true', id: first.id });
    skill.clock.advance(1);
    const later = await send(skill, body, { key });
    expect(later).toMatchObject({ status: 202, replayed: null });
    expect(later.id).not.toBe(first.id);
    const rows = await readRows(skill);
    expect(rows.notifications.map((row) => row.id).toSorted()).toEqual([String(first.id), String(later.id)].toSorted());
    expect(rows.keys.map((row) => row.key)).toEqual([key]);
  });

  it('over a restart', async () => {
    const first = await send(skill, body, { key });
    await skill.restart();
    expect(await send(skill, body, { key })).toMatchObject({ status: 202, replayed: 'true', body: first.body });
  });

  it('and forgotten afterwards, without anybody asking', async () => {
    for (const name of ['a', 'b', 'c']) await send(skill, body, { key: name });
    expect((await readRows(skill)).keys).toHaveLength(3);
    skill.clock.advance(day + 60_000);
    // The housekeeper runs at the start too: what is counted is what it left.
    await skill.restart();
    expect((await readRows(skill)).keys).toEqual([]);
  });

  it('for another body after its time, and then for that one', async () => {
    await send(skill, body, { key });
    skill.clock.advance(day);
    const later = await send(skill, { ...body, text: 'other' }, { key });
    expect(later).toMatchObject({ status: 202, replayed: null });
    expect(await send(skill, { ...body, text: 'other' }, { key })).toMatchObject({ replayed: 'true', id: later.id });
    expect(await send(skill, body, { key })).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  });
});

describe('a crash between commit and answer', () => {
  it('is no second acceptance: the sender that never got its answer repeats itself after the restart', async () => {
    const socket = connect(Number(new URL(skill.url).port), '127.0.0.1');
    await once(socket, 'connect');
    const text = JSON.stringify(body);
    const headers = ['Content-Type: application/json', `Content-Length: ${text.length}`, `Idempotency-Key: ${key}`];
    socket.write(requestText('POST /api/notify HTTP/1.1', [`X-API-Key: ${apiKey}`, ...headers], text));
    const list = async (): Promise<readonly { id: string }[]> => {
      const answer = await fetch(`${skill.url}/api/notifications`, { headers: { 'x-api-key': apiKey } });
      return ((await answer.json()) as { items: { id: string }[] }).items;
    };
    // Nothing is read from the socket: whether an answer is on its way, its sender will never know.
    const [committed] = await eventually('the notification is committed', async () => {
      const items = await list();
      return items.length > 0 && items;
    });
    socket.resetAndDestroy();
    await skill.restart();
    const repeat = await send(skill, body, { key });
    expect(repeat).toMatchObject({ status: 202, replayed: 'true', id: committed?.id });
    const { notifications, keys } = await readRows(skill);
    expect([notifications.length, keys.length]).toEqual([1, 1]);
  });
});

const accepted = (headers: Record<string, string> = {}) => send(skill, body, { key, headers });

async function expectOnlyOne(): Promise<void> {
  const { notifications, keys, deliveries } = await readRows(skill);
  expect([notifications.length, keys.length, deliveries.length]).toEqual([1, 1, 1]);
}

describe('a repeat after', () => {
  it('the delivery: the first answer, and no second message', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    const first = await accepted();
    await skill.settled(String(first.id), 'delivered');
    expect(await accepted()).toMatchObject({
      status: 202,
      replayed: 'true',
      body: { status: 'pending', id: first.id },
    });
    await expectOnlyOne();
    expect(conversation.transcript.filter((line) => line.text === 'hello')).toHaveLength(1);
  });

  it('the delivery, with Prefer: wait: what became of it', async () => {
    await skill.standIn.openConversation().callAction('waitForNotification', { subject: 's' });
    const first = await accepted({ prefer: 'wait=10' });
    expect(first).toMatchObject({ status: 200, replayed: null, body: { status: 'delivered' } });
    const again = await accepted({ prefer: 'wait=10' });
    expect(again).toMatchObject({ status: 200, replayed: 'true', body: first.body });
    // Without the wish to wait it is the answer of the acceptance.
    expect(await accepted()).toMatchObject({
      status: 202,
      replayed: 'true',
      body: { status: 'pending', id: first.id },
    });
    await expectOnlyOne();
  });

  it('nothing yet, with Prefer: wait: it waits as the first does, and both are told', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    skill.standIn.faults.answerNext({ status: 503 });
    const first = await accepted();
    expect(first.status).toBe(202);
    await eventually('the parent has refused once', async () => {
      const { deliveries } = await skill.findNotification(String(first.id));
      return deliveries[0]?.attempts[0];
    });
    const waiting = [accepted({ prefer: 'wait=20' }), accepted({ prefer: 'wait=20' })];
    // Time passes until they are answered: when they begin to wait is not known from outside.
    let answered = false;
    const all = Promise.all(waiting).finally(() => (answered = true));
    await eventually('the next attempt is due', () => {
      skill.clock.advance(500);
      return answered;
    });
    for (const answer of await all) {
      expect(answer).toMatchObject({ status: 200, replayed: 'true', id: first.id, body: { status: 'delivered' } });
    }
    await expectOnlyOne();
  });

  it('the cancel: the first answer, and nothing is sent', async () => {
    const first = await accepted();
    const cancel = `${skill.url}/api/notifications/${String(first.id)}/cancel`;
    await fetch(cancel, { method: 'POST', headers: { 'x-api-key': apiKey } });
    expect(await accepted()).toMatchObject({ status: 202, replayed: 'true', body: first.body });
    expect(await accepted({ prefer: 'wait=10' })).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    const next = await send(skill, { ...body, text: 'next' });
    await skill.settled(String(next.id), 'delivered');
    expect(conversation.transcript.map((line) => line.text)).not.toContain('hello');
    expect((await readRows(skill)).keys).toHaveLength(1);
  });

  it('the death of the delivery: the first answer, and it stays dead', async () => {
    await skill.standIn.openConversation().callAction('waitForNotification', { subject: 's' });
    skill.standIn.faults.answerNext({ status: 400 });
    const first = await accepted();
    await skill.settled(String(first.id), 'dead');
    expect(await accepted()).toMatchObject({ status: 202, replayed: 'true', id: first.id });
    expect((await skill.findNotification(String(first.id))).status).toBe('dead');
    await expectOnlyOne();
  });

  it('its end: the first answer, though the end that it names has passed', async () => {
    const ending = { ...body, expiresAt: inTime(hour) };
    const first = await send(skill, ending, { key });
    skill.clock.advance(2 * hour);
    expect(await send(skill, ending, { key })).toMatchObject({ status: 202, replayed: 'true', body: first.body });
    expect((await skill.findNotification(String(first.id))).status).toBe('expired');
  });
});
