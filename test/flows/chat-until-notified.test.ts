// A wait in an action that a message calls: how its call is told from what a user writes, and what it does.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  isWaitedFor,
  newSubject,
  notifySubject,
  startImportedSkill,
  textsIn,
  untilEnded,
} from '../helpers/imported-skill.ts';
import type { Skill } from '../helpers/skill.ts';

const minuteMs = 60_000;

let skill: Skill;
beforeAll(async () => {
  skill = await startImportedSkill();
});
afterAll(() => skill.stop());

describe('chatUntilNotified', () => {
  it('is called by a message without a name, stays open while the user chats, and ends with the notification', async () => {
    const subject = newSubject();
    const conversation = skill.standIn.openConversation();
    await conversation.say('Where is my order?');
    await conversation.callAction('chatUntilNotified', { subject, timeoutMinutes: 10 });
    const call = skill.standIn.wire.findLast(({ direction }) => direction === 'agent->skill')?.activity;
    expect(call).toMatchObject({ type: 'message', text: 'Where is my order?', value: { subject } });
    expect(call).not.toHaveProperty('name', expect.anything());
    expect(textsIn(conversation)).toEqual([`I will tell you here as soon as there is news about ${subject}.`]);

    await conversation.say('And now?');
    expect(textsIn(conversation).at(-1)).toContain(
      `Still waiting for news about ${subject} (for up to 10 more minutes)`,
    );
    expect(conversation.action).toMatchObject({ name: 'chatUntilNotified', state: 'open' });

    const id = await notifySubject(skill, subject);
    await untilEnded(conversation);
    expect(textsIn(conversation).at(-1)).toBe('shipped');
    expect(conversation.action).toMatchObject({
      code: 'completedSuccessfully',
      outputs: { status: 'notified', subject, text: 'shipped', notificationId: id, dataJson: '{}' },
    });
    await skill.settled(id, 'delivered');
  });

  it.each([
    ['its name alone', { name: 'chatUntilNotified' }, 'invalidInput'],
    ['its name and inputs', { name: 'chatUntilNotified', value: { subject: 'by-name' } }, undefined],
    ['both inputs', { value: { subject: 'by-inputs', timeoutMinutes: '5' } }, undefined],
    ['an input that the maker left empty', { value: { subject: '', timeoutMinutes: null } }, 'invalidInput'],
    ['an input of another type', { value: { subject: 42 } }, 'invalidInput'],
  ])('is told by %s', async (_, fields, code) => {
    const conversation = skill.standIn.openConversation();
    await conversation.post({ type: 'message', text: 'hello', ...fields });
    expect(conversation.action?.state).toBe(code === undefined ? 'open' : 'ended');
    expect(conversation.action?.code).toBe(code);
  });

  it.each([
    ['nothing but words', {}],
    ['no inputs', { value: {} }],
    ['the data of a card', { text: undefined, value: { action: 'approve', subject: 'order/42' } }],
    ['a text as value', { value: 'subject' }],
    ['a list as value', { value: ['subject'] }],
    ['an unknown name', { name: 'orderPizza' }],
  ])('is not told by %s: that is what the user has written', async (_, fields) => {
    const conversation = skill.standIn.openConversation();
    await conversation.post({ type: 'message', text: 'hello', ...fields });
    expect(textsIn(conversation)).toEqual(['There is nothing new for you.']);
    expect(conversation.action).toMatchObject({ state: 'ended', outputs: { status: 'cancelled' } });

    const subject = newSubject();
    const waiting = skill.standIn.openConversation();
    await waiting.callAction('chatUntilNotified', { subject });
    await waiting.post({ type: 'message', text: 'hello', ...fields });
    expect(textsIn(waiting).at(-1)).toContain(`Still waiting for news about ${subject}`);
    expect(await isWaitedFor(skill, subject)).toBe(true);
  });

  it('called anew with another subject, as by a topic that was left without a word, waits for that one', async () => {
    const [left, wanted] = [newSubject(), newSubject()];
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('chatUntilNotified', { subject: left });
    await conversation.cancel({ tellSkill: false });
    await conversation.callAction('chatUntilNotified', { subject: wanted });
    expect([await isWaitedFor(skill, left), await isWaitedFor(skill, wanted)]).toEqual([false, true]);
    await notifySubject(skill, wanted, 'the right one');
    await untilEnded(conversation);
    expect(conversation.action?.outputs).toMatchObject({ subject: wanted, text: 'the right one' });
  });

  it('ends in the test pane at once, in words for the user', async () => {
    const subject = newSubject();
    const pane = skill.standIn.openConversation({ channel: 'pva-studio', deliveryMode: 'expectReplies' });
    await pane.callAction('chatUntilNotified', { subject });
    expect(pane.action?.outputs).toMatchObject({
      status: 'pushUnavailable',
      text: 'This channel takes no message later. What comes is kept and given the next time you ask.',
    });
  });

  it('ends with all its outputs when its time is over', async () => {
    const subject = newSubject();
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('chatUntilNotified', { subject, timeoutMinutes: 3 });
    skill.clock.advance(3 * minuteMs);
    await untilEnded(conversation);
    expect(conversation.action?.outputs).toEqual({
      status: 'timeout',
      subject,
      text: '',
      notificationId: '',
      dataJson: '{}',
    });
  });
});
