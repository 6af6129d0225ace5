// What a refusal most likely means and what to do, in words. The causes of 401 and 403 are always the same few.

import { type Addressee, isOnChannel } from '../conversations/conversation.ts';
import type { ParentRefusal } from './parent-transport.ts';

/** One or two sentences for the person who runs this service. Holds app ids, never a token and nothing the parent said. */
export function explainRefusal(refusal: ParentRefusal, conversation: Addressee): string {
  const { status } = refusal;
  if (isOnChannel(conversation)) {
    const explained = explainChannelRefusal(status, conversation);
    if (explained !== undefined) return explained;
  }
  if (status === 401) {
    return (
      `The parent refused our token (401). It was asked for audience ${conversation.audience}, the app id that called us. ` +
      "Check that MicrosoftAppTenantId is the parent agent's tenant, that the agent has a classic app registration " +
      '(an agent with Entra Agent ID answers every callback with 401), and that parent and skill do not share one app id.'
    );
  }
  if (status === 403) {
    return 'The parent does not let this skill into the conversation (403): the test pane takes no posts, or the user has blocked the agent.';
  }
  if (status === 404 || status === 410 || refusal.detail.includes('skillConversationReference not found')) {
    return `The conversation or its action is over (${status}).`;
  }
  if (status === 429) return 'The parent asks for fewer messages (429).';
  if (status >= 300 && status < 400) {
    return `The parent answered with a redirect (${status}), which is never followed: its service URL has most likely moved.`;
  }
  if (status >= 500) return `The parent is in trouble (${status}).`;
  return `The parent refused the activity (${status}).`;
}

function explainChannelRefusal(status: number, { audience, channelId }: Addressee): string | undefined {
  if (status === 401) {
    return (
      `The channel ${channelId} refused our token (401). It was asked for audience ${audience}. Check that MicrosoftAppId, ` +
      'MicrosoftAppType and MicrosoftAppTenantId are those of the Azure Bot resource that the channel is connected to.'
    );
  }
  if (status === 403) return `The channel ${channelId} refused (403): the user has blocked or uninstalled the bot.`;
  return undefined;
}
