// Raw activities for the service, and what it has sent out.

import type { WireRecord } from '../../standin/types.ts';
import { apiKey, type Skill } from './skill.ts';

export const otherTenant = '11111111-1111-4111-8111-111111111111';

type Posted = { status: number; body: { code?: string; detail?: string } };

/** A good activity of the agent. */
export function goodActivity(skill: Skill): Record<string, unknown> {
  return {
    type: 'event',
    name: 'subscribe',
    value: { subject: 's' },
    id: 'a1',
    channelId: 'msteams',
    serviceUrl: skill.standIn.agent.serviceUrl,
    from: { id: 'user' },
    recipient: { id: 'bot' },
    conversation: { id: 'c1' },
  };
}

/** Posts a good activity of the agent, with these fields laid over it, and this token. */
export async function postActivity(
  skill: Skill,
  token: string | undefined,
  activity: Record<string, unknown> = {},
): Promise<Posted> {
  const answer = await fetch(`${skill.url}/api/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ ...goodActivity(skill), ...activity }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Posted['body']) };
}

/** How many conversations the service knows. */
export async function countConversations(skill: Skill): Promise<number> {
  const answer = await fetch(`${skill.url}/api/conversations`, {
    headers: { 'X-API-Key': apiKey },
  });
  return ((await answer.json()) as { items: unknown[] }).items.length;
}

/** What the service has posted to the agent, taken or refused. */
export function callbacksOf(skill: Skill): WireRecord[] {
  return skill.standIn.wire.filter((record) => record.direction === 'skill->agent');
}
