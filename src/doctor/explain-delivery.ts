// Why an attempt of a delivery was answered as it was: the usual causes of the status, narrowed down by what is known of
// the conversation and, for 401, by the token that these settings get now.

import { isChannelAuthority } from '../channels.ts';
import { listFaulty, type Visit } from './check.ts';
import { lookAtToken, tokenSettings } from './check-token.ts';
import { findConversation, findDelivery, type StoredConversation, type StoredDelivery } from './stored.ts';

export type Explanation = {
  /** Whether there is such an attempt, and it is explained. */
  readonly ok: boolean;
  /** What happened. */
  readonly detail: string;
  readonly cause: string | null;
  readonly fix: string;
};

type Cause = { readonly cause: string; readonly fix: string };

/** Explains the last attempt of this delivery that was answered with `status`. */
export async function explainDelivery(visit: Visit, deliveryId: string, status: number): Promise<Explanation> {
  const found = await findDelivery(visit, deliveryId);
  if ('fault' in found) return { ok: false, detail: found.fault, cause: null, fix: found.fix };
  const delivery = found.value;
  const attempts = delivery.attempts.filter((attempt) => attempt.status === status);
  const last = attempts.at(-1);
  if (last === undefined) {
    const fix = 'Name one of the statuses that it got; copilot-notify deliveries lists the last one of each.';
    return {
      ok: false,
      detail: `No attempt of this delivery was answered with ${status}. ${tellAll(delivery)}`,
      cause: null,
      fix,
    };
  }
  const asked = await findConversation(visit, delivery.conversationId);
  const conversation = 'value' in asked ? asked.value : undefined;
  const where =
    conversation === undefined
      ? 'Its conversation is not stored any more.'
      : `It went to ${conversation.serviceUrlHost} (${conversation.channelId}, ${conversation.deliveryMode}), for app ${conversation.callerAppId}.`;
  const detail = `Attempt ${last.number} of ${delivery.attempts.length}, at ${last.startedAt}, was answered with ${status}; the delivery is ${delivery.status} now. ${where}`;
  return { ok: true, detail, ...(await explainStatus(status, conversation, visit)) };
}

function tellAll({ attempts }: StoredDelivery): string {
  if (attempts.length === 0) return 'There was none at all.';
  return `They got: ${attempts.map(({ status, errorClass }) => status ?? errorClass ?? 'no answer').join(', ')}.`;
}

async function explainStatus(
  status: number,
  conversation: StoredConversation | undefined,
  visit: Visit,
): Promise<Cause> {
  if (status === 401) return conversation === undefined ? unknown401 : explain401(conversation, visit);
  if (status === 403) return explain403(conversation);
  if (status >= 300 && status < 400) return causes.redirect;
  if (status >= 500) return causes.trouble;
  return causeOf[status] ?? causes.rejected;
}

async function explain401(conversation: StoredConversation, visit: Visit): Promise<Cause> {
  const { callerAppId, tenantId } = conversation;
  const { identity } = visit.config;
  if (isChannelAuthority(callerAppId)) {
    return {
      cause: 'The channel does not know our token as that of its bot.',
      fix: 'MicrosoftAppId, MicrosoftAppType and MicrosoftAppTenantId must be those of the Azure Bot that the channel is connected to.',
    };
  }
  if (listFaulty(visit, tokenSettings).length > 0) return unknown401;
  if (callerAppId === identity.appId) {
    return {
      cause: 'Parent and skill share one app registration.',
      fix: 'Register the skill as an app of its own: see copilot-notify doctor --only app-id.',
    };
  }
  if (identity.appType !== 'MultiTenant' && tenantId !== identity.tenantId) {
    return {
      cause: `Our tokens are of tenant ${identity.tenantId}, and the agent is of ${tenantId}: it takes those of its own tenant alone.`,
      fix: "Register the skill in the agent's tenant, and set MicrosoftAppId, the secret and MicrosoftAppTenantId to that registration.",
    };
  }
  const token = await lookAtToken(visit, callerAppId);
  if (!token.ok) return { cause: token.detail, fix: token.fix ?? '' };
  return {
    cause: `With these settings our token is what an agent asks for: ${token.detail} What is left: the agent has an Entra Agent ID, which answers every callback with 401, or the settings were others then.`,
    fix: 'Use an agent with a classic app registration (Copilot Studio: Settings > Advanced > Metadata). Were the settings mended since: copilot-notify retry.',
  };
}

const unknown401: Cause = {
  cause:
    'The parent refused our token: it was for another audience than its app id, or of another tenant, or the agent has an Entra Agent ID.',
  fix: 'copilot-notify doctor --only token,tenant,app-id looks at each of these.',
};

function explain403(conversation: StoredConversation | undefined): Cause {
  if (conversation?.deliveryMode === 'expectReplies') {
    return {
      cause:
        'The conversation is one of the test pane, or of the CopilotClient API: it takes replies in the turn alone.',
      fix: 'Try it on Teams or your web site. What is held comes at the next turn.',
    };
  }
  if (conversation !== undefined && isChannelAuthority(conversation.callerAppId)) {
    return {
      cause: 'The user has blocked or uninstalled the bot.',
      fix: 'Nothing here: when the user writes again, what is held is given.',
    };
  }
  return {
    cause:
      'The parent does not let this skill into the conversation: the user has blocked the agent, the skill was taken out of it, or its action is over.',
    fix: 'See in Copilot Studio, Settings > Skills, that the skill is there and enabled. What is held comes at the next turn.',
  };
}

const causes = {
  redirect: {
    cause: "The parent's service URL has moved; a redirect is never followed, as our token would go along.",
    fix: 'Nothing here: the next turn of the user brings the new service URL.',
  },
  trouble: {
    cause: 'The parent, or what is in front of it, is in trouble.',
    fix: 'Wait: it is tried again by itself. copilot-notify status lists parents that are left alone meanwhile.',
  },
  rejected: {
    cause: 'The parent does not take this activity.',
    fix: 'Send a text alone to the same conversation: if that arrives, the card, its size or its version is what is refused.',
  },
  over: {
    cause:
      'The conversation or its action is over: it has ended, was cancelled, or the agent dropped it after about 30 minutes.',
    fix: 'Keep waits shorter (WAIT_MAX_MINUTES, timeoutMinutes). What is held comes at the next turn.',
  },
} satisfies Record<string, Cause>;

const causeOf: Readonly<Record<number, Cause>> = {
  404: causes.over,
  410: causes.over,
  405: {
    cause: 'What answers at the service URL is not the connector of an agent.',
    fix: 'Look at ALLOWED_SERVICE_URLS: a host there may be that of a web site.',
  },
  413: { cause: 'The activity is too large for the parent.', fix: 'Send a smaller card or a shorter text.' },
  429: {
    cause: 'The parent asks for fewer messages.',
    fix: 'Nothing is lost: it is tried again when the parent says so. CONVERSATION_SEND_RATES and HOST_SEND_RATE set the pace.',
  },
};
