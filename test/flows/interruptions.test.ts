// A user who does not just wait: another topic interrupts the action that is open.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWaitedFor, newSubject, notifySubject, startImportedSkill, textsIn } from '../helpers/imported-skill.ts';
import type { Skill } from '../helpers/skill.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startImportedSkill();
});
afterAll(() => skill.stop());

describe.each(['waitForNotification', 'chatUntilNotified'])('another topic interrupts %s', (action) => {
  it('and the parent tells so: nothing is pushed any more', async () => {
    const subject = newSubject();
    const conversation = skill.standIn.openConversation();
    await conversation.callAction(action, { subject });
    await conversation.cancel();
    expect(await isWaitedFor(skill, subject)).toBe(false);
    await skill.settled(await notifySubject(skill, subject), 'waiting');
    expect(textsIn(conversation)).not.toContain('shipped');
  });

  it('and ends it by unsubscribe, for its parent says nothing: nothing is pushed any more', async () => {
    const subject = newSubject();
    const conversation = skill.standIn.openConversation();
    await conversation.callAction(action, { subject });
    await conversation.callAction('unsubscribe', { subject });
    expect(conversation.action).toMatchObject({ name: 'unsubscribe', outputs: { status: 'unsubscribed', count: 1 } });
    await conversation.cancel({ tellSkill: false });
    expect(await isWaitedFor(skill, subject)).toBe(false);
    await skill.settled(await notifySubject(skill, subject), 'waiting');
    expect(textsIn(conversation)).not.toContain('shipped');
  });

  it('and unsubscribes from everything: that is the wait as well, and each of the subscriptions', async () => {
    const conversation = skill.standIn.openConversation();
    for (const subject of [newSubject(), newSubject()]) await conversation.callAction('subscribe', { subject });
    await conversation.callAction(action, { subject: newSubject() });
    await conversation.callAction('unsubscribe', { subject: '*' });
    expect(conversation.action?.outputs).toEqual({ status: 'unsubscribed', count: 3 });
  });

  it.each([
    ['asks for what is held', 'getNotifications', {}],
    ['follows another subject', 'subscribe', { subject: 'interrupting/subject' }],
    ['unsubscribes from another subject', 'unsubscribe', { subject: 'interrupting/subject' }],
    ['calls an action that there is not', 'orderPizza', {}],
    ['calls one with a faulty input', 'subscribe', { subject: 42 }],
  ])('and %s: the wait goes on', async (_, interrupting, inputs) => {
    const subject = newSubject();
    const conversation = skill.standIn.openConversation();
    await conversation.callAction(action, { subject });
    await conversation.callAction(interrupting, inputs);
    expect(conversation.action).toMatchObject({ name: interrupting, state: 'ended' });
    expect(await isWaitedFor(skill, subject)).toBe(true);
    await notifySubject(skill, subject);
    await conversation.until((now) => now.action?.name === action && now.action.state === 'ended');
    expect(conversation.action?.outputs).toMatchObject({ status: 'notified', subject });
  });

  it('and the user writes into it after the skill has ended it: its topic goes on, with all the outputs', async () => {
    const subject = newSubject();
    const conversation = skill.standIn.openConversation();
    await conversation.callAction(action, { subject });
    await conversation.callAction('unsubscribe', { subject });
    await conversation.say('hello?');
    expect(conversation.action).toMatchObject({ name: action, state: 'ended', code: 'completedSuccessfully' });
    expect(Object.keys(conversation.action?.outputs ?? {})).toEqual([
      'status',
      'subject',
      'text',
      'notificationId',
      'dataJson',
    ]);
  });
});
