// How fast a turn gives what is held, and what a parent that says "not so fast" or "not with this token" gets next: through
// real HTTP with authentication on.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentConversation } from '../../standin/stand-in.ts';
import { callbacksOf } from '../helpers/activities.ts';
import { eventually } from '../helpers/eventually.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

const user = { id: 'u', aadObjectId: '0000abcd-0000-4000-8000-000000000001' };
const held = Array.from({ length: 20 }, (_, index) => `m${index}`);
/** CONVERSATION_SEND_RATES as it is by default: what Teams takes. */
const perSecond = 7;
/** Of these a turn keeps for what its action itself has to say. */
const keptForAction = 2;

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill();
});
afterEach(() => skill.stop());

const texts = (conversation: AgentConversation) =>
  conversation.transcript.filter((line) => line.from === 'skill' && line.type === 'message').map((line) => line.text);

/** Those of the held messages that the conversation has been given, in order. */
const given = (conversation: AgentConversation) => texts(conversation).filter((text) => held.includes(text));

/** Subscribes to `news` and has all of them held; gives their ids. */
async function holdAll(conversation: AgentConversation): Promise<string[]> {
  await conversation.callAction('subscribe', { subject: 'news' });
  const ids: string[] = [];
  for (const text of held) ids.push(String((await skill.notify({ subject: 'news', text })).body['id']));
  for (const id of ids) await skill.settled(id, 'held');
  return ids;
}

async function findWaits(): Promise<(string | null)[]> {
  const answer = await fetch(`${skill.url}/api/conversations`, { headers: { 'X-API-Key': apiKey } });
  const { items } = (await answer.json()) as { items: { waitingFor: string | null }[] };
  return items.map(({ waitingFor }) => waitingFor).filter((subject) => subject !== null);
}

/** The parent takes seven posts in a second, as Teams does, and answers 429 to those beyond. Gives what it has refused. */
function limitParent(): { readonly refused: unknown[]; readonly lift: () => void } {
  const refused: unknown[] = [];
  let second = skill.clock.now();
  let count = 0;
  const stop = skill.standIn.onWire((record) => {
    if (record.direction !== 'skill->agent') return;
    if (record.status === 429) refused.push(record.activity?.['text']);
    if (skill.clock.now() - second >= 1_000) [second, count] = [skill.clock.now(), 0];
    count += 1;
    if (count >= perSecond) skill.standIn.faults.answerNext({ status: 429, headers: { 'retry-after': '1' } }, 1);
  });
  return { refused, lift: stop };
}

describe('a turn with twenty held messages', () => {
  it('gives as many as the channel takes, opens its wait all the same, and the rest comes with later turns', async () => {
    const ids = await holdAll(skill.standIn.openConversation({ user }));
    const conversation = skill.standIn.openConversation({ user });
    const before = callbacksOf(skill).length;
    const answer = await conversation.callAction('waitForNotification', { subject: 'other' });
    expect(answer.status).toBe(200);
    expect(given(conversation)).toEqual(held.slice(0, perSecond - keptForAction));
    expect(callbacksOf(skill).length - before).toBeLessThanOrEqual(perSecond);
    expect(conversation.action?.state).toBe('open');
    expect(await findWaits()).toEqual(['other']);
    let turns = 1;
    for (; given(conversation).length < held.length && turns < 10; turns += 1) {
      skill.clock.advance(2_000);
      const posts = callbacksOf(skill).length;
      expect((await conversation.say('anything else?')).status).toBe(200);
      expect(callbacksOf(skill).length - posts).toBeLessThanOrEqual(perSecond);
    }
    console.log(`20 held messages: ${turns} turns`);
    expect(given(conversation)).toEqual(held);
    for (const id of ids) await skill.settled(id, 'delivered');
    expect(await findWaits()).toEqual(['other']);
  });

  it('never has the parent answer 429, and the result of the wait comes besides', async () => {
    await holdAll(skill.standIn.openConversation({ user }));
    const parent = limitParent();
    const conversation = skill.standIn.openConversation({ user });
    await conversation.callAction('waitForNotification', { subject: 'other' });
    skill.clock.advance(2_000);
    skill.standIn.faults.clear();
    const sent = await skill.notify({ subject: 'other', text: 'result' });
    await skill.settled(String(sent.body['id']), 'delivered');
    expect(parent.refused).toEqual([]);
    expect(conversation.action).toMatchObject({ state: 'ended', outputs: { status: 'notified', text: 'result' } });
  });

  it.each(['the conversation', 'another conversation'])('held in %s: no more when the user goes on', async (where) => {
    const conversation = skill.standIn.openConversation({ user });
    await holdAll(where === 'the conversation' ? conversation : skill.standIn.openConversation({ user }));
    await conversation.callAction('waitForNotification', { subject: 'other' });
    for (let turn = 0; turn < 3; turn += 1) await conversation.say('and now?');
    // No time has passed.
    expect(given(conversation)).toEqual(held.slice(0, perSecond - keptForAction));
  });
});

describe('a held message that the parent answers with 429', () => {
  it('does not fail the action: it stays held, and is given later', async () => {
    const ids = await holdAll(skill.standIn.openConversation({ user }));
    const conversation = skill.standIn.openConversation({ user });
    skill.standIn.faults.answerNext({ status: 429, headers: { 'retry-after': '1' } });
    const answer = await conversation.callAction('waitForNotification', { subject: 'other' });
    expect(answer.status).toBe(200);
    expect(given(conversation)).toEqual([]);
    expect(await findWaits()).toEqual(['other']);
    const first = await skill.findNotification(String(ids[0]));
    expect(first).toMatchObject({ status: 'held', deliveries: [{ attempts: [{ via: 'turn', status: 429 }] }] });
    skill.clock.advance(2_000);
    await conversation.say('and now?');
    expect(given(conversation)).toEqual(held.slice(0, perSecond - keptForAction));
  });

  it('of the subject itself is pushed once the wait for it is open', async () => {
    const conversation = skill.standIn.openConversation({ user });
    const ids = await holdAll(conversation);
    skill.standIn.faults.answerNext({ status: 429, headers: { 'retry-after': '1' } });
    const answer = await conversation.callAction('waitForNotification', { subject: 'news' });
    expect(answer.status).toBe(200);
    await conversation.until((now) => now.action?.state === 'ended');
    expect(conversation.action?.outputs).toMatchObject({ status: 'notified', text: 'm0' });
    const first = await skill.settled(String(ids[0]), 'delivered');
    const attempts = first.deliveries[0]?.attempts.map(({ via, step, status }) => [via, step, status]);
    expect(attempts).toEqual([
      ['turn', 'message', 429],
      ['push', 'message', 200],
      ['push', 'end', 200],
    ]);
    expect(given(conversation)).toEqual(['m0']);
    for (const id of ids.slice(1)) await skill.settled(id, 'held');
  });
});

describe('a 401 with a token that is seconds old', () => {
  it('is followed at once by an attempt with another token', async () => {
    const conversation = skill.standIn.openConversation({ user });
    await conversation.callAction('waitForNotification', { subject: 's' });
    const steps: string[] = [];
    skill.standIn.onWire(({ direction, scope, status }) => {
      if (direction === 'skill->tenant' && scope !== undefined) steps.push('token');
      if (direction === 'skill->agent') steps.push(String(status));
    });
    skill.standIn.faults.answerNext({ status: 401 });
    const sent = await skill.notify({ subject: 's', text: 'hello', keepOpen: true });
    // Time stands still: nothing here waits for the second attempt of the usual schedule.
    const view = await skill.settled(String(sent.body['id']), 'delivered');
    expect(steps).toEqual(['401', 'token', '200']);
    expect(view.deliveries[0]?.attempts).toMatchObject([{ status: 401 }, { status: 200 }]);
  });

  it('again and again asks for one other token only', async () => {
    const conversation = skill.standIn.openConversation({ user });
    await conversation.callAction('waitForNotification', { subject: 's' });
    skill.standIn.faults.answerNext({ status: 401 }, 3);
    const countTokens = () => skill.standIn.wire.filter((record) => record.scope !== undefined).length;
    const before = countTokens();
    const sent = await skill.notify({ subject: 's', text: 'hello', keepOpen: true });
    await eventually('it is delivered', async () => {
      skill.clock.advance(1_000);
      return (await skill.findNotification(String(sent.body['id']))).status === 'delivered';
    });
    expect(countTokens() - before).toBe(1);
  });
});
