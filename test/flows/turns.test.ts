// Turns that go wrong half way: nothing is lost, nothing is given twice, no action stays open, no conversation stays deaf.

import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentConversation } from '../../standin/stand-in.ts';
import { postActivity } from '../helpers/activities.ts';
import { eventually } from '../helpers/eventually.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

const user = { id: 'u', aadObjectId: '0000abcd-0000-4000-8000-000000000001' };

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill();
});
afterEach(() => skill.stop());

const texts = (conversation: AgentConversation) =>
  conversation.transcript.filter((line) => line.from === 'skill' && line.type === 'message').map((line) => line.text);

async function hold(...messages: string[]): Promise<string[]> {
  await skill.standIn.openConversation({ user }).callAction('subscribe', { subject: 'news' });
  const ids: string[] = [];
  for (const text of messages) ids.push(String((await skill.notify({ subject: 'news', text })).body['id']));
  for (const id of ids) await skill.settled(id, 'held');
  return ids;
}

/** Has the parent answer like this to what follows the first message with this text. */
function refuseAfter(text: string, status: number): void {
  const stop = skill.standIn.onWire((record) => {
    if (record.direction !== 'skill->agent' || record.activity?.['text'] !== text) return;
    skill.standIn.faults.answerNext({ status });
    stop();
  });
}

async function listConversations(): Promise<{ reachability: string; waitingFor: string | null }[]> {
  const answer = await fetch(`${skill.url}/api/conversations`, { headers: { 'X-API-Key': apiKey } });
  return ((await answer.json()) as { items: { reachability: string; waitingFor: string | null }[] }).items;
}

describe('held notifications', () => {
  it('stay held, all of them and however often, while the parent refuses replies; each refusal is recorded', async () => {
    const ids = await hold('one', 'two', 'three');
    const conversation = skill.standIn.openConversation({ user });
    for (let turn = 0; turn < 6; turn += 1) {
      skill.standIn.faults.answerNext({ status: 401 }, 2);
      const answer = await conversation.post({ type: 'message', text: 'hello?' });
      expect(answer.status).toBe(502);
      skill.standIn.faults.clear();
      for (const id of ids) expect((await skill.findNotification(id)).status).toBe('held');
      // The channel's pace counts what was refused as well.
      skill.clock.advance(2_000);
    }
    const first = await skill.findNotification(String(ids[0]));
    expect(first.deliveries[0]?.attempts).toHaveLength(6);
    expect(first.deliveries[0]?.attempts[0]).toMatchObject({ via: 'turn', outcome: 'refused', status: 401 });
    await conversation.post({ type: 'message', text: 'hello?' });
    expect(texts(conversation).slice(0, 3)).toEqual(['one', 'two', 'three']);
    for (const id of ids) await skill.settled(id, 'delivered');
  });

  it('are given once, also when the end of the action that carried the last one is refused', async () => {
    await skill.notify({ subject: 's', text: 'early' });
    const conversation = skill.standIn.openConversation({ user });
    refuseAfter('early', 503);
    await conversation.callAction('waitForNotification', { subject: 's' });
    await skill.standIn.openConversation({ user }).callAction('getNotifications', { subject: 's' });
    expect(texts(conversation)).toEqual(['early']);
  });

  it('stay held when the parent leaves before the answer that carries them', async () => {
    await skill.stop();
    skill = await startSkill({ env: { WAIT_IN_TURN_SECONDS: '5' } });
    const [id] = await hold('one');
    const untilItIs = (status: string) => skill.settled(String(id), status);
    for (let round = 0; round < 6; round += 1) {
      const leave = await startWaitInTurn();
      await untilItIs('sending');
      leave();
      const leftAt = skill.clock.now();
      await eventually('it is held again', async () => {
        skill.clock.advance(500);
        return (await skill.findNotification(String(id))).status === 'held';
      });
      // Long before the lease of the turn would have ended by itself.
      expect(skill.clock.now() - leftAt).toBeLessThan(30_000);
    }
    const conversation = skill.standIn.openConversation({ user });
    await conversation.callAction('getNotifications', {});
    expect(conversation.action?.outputs).toMatchObject({ count: 1, text: 'one' });
    await untilItIs('delivered');
  });

  it('of the subject are the result in the test pane, also when others are given in the same answer', async () => {
    const pane = { user, channel: 'pva-studio', deliveryMode: 'expectReplies' } as const;
    for (const subject of ['a', 'b'])
      await skill.standIn.openConversation({ ...pane, conversationId: 'pane' }).callAction('subscribe', { subject });
    const ids = [];
    for (const subject of ['a', 'b'])
      ids.push(String((await skill.notify({ subject, text: `about ${subject}` })).body['id']));
    for (const id of ids) await skill.settled(id, 'held');
    const again = skill.standIn.openConversation({ ...pane, conversationId: 'pane' });
    await again.callAction('waitForNotification', { subject: 'a' });
    expect(again.action?.outputs).toMatchObject({ status: 'notified', text: 'about a' });
    expect(texts(again)).toEqual(['about b', 'about a']);
    for (const id of ids) await skill.settled(id, 'delivered');
  });

  it('too many for one answer come with the next calls', async () => {
    const conversation = skill.standIn.openConversation({ user });
    await hold(...Array.from({ length: 6 }, (_, index) => `${index}${'x'.repeat(7_000)}`));
    const counts: unknown[] = [];
    for (let call = 0; call < 4; call += 1) {
      await conversation.callAction('getNotifications', { subject: 'news' });
      counts.push(conversation.action?.outputs?.['count']);
    }
    expect(counts).toEqual([2, 2, 2, 0]);
  });
});

/** Calls a wait in the shape of the test pane, which takes what is held into its answer; returns how to hang up. */
async function startWaitInTurn(): Promise<() => void> {
  const body = JSON.stringify({
    type: 'event',
    name: 'waitForNotification',
    value: { subject: 'nothing' },
    channelId: 'msteams',
    deliveryMode: 'expectReplies',
    serviceUrl: skill.standIn.agent.serviceUrl,
    from: user,
    conversation: { id: 'pane' },
  });
  const authorization = `Bearer ${await skill.standIn.signToken()}`;
  const headers = { 'content-type': 'application/json', authorization };
  const call = request(new URL('/api/messages', skill.url), { method: 'POST', headers });
  call.on('error', () => undefined);
  call.end(body);
  return () => void call.destroy();
}

describe('a wait', () => {
  it('that the user cancels leaves nothing that could be pushed to', async () => {
    const conversation = skill.standIn.openConversation({ user });
    await conversation.callAction('waitForNotification', { subject: 's' });
    await conversation.say('cancel');
    expect(await listConversations()).toMatchObject([{ reachability: 'held', waitingFor: null }]);
    const sent = await skill.notify({ to: { userId: user.aadObjectId }, message: { text: 'later' } });
    await skill.settled(String(sent.body['id']), 'held');
  });

  it('whose cancelling is refused once still ends, with all its outputs', async () => {
    const conversation = skill.standIn.openConversation({ user });
    await conversation.callAction('waitForNotification', { subject: 's' });
    skill.standIn.faults.answerNext({ status: 503 });
    await conversation.say('cancel');
    expect(Object.keys(conversation.action?.outputs ?? {})).toEqual([
      'status',
      'subject',
      'text',
      'notificationId',
      'dataJson',
    ]);
  });

  it('gets what is scheduled for a time when it is still open, though nobody waited when that was accepted', async () => {
    const sendAt = new Date(skill.clock.now() + 5 * 60_000).toISOString();
    const sent = await skill.notify({ subject: 's', text: 'on time', sendAt });
    expect(sent.body).toMatchObject({ status: 'waiting' });
    const conversation = skill.standIn.openConversation({ user });
    await conversation.callAction('waitForNotification', { subject: 's', timeoutMinutes: 20 });
    expect(conversation.action?.state).toBe('open');
    skill.clock.advance(5 * 60_000);
    await conversation.until((now) => now.action?.state === 'ended');
    expect(conversation.action?.outputs).toMatchObject({ status: 'notified', text: 'on time' });
  });

  it('opened after an outage gets at once what the outage had kept back', async () => {
    const conversation = skill.standIn.openConversation({ user });
    await conversation.callAction('waitForNotification', { subject: 's' });
    skill.standIn.faults.answerNext({ status: 503 }, 100);
    const sent = await skill.notify({ subject: 's', text: 'kept back' });
    for (const delayMs of [0, 5_000, 30_000, 120_000]) {
      skill.clock.advance(delayMs);
      await eventually('it was tried', async () => {
        const { deliveries } = await skill.findNotification(String(sent.body['id']));
        return Date.parse(deliveries[0]?.nextAttemptAt ?? '') > skill.clock.now();
      });
    }
    skill.standIn.faults.clear();
    await conversation.cancel({ tellSkill: false });
    await conversation.callAction('waitForNotification', { subject: 's' });
    await conversation.until((now) => now.action?.state === 'ended');
    expect(conversation.action?.outputs).toMatchObject({ status: 'notified', text: 'kept back' });
  });

  it('that the parent ends while something waits for its next attempt leaves it held', async () => {
    const conversation = skill.standIn.openConversation({ user });
    await conversation.callAction('waitForNotification', { subject: 's' });
    skill.standIn.faults.answerNext({ status: 503 }, 100);
    const sent = await skill.notify({ subject: 's', text: 'late' });
    await eventually('it was tried', async () => {
      return (await skill.findNotification(String(sent.body['id']))).deliveries[0]?.attempts[0];
    });
    skill.standIn.faults.clear();
    await conversation.cancel();
    const view = await skill.settled(String(sent.body['id']), 'held');
    expect(view.deliveries[0]?.reasonText).toBe('The parent has ended the action.');
  });

  it('in the test pane uses the turn itself, as long as WAIT_IN_TURN_SECONDS says', async () => {
    await skill.stop();
    skill = await startSkill({ env: { WAIT_IN_TURN_SECONDS: '5' } });
    const pane = skill.standIn.openConversation({ user, channel: 'pva-studio', deliveryMode: 'expectReplies' });
    const called = pane.callAction('waitForNotification', { subject: 's' });
    await eventually('the wait has begun', async () => (await listConversations())[0]);
    const sent = await skill.notify({ subject: 's', text: 'just in time' });
    await eventually('it is ready to be given', async () => {
      skill.clock.advance(50);
      return (await skill.findNotification(String(sent.body['id']))).status !== 'pending';
    });
    skill.clock.advance(1_000);
    await called;
    expect(pane.action?.outputs).toMatchObject({ status: 'notified', text: 'just in time' });
    await skill.settled(String(sent.body['id']), 'delivered');
  });
});

describe('activities that no parent should send get a 4xx', () => {
  it.each<[string, Record<string, unknown>]>([
    ['an invoke', { type: 'invoke', name: 'adaptiveCard/action' }],
    ['an id that is half a character', { id: '\ud800' }],
    ['an id that is a path', { id: '..' }],
    ['a conversation that is a path', { conversation: { id: '..' } }],
    ['no conversation', { conversation: null }],
    ['nobody', { from: null }],
    ['no service URL', { serviceUrl: undefined, deliveryMode: 'expectReplies' }],
  ])('%s', async (_, change) => {
    expect((await postActivity(skill, await skill.standIn.signToken(), change)).status).toBe(400);
  });
});
