// Every kind of answer a parent can give, over real HTTP: the number of requests it sees is the number of attempts on
// record, and both are what the policy says. Time is moved by hand.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NotificationView } from '../../src/notifications/notification-view.ts';
import type { Fault } from '../../standin/types.ts';
import { eventually } from '../helpers/eventually.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
let cases = 0;
let hits = 0;
let others = 0;

beforeAll(async () => {
  skill = await startSkill({ env: { CONVERSATION_SEND_RATES: '1:100000' } });
});
afterAll(async () => {
  console.log(`parent answers: ${cases} kinds of answer, ${hits} requests, each an attempt on record`);
  await skill.stop();
});

type Expected = {
  /** After the first attempts, those that are made without waiting. */
  readonly status: 'delivered' | 'held' | 'dead' | 'pending';
  readonly attempts: number;
  readonly reason?: string;
  /** When the next attempt is made, in ms from the last; the clock's random number is 0.5. */
  readonly nextMs?: number;
};

const answer = (status: number, headers: Record<string, string> = {}, body = ''): Fault => ({
  kind: 'answer',
  status,
  headers,
  body,
});
const retryAfter = (value: string): Fault => answer(429, { 'Retry-After': value });
const delivered: Expected = { status: 'delivered', attempts: 1 };
const rejected: Expected = { status: 'dead', attempts: 1, reason: 'rejected' };
const again: Expected = { status: 'pending', attempts: 1, nextMs: 4_500 };
const gone = (reason: string): Expected => ({ status: 'held', attempts: 1, reason });
const html = '<!doctype html><title>Sign in</title>';

const answers: [string, Fault, Expected][] = [
  ...[200, 201, 202, 204, 206, 226].map((status): [string, Fault, Expected] => [
    `${status}`,
    answer(status),
    delivered,
  ]),
  ['200 with HTML', answer(200, { 'Content-Type': 'text/html' }, html), delivered],
  ['200 with JSON that is cut', answer(200, { 'Content-Type': 'application/json' }, '{"id": "a'), delivered],
  ['200 with 5 MB', { kind: 'huge', bytes: 5_000_000 }, delivered],
  ...[300, 301, 302, 303, 304, 307, 308].map((status): [string, Fault, Expected] => [
    `${status}, which is not followed`,
    answer(status, { Location: 'http://127.0.0.1:9/elsewhere', 'Retry-After': '900' }),
    again,
  ]),
  ...[400, 402, 405, 406, 411, 413, 414, 415, 416, 417, 418, 422, 424, 426, 428, 431, 451, 499, 501, 505].map(
    (status): [string, Fault, Expected] => [`${status}`, answer(status), rejected],
  ),
  ['401', answer(401), { status: 'pending', attempts: 2, nextMs: 4_500 }],
  ['403', answer(403), gone('forbidden')],
  ['404', answer(404), gone('conversation_gone')],
  ['410', answer(410), gone('conversation_gone')],
  [
    '500 of a parent of botbuilder that has forgotten',
    answer(500, {}, '"skillConversationReference not found"'),
    gone('conversation_gone'),
  ],
  ...[408, 409, 412, 421, 423, 425, 429, 500, 502, 503, 504, 507, 520, 599].map((status): [string, Fault, Expected] => [
    `${status}`,
    answer(status),
    again,
  ]),
  ['500 with HTML', answer(500, { 'Content-Type': 'text/html' }, html), again],
  ['Retry-After: 7', retryAfter('7'), { ...again, nextMs: 7_350 }],
  ['Retry-After: 0', retryAfter('0'), again],
  ['Retry-After: -5', retryAfter('-5'), again],
  ['Retry-After: 1.5', retryAfter('1.5'), again],
  ['Retry-After: soon', retryAfter('soon'), again],
  ['Retry-After in the past', retryAfter('Wed, 21 Oct 2015 07:28:00 GMT'), again],
  ['Retry-After: 999999999999999999999', retryAfter('999999999999999999999'), again],
  ['Retry-After: 9999999999, cut to an hour', retryAfter('9999999999'), { ...again, nextMs: 3_780_000 }],
  ['Retry-After in the year 9999', retryAfter('Fri, 31 Dec 9999 23:59:59 GMT'), { ...again, nextMs: 3_780_000 }],
  ['503 with Retry-After: 60', answer(503, { 'Retry-After': '60' }), { ...again, nextMs: 63_000 }],
  ['a connection that is reset', { kind: 'reset' }, again],
  ['a connection that is closed', { kind: 'close' }, again],
  ['a body that is cut', { kind: 'cut', sendBytes: 10 }, again],
  ['a body that drips to its end', { kind: 'drip', everyMs: 1, bytes: 50 }, delivered],
];

describe.sequential('a parent that answers', () => {
  it.each(answers)('%s', async (_name, fault, expected) => {
    cases += 1;
    const subject = `case/${cases}`;
    const conversation = skill.standIn.openConversation({ user: { id: subject }, conversationId: subject });
    await conversation.callAction('waitForNotification', { subject });
    const clear = skill.standIn.faults.set({ conversationId: subject, fault });
    const sent = await skill.notify({ subject, text: 'hello', keepOpen: true });
    const id = String(sent.body['id']);

    const first = await untilAttempts(id, expected.attempts);
    expect(first).toMatchObject({ status: expected.status, deliveries: [{ reason: expected.reason ?? null }] });
    expect(await isRepeatedAt(id, expected)).toBe(true);
    await fetch(`${skill.url}/api/notifications/${id}/cancel`, { method: 'POST', headers: { 'X-API-Key': apiKey } });
    // A day later nothing more has been sent, and all the time the others were.
    skill.clock.advance(86_400_000);
    await tellHealthy();
    const seen = skill.standIn.wire.filter(
      (record) => record.direction === 'skill->agent' && record.conversationId === subject,
    );
    // The wait tells its own deadline, which is an attempt of no delivery.
    const pushes = seen.filter((record) => record.activity?.['text'] === 'hello');
    expect(pushes).toHaveLength(expected.attempts + (expected.nextMs === undefined ? 0 : 1));
    expect(await countAttempts(id)).toBe(pushes.length);
    hits += pushes.length;
    clear();
  });
});

/** Whether its next attempt is made then and not before; true also where there is to be none. */
async function isRepeatedAt(id: string, { attempts, nextMs }: Expected): Promise<boolean> {
  if (nextMs === undefined) return true;
  skill.clock.advance(nextMs - 10);
  await tellHealthy();
  const early = (await countAttempts(id)) > attempts;
  skill.clock.advance(20);
  await untilAttempts(id, attempts + 1);
  return !early;
}

/** Three at a time, so that most of what the parent says is fine; when they are there, the worker has looked. */
async function tellHealthy(): Promise<void> {
  others += 1;
  const subject = `healthy/${others}`;
  const conversation = skill.standIn.openConversation({ user: { id: subject } });
  await conversation.callAction('waitForNotification', { subject });
  for (const text of ['one', 'two', 'three']) {
    const sent = await skill.notify({ subject, text, keepOpen: true });
    await skill.settled(String(sent.body['id']), 'delivered');
  }
}

async function countAttempts(id: string): Promise<number> {
  return (await skill.findNotification(id)).deliveries[0]?.attempts.length ?? 0;
}

function untilAttempts(id: string, attempts: number): Promise<NotificationView> {
  return eventually(`${attempts} attempts`, async () => {
    const view = await skill.findNotification(id);
    return view.deliveries[0]?.attempts.length === attempts && view.status !== 'sending' && view;
  });
}
