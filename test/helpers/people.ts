// People of a running service: asked for, erased, and looked for in its files.

import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentConversation } from '../../standin/types.ts';
import { apiKey, type Skill } from './skill.ts';

export type Answer = { readonly status: number; readonly body: Record<string, unknown> };

/** Asks as an operator, or with another key. */
export async function ask(skill: Skill, method: string, path: string, key: string = apiKey): Promise<Answer> {
  const answer = await fetch(`${skill.url}${path}`, { method, headers: { 'x-api-key': key } });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

/** GET and DELETE /api/users/{id}. */
export const show = (skill: Skill, id: string, key?: string) =>
  ask(skill, 'GET', `/api/users/${encodeURIComponent(id)}`, key);
export const erase = (skill: Skill, id: string, key?: string) =>
  ask(skill, 'DELETE', `/api/users/${encodeURIComponent(id)}`, key);

/** The answer of an erasure that has found nothing. */
export const nothing = { conversations: 0, waits: 0, subscriptions: 0, deliveries: 0, attempts: 0, notifications: 0 };

/** How often the text is in the files of the folder, byte by byte. */
export function countInFiles(dataDir: string, text: string): number {
  const bytes = Buffer.from(text).toString('latin1');
  const files = readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name), 'latin1'));
  return files.reduce((sum, file) => sum + file.split(bytes).length - 1, 0);
}

export type Person = {
  /** Entra object id. */
  readonly id: string;
  readonly conversation: AgentConversation;
  readonly conversationId: string;
};

/** Somebody with an open wait (`order of NAME`) and a subscription (`news of NAME`). */
export async function meetPerson(skill: Skill, name: string): Promise<Person> {
  const id = randomUUID();
  const conversation = skill.standIn.openConversation({ user: { id: `29:${name}`, aadObjectId: id, name } });
  await conversation.callAction('subscribe', { subject: `news of ${name}` });
  await conversation.callAction('waitForNotification', { subject: `order of ${name}` });
  const { body } = await show(skill, id);
  const [first] = body['conversations'] as { id: string }[];
  return { id, conversation, conversationId: String(first?.id) };
}

/** Sends them a message, and waits until they have it. */
export async function tellPerson(skill: Skill, { id }: Person, text: string): Promise<void> {
  const sent = await skill.notify({ to: { userId: id }, message: { text }, keepOpen: true });
  await skill.settled(String(sent.body['id']), 'delivered');
}
