// What an action promises in the manifest it gives, on each of its paths: the agent binds just that.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AgentConversation } from '../../standin/stand-in.ts';
import { newSubject, startImportedSkill, untilEnded } from '../helpers/imported-skill.ts';
import type { Skill } from '../helpers/skill.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startImportedSkill();
});
afterAll(() => skill.stop());

const cases: [string, string | undefined, (conversation: AgentConversation, action: string) => Promise<unknown>][] = [
  ...['waitForNotification', 'chatUntilNotified'].flatMap((action): typeof cases => [
    [action, 'notified', (one, name) => callAndNotify(one, name)],
    [action, 'cancelled', (one, name) => callAndSay(one, name, 'cancel')],
    [action, 'cancelled', (one, name) => callAndSay(one, name, 'Bitte abbrechen!')],
    [action, 'error', (one, name) => one.callAction(name, { subject: '' })],
    [action, 'error', (one, name) => one.callAction(name, { subject: 's', timeoutMinutes: -5 })],
  ]),
  ['waitForNotification', 'error', (one, name) => one.callAction(name)],
  // Without a name and without inputs its call is any message.
  ['chatUntilNotified', 'cancelled', (one, name) => one.callAction(name)],
  ['chatUntilNotified', 'error', (one, name) => callRefused(one, name)],
  ['subscribe', 'subscribed', (one, name) => one.callAction(name, { subject: newSubject() })],
  ['subscribe', 'error', (one, name) => one.callAction(name, { subject: '' })],
  ['unsubscribe', 'unsubscribed', (one, name) => one.callAction(name, { subject: '*' })],
  ['unsubscribe', 'error', (one, name) => one.callAction(name, { subject: ['*'] })],
  ['getNotifications', undefined, (one, name) => one.callAction(name, {})],
  ['getNotifications', undefined, (one, name) => one.callAction(name, { subject: 42 })],
];

async function callAndNotify(conversation: AgentConversation, action: string): Promise<void> {
  const subject = newSubject();
  await conversation.callAction(action, { subject });
  await skill.notify({ to: { subject }, message: { text: 't' }, result: { text: 'other', parcels: 2, late: false } });
  await untilEnded(conversation);
}

async function callAndSay(conversation: AgentConversation, action: string, words: string): Promise<void> {
  await conversation.callAction(action, { subject: newSubject() });
  await conversation.say(words);
}

async function callRefused(conversation: AgentConversation, action: string): Promise<void> {
  skill.standIn.faults.answerNext({ status: 503 });
  await conversation.callAction(action, { subject: newSubject() });
}

async function readOutputs(action: string): Promise<[string, string][]> {
  const answer = await fetch(`${skill.url}/manifests/skill-manifest-2.2.json`);
  const manifest = (await answer.json()) as {
    activities: Record<string, { resultValue: { properties: Record<string, { type: string }> } }>;
  };
  const { properties = {} } = manifest.activities[action]?.resultValue ?? {};
  return Object.entries(properties).map(([name, { type }]) => [name, type]);
}

it.each(cases)('%s binds all its outputs, and no other, with the status %s', async (action, status, run) => {
  const conversation = skill.standIn.openConversation();
  await run(conversation, action);
  expect(conversation.action).toMatchObject({ name: action, state: 'ended' });
  expect(conversation.action).not.toHaveProperty('dropped');
  const outputs = conversation.action?.outputs ?? {};
  const bound = Object.entries(outputs).map(([name, value]) => [
    name,
    Number.isInteger(value) ? 'integer' : typeof value,
  ]);
  expect(bound).toEqual(await readOutputs(action));
  expect(outputs['status']).toBe(status);
});
