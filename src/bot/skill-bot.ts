// Which activity goes where. Every path of an action ends with endOfConversation, except a wait that stays open.

import { type Activity, ActivityHandler, ActivityTypes, type TurnContext } from 'botbuilder';
import { conversationIdOf, isOnChannel } from '../conversations/conversation.ts';
import { findConversation, setReachability } from '../conversations/conversation-store.ts';
import { dropOnceSubscriptions, dropWait } from '../conversations/subscription-store.ts';
import { waitOutputs } from '../notifications/notification.ts';
import { getNotifications } from './actions/get-notifications.ts';
import { InvalidInputs } from './actions/inputs.ts';
import { subscribe, unsubscribe } from './actions/subscribe.ts';
import { answerWhileWaiting, waitForNotification } from './actions/wait-for-notification.ts';
import type { Outputs } from './activities.ts';
import type { SkillServices, SkillTurn } from './skill-turn.ts';
import type { Caller } from './verify-token.ts';
import { lock } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';

type Action = {
  readonly run: (turn: SkillTurn) => Promise<void>;
  /** Outputs when the action fails: all that the manifest promises, so that the topic binds no stale value. */
  readonly errorOutputs: Outputs;
};

const actions: Readonly<Record<string, Action>> = {
  waitForNotification: { run: waitForNotification, errorOutputs: waitOutputs('error', '') },
  subscribe: { run: subscribe, errorOutputs: { status: 'error', subject: '' } },
  unsubscribe: { run: unsubscribe, errorOutputs: { status: 'error', count: 0 } },
  getNotifications: { run: getNotifications, errorOutputs: { count: 0, text: '', notificationsJson: '[]' } },
};

/** Names of the actions that this bot handles; the manifest names the same. */
export const handledActions: ReadonlySet<string> = new Set(Object.keys(actions));

/** Key of the turn in the SDK's turn state; absent when the activity has no conversation to answer in (import ping). */
export const SkillTurnKey = Symbol('SkillTurn');
/** Key of the verified caller in the SDK's turn state. */
export const CallerKey = Symbol('Caller');

export class SkillBot extends ActivityHandler {
  readonly #services: SkillServices;

  constructor(services: SkillServices) {
    super();
    this.#services = services;
  }

  protected override async onEventActivity(context: TurnContext): Promise<void> {
    const turn = turnOf(context);
    if (!turn) return;
    const action = findAction(context.activity.name);
    if (!action) {
      await turn.end({ status: 'error' }, 'unknownAction');
      return;
    }
    try {
      await action.run(turn);
    } catch (error) {
      if (!(error instanceof InvalidInputs)) throw error;
      await turn.say(error.message);
      await turn.end(action.errorOutputs, 'invalidInput');
    }
  }

  /** A message while a wait is open belongs to it; any other is the user's next turn, and gets what is held. */
  protected override async onMessageActivity(context: TurnContext): Promise<void> {
    const turn = turnOf(context);
    if (!turn || (await answerWhileWaiting(turn))) return;
    const given = await turn.giveHeld({});
    if (given === 0) await turn.say('There is nothing new for you.');
    // On a channel nobody waits for an end; users of some would see it.
    if (!isOnChannel(turn.conversation)) await turn.end({});
  }

  /** Nothing to answer: the turn has refreshed the conversation. A channel also tells so that the bot was removed. */
  protected override async onConversationUpdateActivity(context: TurnContext): Promise<void> {
    await this.#closeWhenRemoved(context);
  }

  protected override async onInstallationUpdateActivity(context: TurnContext): Promise<void> {
    await this.#closeWhenRemoved(context);
  }

  async #closeWhenRemoved(context: TurnContext): Promise<void> {
    const caller = context.turnState.get<Caller | undefined>(CallerKey);
    if (caller?.kind !== 'channel' || !isRemovalOfBot(context.activity)) return;
    await this.#close(context, caller, 'The bot was removed from the conversation.');
  }

  /**
   * The parent has ended the action or the conversation: nothing more is sent there. The same activity, without
   * recipient, conversation or service URL, is Copilot Studio's ping when the skill is imported (learn:
   * azure/bot-service/skill-pva); it creates no state.
   */
  protected override async onEndOfConversationActivity(context: TurnContext): Promise<void> {
    const caller = context.turnState.get<Caller | undefined>(CallerKey);
    if (!caller) return;
    const who = caller.kind === 'parent' ? 'parent has ended the action' : 'channel has ended the conversation';
    await this.#close(context, caller, `The ${who}.`);
  }

  async #close({ activity }: TurnContext, caller: Caller, reason: string): Promise<void> {
    if (!activity.conversation?.id || !activity.channelId) return;
    const { db } = this.#services;
    const id = conversationIdOf({
      callerAppId: caller.appId,
      tenantId: caller.tenantId,
      channelId: activity.channelId,
      externalId: activity.conversation.id,
    });
    if (!(await findConversation(db, id))) return;
    await transact(db, async (trx) => {
      await lock(trx, 'conversation', id);
      await dropWait(trx, id);
      await dropOnceSubscriptions(trx, id);
      await setReachability(trx, id, 'closed', reason);
    });
    // What was still to be pushed is held from now on.
    await this.#services.hasten(id);
  }
}

/** Whether a channel tells that the bot is no longer part of the conversation (learn: microsoftteams subscribe-to-conversation-events). */
export function isRemovalOfBot(activity: Partial<Activity>): boolean {
  const { type, action, membersRemoved, recipient } = activity;
  if (type === ActivityTypes.InstallationUpdate) return action === 'remove';
  if (type !== ActivityTypes.ConversationUpdate || !recipient?.id) return false;
  return membersRemoved?.some((member) => member.id === recipient.id) ?? false;
}

/** Outputs of an action that has failed for a reason of ours; of an activity that is no action, just the status. */
export function errorOutputsOf(name: string | undefined): Outputs {
  return findAction(name)?.errorOutputs ?? { status: 'error' };
}

function findAction(name: string | undefined): Action | undefined {
  return name !== undefined && Object.hasOwn(actions, name) ? actions[name] : undefined;
}

function turnOf(context: TurnContext): SkillTurn | undefined {
  return context.turnState.get<SkillTurn | undefined>(SkillTurnKey);
}
