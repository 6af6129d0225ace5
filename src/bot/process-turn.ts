// One inbound activity of a verified caller: save the conversation, run the bot, and see to it that the parent's action
// ends also when the turn fails.

import type { TurnContext } from 'botbuilder';
import { type Activity, ActivityTypes } from 'botbuilder';
import { type Conversation, isOnChannel } from '../conversations/conversation.ts';
import { saveConversations } from '../conversations/conversation-store.ts';
import { requireServiceUrl, type ServiceUrlPolicy } from '../conversations/service-url-policy.ts';
import { endWait, findWait, findWaits } from '../conversations/subscription-store.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/database.ts';
import { lockAll } from '../storage/locks.ts';
import { together } from '../storage/together.ts';
import { errorOutputsOf } from './actions/actions.ts';
import type { SkillAdapter } from './adapter.ts';
import { captureConversation } from './capture-conversation.ts';
import { describeFailure } from './push-activity.ts';
import { CallerKey, isRemovalOfBot, type SkillBot, SkillTurnKey } from './skill-bot.ts';
import { type SkillServices, SkillTurn } from './skill-turn.ts';
import type { Caller } from './verify-token.ts';

type TurnAnswer = {
  readonly status: number;
  readonly body?: unknown;
  /** To be called once the answer has been written completely: only then is what it carries delivered. */
  readonly answered: () => Promise<void>;
  /** To be called instead when the parent has left before. */
  readonly abandoned: () => Promise<void>;
};

export type ProcessTurn = (caller: Caller, activity: Activity) => Promise<TurnAnswer>;

/**
 * Builds the handler of inbound activities. Rejects with AppError: `service_url_not_allowed` (403, nothing sent, nothing
 * saved), `reply_refused` (502) when the parent did not take a reply.
 */
export function createProcessTurn(
  adapter: SkillAdapter,
  bot: SkillBot,
  services: SkillServices,
  policy: ServiceUrlPolicy,
): ProcessTurn {
  const save = together(services.db, saveSeen);
  return async (caller, activity) => {
    let turn: SkillTurn | undefined;
    const logic = async (context: TurnContext): Promise<void> => {
      context.turnState.set(CallerKey, caller);
      if (opensTurn(caller, activity)) {
        turn = await openTurn(context, caller, { adapter, services, policy, save });
        context.turnState.set(SkillTurnKey, turn);
      }
      try {
        await runToTheEnd(context, turn, bot, services);
      } finally {
        await turn?.finish();
      }
    };
    const response = await adapter.processTurn(caller, activity, logic);
    return {
      status: response?.status ?? 200,
      ...(response?.body !== undefined && { body: response.body as unknown }),
      answered: async () => turn?.answered(),
      abandoned: async () => turn?.abandoned(),
    };
  };
}

/**
 * The end of a conversation never creates one; nor does what a channel tells besides that somebody writes, or that the bot
 * has come: actions are for parents.
 */
function opensTurn(caller: Caller, activity: Activity): boolean {
  if (caller.kind === 'parent') return activity.type !== ActivityTypes.EndOfConversation;
  return turnsOfChannels.has(activity.type) && !isRemovalOfBot(activity);
}

const turnsOfChannels: ReadonlySet<string> = new Set([
  ActivityTypes.Message,
  ActivityTypes.ConversationUpdate,
  ActivityTypes.InstallationUpdate,
]);

type TurnParts = {
  readonly adapter: SkillAdapter;
  readonly services: SkillServices;
  readonly policy: ServiceUrlPolicy;
  readonly save: (conversation: Conversation) => Promise<Conversation>;
};

async function openTurn(
  context: TurnContext,
  caller: Caller,
  { adapter, services, policy, save }: TurnParts,
): Promise<SkillTurn> {
  const audience = context.turnState.get<string>(adapter.OAuthScopeKey);
  const conversation = captureConversation(context, caller, audience, services.clock.now());
  if (!conversation) {
    const missing = 'channelId, conversation.id, from.id and serviceUrl are needed to answer an activity.';
    throw new AppError('malformed_request', missing);
  }
  // Asked again although `admit` has asked: what is saved is sent to later, and must not hang on one check alone.
  requireServiceUrl(policy, conversation, isOnChannel(conversation) ? [conversation.channelId] : undefined);
  return new SkillTurn(context, await save(conversation), services);
}

/** Saves the conversations of turns that come at the same time, and gives each as it is then. */
async function saveSeen(trx: Database, conversations: readonly Conversation[]): Promise<Conversation[]> {
  const ids = conversations.map(({ id }) => id);
  // Together with the look at its wait: one that another turn opens in between would be overwritten.
  await lockAll(
    trx,
    'conversation',
    ids.map((id) => [id]),
  );
  const waits = await findWaits(trx, ids);
  const current = conversations.map((one) => refreshReachability(one, waits.has(one.id)));
  // Of two turns in one conversation the later one counts.
  await saveConversations(trx, [...new Map(current.map((one) => [one.id, one])).values()]);
  return current;
}

/** A turn in a conversation with an open wait, such as a message of the user, leaves it open. */
function refreshReachability(conversation: Conversation, hasWait: boolean): Conversation {
  if (conversation.deliveryMode === 'expectReplies' || !hasWait) return conversation;
  return { ...conversation, reachability: 'push', reachabilityReason: 'An action is open and waits.' };
}

async function runToTheEnd(
  context: TurnContext,
  turn: SkillTurn | undefined,
  bot: SkillBot,
  services: SkillServices,
): Promise<void> {
  try {
    await bot.run(context);
  } catch (error) {
    services.logger.error({ err: error, conversationId: turn?.conversation.id }, 'turn failed');
    await endFailedAction(turn, services, error);
  }
}

/** The user must not stay in an action that has failed. What cannot be said in an activity is said in the HTTP status. */
async function endFailedAction(turn: SkillTurn | undefined, services: SkillServices, error: unknown): Promise<void> {
  if (!turn) throw error;
  try {
    // A channel knows no action whose end could tell it.
    if (isOnChannel(turn.conversation)) throw error;
    const wait = await findWait(services.db, turn.conversation.id);
    if (wait) await endWait(services.db, wait, 'The action has failed: no action is open.');
    await turn.end(errorOutputsOf(turn.action), 'skillError');
  } catch (refused) {
    await turn.abandoned();
    throw new AppError(
      'reply_refused',
      `The reply could not be given to the parent. ${explainFailure(refused, turn)}`,
      {
        cause: error,
      },
    );
  }
}

/** Without the parent's own words, which may repeat the text of the message: this goes into the log. */
function explainFailure(error: unknown, turn: SkillTurn): string {
  const outcome = describeFailure(error, turn.conversation);
  return 'detail' in outcome ? outcome.detail : '';
}
