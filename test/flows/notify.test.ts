// The main job, as a maker, a sender and a user see it.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill();
});
afterEach(() => skill.stop());

const texts = (conversation: { transcript: readonly { from: string; type: string; text: string }[] }) =>
  conversation.transcript.filter((line) => line.from === 'skill' && line.type === 'message').map((line) => line.text);

describe('a wait on Teams', () => {
  it('stays open, then gets the message and ends with the result', async () => {
    const conversation = skill.standIn.openConversation({ channel: 'msteams' });
    const called = await conversation.callAction('waitForNotification', { subject: 'order/42', timeoutMinutes: 10 });
    expect(called.status).toBe(200);
    expect(conversation.action?.state).toBe('open');

    const accepted = await skill.notify({
      subject: 'order/42',
      text: 'Your order has been shipped.',
    });
    expect(accepted).toMatchObject({ status: 202, body: { status: 'pending', recipients: 1 } });
    await conversation.until((now) => now.action?.state === 'ended');

    expect(texts(conversation).at(-1)).toBe('Your order has been shipped.');
    expect(conversation.action).toMatchObject({
      state: 'ended',
      code: 'completedSuccessfully',
      outputs: {
        status: 'notified',
        subject: 'order/42',
        text: 'Your order has been shipped.',
        notificationId: accepted.body['id'],
        dataJson: '{}',
      },
    });
    const view = await skill.settled(String(accepted.body['id']), 'delivered');
    expect(view.deliveries[0]?.attempts).toMatchObject([
      { number: 1, via: 'push', step: 'message', outcome: 'delivered', status: 200 },
      { number: 2, via: 'push', step: 'end', outcome: 'delivered', status: 200 },
    ]);
  });

  it('pushes with a token for the parent and to the service URL of the conversation', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    await skill.notify({ subject: 's', text: 't' });
    await conversation.until((now) => now.action?.state === 'ended');
    const pushes = skill.standIn.wire.filter((record) => record.direction === 'skill->agent');
    for (const push of pushes) {
      expect(push.token).toMatchObject({ aud: skill.standIn.agent.appId, tid: skill.standIn.tenantId });
    }
    const tokens = skill.standIn.wire.filter((record) => record.direction === 'skill->tenant' && record.scope);
    expect(tokens.map((record) => record.scope)).toEqual([`${skill.standIn.agent.appId}/.default`]);
  });

  it('hands the fields of result to the topic', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    await skill.notify({ to: { subject: 's' }, message: { text: 'ready' }, result: { text: 'short', parcels: 3 } });
    await conversation.until((now) => now.action?.state === 'ended');
    expect(conversation.action?.outputs).toMatchObject({ text: 'short', dataJson: '{"parcels":3}' });
  });

  it('stays open with keepOpen, until a notification without it', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    const first = await skill.notify({ to: { subject: 's' }, message: { text: 'packed' }, keepOpen: true });
    await skill.settled(String(first.body['id']), 'delivered');
    expect(conversation.action?.state).toBe('open');
    await skill.notify({ to: { subject: 's' }, message: { text: 'shipped' } });
    await conversation.until((now) => now.action?.state === 'ended');
    expect(texts(conversation).slice(-2)).toEqual(['packed', 'shipped']);
  });

  it('ends with status timeout when nothing comes in time', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's', timeoutMinutes: 10 });
    skill.clock.advance(10 * 60_000);
    await conversation.until((now) => now.action?.state === 'ended');
    expect(conversation.action).toMatchObject({ code: 'completedSuccessfully', outputs: { status: 'timeout' } });
  });

  it('says how long it still waits when the user writes, and ends when the user cancels', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's', timeoutMinutes: 10 });
    await conversation.say('and?');
    expect(texts(conversation).at(-1)).toContain('Still waiting for news about s');
    expect(conversation.action?.state).toBe('open');
    await conversation.say('cancel');
    expect(conversation.action).toMatchObject({ state: 'ended', outputs: { status: 'cancelled' } });
  });

  it('is given what had come before anybody waited', async () => {
    const early = await skill.notify({ subject: 'order/42', text: 'already shipped' });
    expect(early.body).toMatchObject({ status: 'waiting', recipients: 0 });
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 'order/42' });
    expect(conversation.action).toMatchObject({ state: 'ended', outputs: { status: 'notified' } });
    expect(texts(conversation)).toEqual(['already shipped']);
    const view = await skill.settled(String(early.body['id']), 'delivered');
    expect(view.deliveries[0]?.attempts).toMatchObject([{ via: 'turn', outcome: 'delivered' }]);
  });

  it('ends with the first of two notifications; the second is held and given at the next wait', async () => {
    const conversation = skill.standIn.openConversation({ user: { aadObjectId: 'user-1' } });
    await conversation.callAction('waitForNotification', { subject: 's' });
    const first = await skill.notify({ subject: 's', text: 'one' });
    const second = await skill.notify({ subject: 's', text: 'two' });
    await skill.settled(String(first.body['id']), 'delivered');
    const held = await eventually('the second is settled', async () => {
      const view = await skill.findNotification(String(second.body['id']));
      return ['held', 'waiting'].includes(view.status) && view;
    });
    expect(held.counts.delivered).toBe(0);
    await conversation.callAction('waitForNotification', { subject: 's' });
    expect(conversation.action).toMatchObject({ state: 'ended', outputs: { text: 'two' } });
    await skill.settled(String(second.body['id']), 'delivered');
  });
});

describe('recipients', () => {
  it('by conversationId and by userId', async () => {
    const conversation = skill.standIn.openConversation({
      user: { aadObjectId: '0000abcd-0000-4000-8000-000000000007' },
    });
    await conversation.callAction('waitForNotification', { subject: 's' });
    const list = await fetch(`${skill.url}/api/conversations`, {
      headers: { 'X-API-Key': 'test-secret-of-enough-characters' },
    });
    const { items } = (await list.json()) as { items: { id: string; reachability: string; waitingFor: string }[] };
    expect(items).toMatchObject([{ reachability: 'push', waitingFor: 's' }]);
    const byUser = await skill.notify({
      to: { userId: '0000abcd-0000-4000-8000-000000000007' },
      message: { text: 'for you' },
    });
    await skill.settled(String(byUser.body['id']), 'delivered');
    expect(conversation.action?.state).toBe('open');
    await skill.notify({ to: { conversationId: items[0]?.id }, message: { text: 'and done' } });
    await conversation.until((now) => now.action?.state === 'ended');
    expect(texts(conversation).slice(-2)).toEqual(['for you', 'and done']);
  });

  it('all', async () => {
    const conversations = [1, 2, 3].map((number) =>
      skill.standIn.openConversation({ user: { id: `u${number}`, aadObjectId: `u${number}` } }),
    );
    for (const conversation of conversations) {
      await conversation.callAction('waitForNotification', { subject: `own/${conversation.id}` });
    }
    const accepted = await skill.notify({ to: { all: true }, message: { text: 'maintenance tonight' } });
    expect(accepted.body).toMatchObject({ recipients: 3 });
    await skill.settled(String(accepted.body['id']), 'delivered');
    for (const conversation of conversations) expect(texts(conversation).at(-1)).toBe('maintenance tonight');
  });

  it('everybody who waits for the subject, each once', async () => {
    const first = skill.standIn.openConversation({ user: { id: 'a', aadObjectId: 'a' } });
    const second = skill.standIn.openConversation({ user: { id: 'b', aadObjectId: 'b' } });
    for (const conversation of [first, second]) {
      await conversation.callAction('waitForNotification', { subject: 'release' });
    }
    const accepted = await skill.notify({ subject: 'release', text: 'out now' });
    await skill.settled(String(accepted.body['id']), 'delivered');
    for (const conversation of [first, second]) {
      expect(texts(conversation).filter((text) => text === 'out now')).toHaveLength(1);
    }
  });
});

describe('subscriptions', () => {
  it('hold what comes and give it at the next turn, in whichever conversation', async () => {
    const user = { id: 'u', aadObjectId: '0000abcd-0000-4000-8000-00000000000a' };
    const first = skill.standIn.openConversation({ user });
    await first.callAction('subscribe', { subject: 'news' });
    expect(first.action).toMatchObject({ state: 'ended', outputs: { status: 'subscribed', subject: 'news' } });
    const accepted = await skill.notify({ subject: 'news', text: 'hello again' });
    const held = await skill.settled(String(accepted.body['id']), 'held');
    expect(held.deliveries[0]).toMatchObject({ reason: 'not_reachable', reasonText: 'No action is open.' });

    const later = skill.standIn.openConversation({ user, channel: 'directline' });
    await later.callAction('unsubscribe', { subject: '*' });
    expect(texts(later)).toEqual(['hello again']);
    expect(later.action).toMatchObject({ outputs: { status: 'unsubscribed', count: 1 } });
    await skill.settled(String(accepted.body['id']), 'delivered');
  });

  it('are handed out by getNotifications', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('subscribe', { subject: 'news' });
    const one = await skill.notify({ subject: 'news', text: 'one' });
    const two = await skill.notify({ subject: 'news', text: 'two' });
    await skill.settled(String(one.body['id']), 'held');
    await skill.settled(String(two.body['id']), 'held');
    await conversation.callAction('getNotifications', { subject: '' });
    const outputs = conversation.action?.outputs;
    expect(outputs).toMatchObject({ count: 2, text: 'one\n\ntwo' });
    expect(JSON.parse(String(outputs?.['notificationsJson']))).toMatchObject([{ text: 'one' }, { text: 'two' }]);
    await skill.settled(String(two.body['id']), 'delivered');
  });

  it('are dead with a reason when the user never comes back', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('subscribe', { subject: 'news' });
    const accepted = await skill.notify({ subject: 'news', text: 'one' });
    await skill.settled(String(accepted.body['id']), 'held');
    skill.clock.advance(25 * 3_600_000);
    const view = await skill.settled(String(accepted.body['id']), 'dead');
    expect(view.deliveries[0]).toMatchObject({ reason: 'expired' });
  });
});

describe('actions that go wrong', () => {
  it.each([
    ['an unknown action', 'orderPizza', {}, 'unknownAction'],
    ['a name of Object.prototype', 'toString', {}, 'unknownAction'],
    ['a wait without subject', 'waitForNotification', {}, 'invalidInput'],
    ['a wait for something that is no text', 'waitForNotification', { subject: { a: 1 } }, 'invalidInput'],
    ['a timeout that is no number', 'waitForNotification', { subject: 's', timeoutMinutes: 'soon' }, 'invalidInput'],
  ])('%s ends with an error code', async (_, name, inputs, code) => {
    const conversation = skill.standIn.openConversation();
    const answer = await conversation.post({ type: 'event', name, value: inputs });
    expect(answer.status).toBe(200);
    expect(conversation.transcript.find((line) => line.type === 'endOfConversation')?.activity).toMatchObject({
      code,
      value: { status: 'error' },
    });
  });

  it.each([
    ['waitForNotification', ['status', 'subject', 'text', 'notificationId', 'dataJson']],
    ['subscribe', ['status', 'subject']],
    ['unsubscribe', ['status', 'count']],
    ['getNotifications', ['count', 'text', 'notificationsJson']],
  ])('%s gives all its outputs also when it fails', async (name, keys) => {
    const conversation = skill.standIn.openConversation();
    await conversation.post({ type: 'event', name, value: { subject: 'x'.repeat(300) } });
    const end = conversation.transcript.find((line) => line.type === 'endOfConversation')?.activity;
    expect(Object.keys(end?.['value'] as object)).toEqual(keys);
  });
});
