// TurnContext -> Conversation: what is kept of a turn. Names, roles and free properties are left out: they are personal
// data that no push needs.

import { TurnContext } from 'botbuilder';
import type { ConversationAccount, ConversationReference } from 'botbuilder';
import { type Conversation, conversationIdOf, parseObjectId } from '../conversations/conversation.ts';
import type { Caller } from './verify-token.ts';

/**
 * The conversation of this turn, or undefined when the activity lacks what a push would need (the import ping has no
 * conversation, service URL or user).
 */
export function captureConversation(
  context: TurnContext,
  caller: Caller,
  audience: string,
  now: number,
): Conversation | undefined {
  const { activity } = context;
  const externalId = activity.conversation?.id;
  const fromId = activity.from?.id;
  if (!externalId || !fromId || !activity.serviceUrl || !activity.channelId) return undefined;
  const key = {
    callerAppId: caller.appId,
    tenantId: caller.tenantId,
    channelId: activity.channelId,
    externalId,
  };
  const isGroup = caller.kind === 'channel' && isGroupConversation(activity.conversation);
  const userId = isGroup ? externalId : fromId;
  const objectId = vouchesForObjectIds(caller, activity.channelId) ? activity.from.aadObjectId : undefined;
  return {
    id: conversationIdOf(key),
    ...key,
    userId,
    userKey: userKeyOf(isGroup ? undefined : objectId, activity.channelId, userId),
    serviceUrl: activity.serviceUrl,
    audience,
    reference: captureReference(TurnContext.getConversationReference(activity), isGroup),
    claims: caller.claims,
    deliveryMode: activity.deliveryMode ?? 'normal',
    ...judgeReachability(caller, activity.deliveryMode),
    locale: activity.locale,
    lastSeenAt: now,
  };
}

function judgeReachability(
  caller: Caller,
  deliveryMode: string | undefined,
): Pick<Conversation, 'reachability' | 'reachabilityReason'> {
  if (deliveryMode === 'expectReplies') {
    const reachabilityReason = 'The channel takes replies only inside a turn (expectReplies, as in the test pane).';
    return { reachability: 'held', reachabilityReason };
  }
  if (caller.kind === 'channel') {
    // learn: microsoftteams/platform/bots/how-to/conversations/send-proactive-messages
    return { reachability: 'push', reachabilityReason: 'The channel takes messages at any time.' };
  }
  // Until an action of this turn opens a wait, nothing is open that could take a push.
  return { reachability: 'held', reachabilityReason: 'No action is open.' };
}

/** What is for one person is not for a room: a room is a user of its own, whoever has written in it last. */
function isGroupConversation(conversation: Partial<ConversationAccount> | undefined): boolean {
  const type = conversation?.conversationType;
  return conversation?.isGroup === true || (typeof type === 'string' && type !== 'personal');
}

/** Of the channels only Teams knows who in Entra its users are; on the others the client could say what it likes. */
function vouchesForObjectIds(caller: Caller, channelId: string): boolean {
  return caller.kind === 'parent' || channelId === 'msteams';
}

/**
 * The person across channels is the Entra object id. A channel's own id counts only within that channel: on Direct Line
 * the client chooses it, and could choose somebody else's object id.
 */
function userKeyOf(aadObjectId: string | undefined, channelId: string, userId: string): string {
  return parseObjectId(aadObjectId) ?? `${channelId}:${userId}`;
}

function captureReference(reference: Partial<ConversationReference>, isGroup: boolean): Partial<ConversationReference> {
  const { serviceUrl, channelId, conversation, user, bot, locale } = reference;
  const kept = {
    serviceUrl,
    channelId,
    locale,
    conversation: conversation && {
      id: conversation.id,
      isGroup: conversation.isGroup,
      conversationType: conversation.conversationType,
      tenantId: conversation.tenantId,
    },
    // Erasing a person must not leave him behind in a room.
    user: user && !isGroup ? { id: user.id, aadObjectId: user.aadObjectId } : undefined,
    bot: bot && { id: bot.id },
  };
  // The SDK's types ask for names; the protocol does not (ChannelAccount: only id is needed to address a message).
  return kept as Partial<ConversationReference>;
}
