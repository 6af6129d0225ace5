// The bot speaks the language of the activity that it answers.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentConversation } from '../../standin/stand-in.ts';
import { newSubject, notifySubject, startImportedSkill, textsIn } from '../helpers/imported-skill.ts';
import type { Skill } from '../helpers/skill.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startImportedSkill();
});
afterAll(() => skill.stop());

const call = (conversation: AgentConversation, name: string, value: object, locale: string) =>
  conversation.post({ type: 'event', name, value, locale });

describe('the language is that of the activity', () => {
  it('from the first word of a wait to its end, also where it changes', async () => {
    const subject = newSubject();
    const conversation = skill.standIn.openConversation();
    await call(conversation, 'waitForNotification', { subject, timeoutMinutes: 1 }, 'de-AT');
    await conversation.post({ type: 'message', text: 'und?', locale: 'de' });
    await conversation.post({ type: 'message', text: 'and?', locale: 'en-GB' });
    await conversation.post({ type: 'message', text: 'et?', locale: 'fr-FR' });
    expect(textsIn(conversation)).toEqual([
      `Ich melde mich hier, sobald es Neues zu ${subject} gibt.`,
      `Ich warte noch auf Neues zu ${subject} (höchstens noch 1 Minute). Mit „abbrechen“ beenden Sie das Warten.`,
      `Still waiting for news about ${subject} (for up to 1 more minute). Say "cancel" to stop waiting.`,
      `Still waiting for news about ${subject} (for up to 1 more minute). Say "cancel" to stop waiting.`,
    ]);
    await conversation.post({ type: 'message', text: '„Abbrechen“', locale: 'en-US' });
    expect(conversation.action?.outputs).toMatchObject({ status: 'cancelled' });
  });

  it('around a held notification, which stays in its own', async () => {
    const subject = newSubject();
    const user = { aadObjectId: randomUUID() };
    await call(skill.standIn.openConversation({ user }), 'subscribe', { subject }, 'de-DE');
    await skill.settled(await notifySubject(skill, subject, 'Your parcel is here.'), 'held');
    const later = skill.standIn.openConversation({ user });
    await call(later, 'waitForNotification', { subject: newSubject() }, 'de-DE');
    expect(textsIn(later)).toEqual(['Your parcel is here.', expect.stringMatching(/^Ich melde mich hier/u) as string]);
    await later.post({ type: 'message', text: 'abbruch', locale: 'de-DE' });
    await later.post({ type: 'message', text: 'noch etwas?', locale: 'de-DE' });
    expect(textsIn(later).at(-1)).toBe('Es gibt nichts Neues für Sie.');
  });

  it.each([
    ['de-DE', 'Eine Karte wurde gesendet.'],
    ['sv-SE', 'A card was sent.'],
  ])('%s: also where a text stands for a card', async (locale, text) => {
    const subject = newSubject();
    const conversation = skill.standIn.openConversation();
    await call(conversation, 'subscribe', { subject }, locale);
    const card = { type: 'AdaptiveCard', version: '1.4', body: [{ type: 'TextBlock', text: 'hello' }] };
    const sent = await skill.notify({ to: { subject }, card });
    await skill.settled(String(sent.body['id']), 'held');
    await call(conversation, 'getNotifications', { subject }, locale);
    expect(conversation.action?.outputs).toMatchObject({ count: 1, text });
  });

  it.each([
    ['de-CH', 'Die Eingabe „timeoutMinutes“ muss eine ganze Zahl von Minuten sein, mindestens 1.'],
    ['not a locale', 'Input "timeoutMinutes" must be a whole number of minutes, 1 or more.'],
  ])('%s: also where the maker has bound a faulty input', async (locale, text) => {
    const conversation = skill.standIn.openConversation();
    await call(conversation, 'waitForNotification', { subject: 's', timeoutMinutes: 0 }, locale);
    expect(textsIn(conversation)).toEqual([text]);
  });

  it('in the test pane as well', async () => {
    const pane = skill.standIn.openConversation({ channel: 'pva-studio', deliveryMode: 'expectReplies' });
    await call(pane, 'waitForNotification', { subject: newSubject() }, 'de-DE');
    expect(pane.action?.outputs).toMatchObject({
      text: expect.stringMatching(/^Hier kann ich später keine/u) as string,
    });
  });
});

it('an activity without a language gets English', async () => {
  const conversation = skill.standIn.openConversation();
  await conversation.post({ type: 'message', text: 'hello', locale: undefined });
  expect(textsIn(conversation)).toEqual(['There is nothing new for you.']);
});
