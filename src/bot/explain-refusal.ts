// What a refusal most likely means and what to do, in words. The causes of 401 and 403 are always the same few.

import { type Conversation, isOnChannel } from '../conversations/conversation.ts';
import type { ParentRefusal } from './parent-transport.ts';

/** One or two sentences for the person who runs this service. Holds app ids, never a token and nothing the parent said. */
export function explainRefusal(refusal: ParentRefusal, conversation: Conversation): string {
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

function explainChannelRefusal(status: number, { audience, channelId }: Conversation): string | undefined {
  if (status === 401) {
    return (
      `The channel ${channelId} refused our token (401). It was asked for audience ${audience}. Check that MicrosoftAppId, ` +
      'MicrosoftAppType and MicrosoftAppTenantId are those of the Azure Bot resource that the channel is connected to.'
    );
  }
  if (status === 403) return `The channel ${channelId} refused (403): the user has blocked or uninstalled the bot.`;
  return undefined;
}

/** Why no token could be had, with the setting to look at for each of Entra's codes that a wrong setting brings. */
export function explainTokenFailure(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : '';
  const code = /AADSTS\d+/.exec(text)?.[0];
  // MSAL reads the tenant's metadata first; for an unknown tenant that fails without any code of Entra's.
  if (text.includes('endpoints_resolution_error')) {
    return 'No token could be had: MicrosoftAppTenantId is not a tenant, or the login endpoint (LOGIN_URL) does not answer.';
  }
  const known = code === undefined ? undefined : wordsOf[code];
  if (known !== undefined) return `No token could be had (${code}): ${known}`;
  return code === undefined
    ? 'No token could be had: the login endpoint (LOGIN_URL) did not answer as it should.'
    : `No token could be had (${code}).`;
}

/** learn: entra/identity-platform/reference-error-codes. */
const wordsOf: Readonly<Record<string, string>> = {
  AADSTS7000215: 'MicrosoftAppPassword is not a secret of this app (its value, not its id, is needed).',
  AADSTS7000222: 'MicrosoftAppPassword has expired.',
  AADSTS700016: 'MicrosoftAppId is not known in the tenant of MicrosoftAppTenantId.',
  AADSTS700027: 'the certificate of CertificateThumbprint is not one of this app.',
  AADSTS90002: 'MicrosoftAppTenantId is not a tenant.',
  AADSTS500011:
    "the parent's app id is not known in the tenant of MicrosoftAppTenantId: the agent lives in another tenant.",
};
