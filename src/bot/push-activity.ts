// Conversation + content -> outcome, through continueConversationAsync with all four arguments. The three-argument form
// asks for a token for api.botframework.com, which every parent refuses with 401.

import type { TurnContext } from 'botbuilder';
import type { Activity } from 'botbuilder';
import type { Addressee } from '../conversations/conversation.ts';
import type { Push, SendOutcome, SendToParent } from '../notifications/notification.ts';
import { createEndOfAction, createNotificationMessage } from './activities.ts';
import type { SkillAdapter } from './adapter.ts';
import { SendNotAllowed, type SentActivity, TokenUnavailable } from './connector.ts';
import { explainRefusal } from './explain-refusal.ts';
import { explainTokenFailure } from './explain-token-failure.ts';
import { ParentRefusal, ParentUnreachable } from './parent-transport.ts';
import { createClaimsIdentity } from './skill-authentication.ts';

/** Builds the push: one activity, one HTTP request; what went wrong is a value, never an exception. */
export function createPush(adapter: SkillAdapter): SendToParent {
  return async (conversation, push) => {
    try {
      return { kind: 'delivered', status: await sendOne(adapter, conversation, createActivity(push)) };
    } catch (error) {
      return describeFailure(error, conversation);
    }
  };
}

function createActivity(push: Push): Partial<Activity> {
  return push.kind === 'message'
    ? createNotificationMessage(push.notification, push.attempt)
    : createEndOfAction(push.code, push.outputs, push.notificationId);
}

async function sendOne(adapter: SkillAdapter, conversation: Addressee, activity: Partial<Activity>): Promise<number> {
  let status = 0;
  const logic = async (context: TurnContext): Promise<void> => {
    // The continuation event has a made-up id; as replyToId it would send the POST to /activities/{that id}.
    context.activity.id = '';
    const sent = await context.sendActivity(activity);
    status = (sent as SentActivity | undefined)?.status ?? 0;
  };
  await adapter.continueConversationAsync(
    createClaimsIdentity(conversation.claims),
    conversation.reference,
    conversation.audience,
    logic,
  );
  return status;
}

/** The failure of a send as an outcome; anything unexpected is `notSent` with its class, so that it is seen and not repeated. */
export function describeFailure(error: unknown, conversation: Addressee): SendOutcome {
  if (error instanceof ParentRefusal) {
    const { status, retryAfter, detail: said } = error;
    return { kind: 'refused', status, retryAfter, detail: explainRefusal(error, conversation), said };
  }
  if (error instanceof ParentUnreachable) {
    return { kind: 'unreachable', errorClass: error.errorClass, detail: error.message };
  }
  if (error instanceof TokenUnavailable) {
    return { kind: 'unreachable', errorClass: 'token', detail: explainTokenFailure(error.cause).detail };
  }
  if (error instanceof SendNotAllowed) {
    return { kind: 'notSent', errorClass: error.errorClass, detail: error.message };
  }
  const name = error instanceof Error ? error.name : 'unknown';
  return { kind: 'notSent', errorClass: 'internal', detail: `Sending failed inside this service (${name}).` };
}
