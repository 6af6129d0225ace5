// TurnContext -> Conversation: what is kept of a turn. Names, roles and free properties are left out: they are personal
// data that no push needs.

import { TurnContext } from 'botbuilder';
import type { ConversationReference } from 'botbuilder';
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
  const userId = activity.from?.id;
  if (!externalId || !userId || !activity.serviceUrl || !activity.channelId) return undefined;
  const key = {
    callerAppId: caller.appId,
    tenantId: caller.tenantId,
    channelId: activity.channelId,
    externalId,
  };
  return {
    id: conversationIdOf(key),
    ...key,
    userId,
    userKey: userKeyOf(activity.from.aadObjectId, activity.channelId, userId),
    serviceUrl: activity.serviceUrl,
    audience,
    reference: captureReference(TurnContext.getConversationReference(activity)),
    claims: caller.claims,
    deliveryMode: activity.deliveryMode ?? 'normal',
    // Until an action of this turn opens a wait, nothing is open that could take a push.
    reachability: 'held',
    reachabilityReason:
      activity.deliveryMode === 'expectReplies'
        ? 'The channel takes replies only inside a turn (expectReplies, as in the test pane).'
        : 'No action is open.',
    locale: activity.locale,
    lastSeenAt: now,
  };
}

/**
 * The person across channels is the Entra object id. A channel's own id counts only within that channel: on Direct Line
 * the client chooses it, and could choose somebody else's object id.
 */
function userKeyOf(aadObjectId: string | undefined, channelId: string, userId: string): string {
  return parseObjectId(aadObjectId) ?? `${channelId}:${userId}`;
}

function captureReference(reference: Partial<ConversationReference>): Partial<ConversationReference> {
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
    user: user && { id: user.id, aadObjectId: user.aadObjectId },
    bot: bot && { id: bot.id },
  };
  // The SDK's types ask for names; the protocol does not (ChannelAccount: only id is needed to address a message).
  return kept as Partial<ConversationReference>;
}
