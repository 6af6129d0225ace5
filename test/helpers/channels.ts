// Users who write to the bot itself, on the channels of the stand-in.

import type { StandIn } from '../../standin/stand-in.ts';
import type { ChannelConversation, WireRecord } from '../../standin/types.ts';
import { apiKey, type Skill, startSkill } from './skill.ts';

/** The object id of a user. */
export const person = '0000abcd-0000-4000-8000-000000000007';

/** A service that lets these channels of the stand-in in. */
export function startForChannels(allowed: string): Promise<Skill> {
  return startSkill({ env: (standIn) => channelSettings(standIn, allowed) });
}

/** Settings that let these channels in; parents may name the same address. */
export function channelSettings(standIn: StandIn, allowed: string): Record<string, string> {
  const origin = new URL(standIn.channelServiceUrl).origin;
  return {
    ALLOWED_CHANNELS: allowed,
    CHANNEL_OPENID_METADATA_URL: standIn.channelOpenIdMetadataUrl,
    ALLOWED_SERVICE_URLS: [origin, ...['msteams', 'webchat', 'directline'].map((id) => `${id}=${origin}`)].join(),
  };
}

export function openOnTeams({ standIn }: Skill): ChannelConversation {
  return standIn.openChannelConversation({ user: { aadObjectId: person } });
}

export function textsIn({ received }: ChannelConversation): unknown[] {
  return received.map((activity) => activity['text']);
}

/** What went to the channel, its key set left out. */
export function postedToChannel({ standIn }: Skill): WireRecord[] {
  return standIn.wire.filter((record) => record.direction === 'skill->channel' && record.method === 'POST');
}

/** As an operator sees them. */
export async function listConversations(skill: Skill): Promise<Record<string, unknown>[]> {
  const answer = await fetch(`${skill.url}/api/conversations`, { headers: { 'X-API-Key': apiKey } });
  return ((await answer.json()) as { items: Record<string, unknown>[] }).items;
}
