// The skill as an agent has it that has imported its manifest, and what the tests of actions ask of it.

import { randomUUID } from 'node:crypto';
import type { AgentConversation } from '../../standin/stand-in.ts';
import { apiKey, type Skill, startSkill } from './skill.ts';

/** Starts the skill and has the agent import it; throws what the import has found. */
export async function startImportedSkill(): Promise<Skill> {
  const skill = await startSkill({ registered: false });
  const { ok, findings } = await skill.standIn.importSkill(`${skill.url}/manifests/skill-manifest-2.2.json`);
  if (ok && findings.length === 0) return skill;
  await skill.stop();
  throw new Error(`the import has found ${JSON.stringify(findings)}`);
}

/** What the skill has said in the conversation. */
export function textsIn(conversation: AgentConversation): string[] {
  return conversation.transcript
    .filter((line) => line.from === 'skill' && line.type === 'message')
    .map((line) => line.text);
}

/** A subject that no other test has, and so no notification of another test. */
export function newSubject(): string {
  return `order/${randomUUID()}`;
}

export function untilEnded(conversation: AgentConversation): Promise<void> {
  return conversation.until((now) => now.action?.state === 'ended');
}

/** Notifies the subject; returns the id. */
export async function notifySubject(skill: Skill, subject: string, text = 'shipped'): Promise<string> {
  return String((await skill.notify({ subject, text })).body['id']);
}

/** Whether a conversation has an open wait for the subject. */
export async function isWaitedFor(skill: Skill, subject: string): Promise<boolean> {
  const answer = await fetch(`${skill.url}/api/conversations?limit=200`, { headers: { 'X-API-Key': apiKey } });
  const { items } = (await answer.json()) as { items: { waitingFor: string | null }[] };
  return items.some(({ waitingFor }) => waitingFor === subject);
}
