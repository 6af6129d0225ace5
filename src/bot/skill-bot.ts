// Which activity goes where. Every path of an action ends with endOfConversation, except a wait that stays open.

import { type Activity, ActivityHandler, ActivityTypes, type TurnContext } from 'botbuilder';
import { conversationIdOf, isOnChannel } from '../conversations/conversation.ts';
import { findConversation, setReachability } from '../conversations/conversation-store.ts';
import { dropOnceSubscriptions, dropWait } from '../conversations/subscription-store.ts';
import { waitOutputs } from '../notifications/notification.ts';
import { errorOutputsOf, findAction, nameCalledAction } from './actions/actions.ts';
import { InvalidInput } from './actions/inputs.ts';
import { answerWhileWaiting } from './actions/wait-for-notification.ts';
import type { SkillServices, SkillTurn } from './skill-turn.ts';
import type { Caller } from './verify-token.ts';
import { lock } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';

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

  /**
   * The SDK's own way to these is ten generators long: see adapter.ts. Handlers that are added (`onMessage` and such) are not
   * called.
   */
  override async run(context: TurnContext): Promise<void> {
    switch (context.activity.type) {
      case ActivityTypes.Event:
        return this.onEventActivity(context);
      case ActivityTypes.Message:
        return this.onMessageActivity(context);
      case ActivityTypes.ConversationUpdate:
        return this.onConversationUpdateActivity(context);
      case ActivityTypes.InstallationUpdate:
        return this.onInstallationUpdateActivity(context);
      case ActivityTypes.EndOfConversation:
        return this.onEndOfConversationActivity(context);
      default:
        return super.run(context);
    }
  }

  protected override async onEventActivity(context: TurnContext): Promise<void> {
    const turn = turnOf(context);
    if (turn) await runAction(turn, nameCalledAction(context.activity));
  }

  /**
   * A message may call an action, which a channel knows none of. While a wait is open it belongs to that; any other is the
   * user's next turn, and gets what is held.
   */
  protected override async onMessageActivity(context: TurnContext): Promise<void> {
    const turn = turnOf(context);
    if (!turn) return;
    const onChannel = isOnChannel(turn.conversation);
    const called = onChannel ? undefined : nameCalledAction(context.activity);
    if (called !== undefined) {
      await runAction(turn, called);
      return;
    }
    if (await answerWhileWaiting(turn)) return;
    const given = await turn.giveHeld({});
    if (given === 0) await turn.say(turn.texts.nothingNew);
    // On a channel nobody waits for an end, and users of some would see it. A parent writes here only while it takes a wait
    // for open that is over.
    if (!onChannel) await turn.end(waitOutputs('cancelled', ''));
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

async function runAction(turn: SkillTurn, name: string | undefined): Promise<void> {
  turn.action = name;
  const action = findAction(name);
  if (!action) {
    await turn.end(errorOutputsOf(name), 'unknownAction');
    return;
  }
  try {
    await action.run(turn);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    await turn.say(turn.texts.faultyInput(error.input, error.fault));
    await turn.end(action.errorOutputs, 'invalidInput');
  }
}

/** Whether a channel tells that the bot is no longer part of the conversation (learn: microsoftteams subscribe-to-conversation-events). */
export function isRemovalOfBot(activity: Partial<Activity>): boolean {
  const { type, action, membersRemoved, recipient } = activity;
  if (type === ActivityTypes.InstallationUpdate) return action === 'remove';
  if (type !== ActivityTypes.ConversationUpdate || !recipient?.id) return false;
  return membersRemoved?.some((member) => member.id === recipient.id) ?? false;
}

function turnOf(context: TurnContext): SkillTurn | undefined {
  return context.turnState.get<SkillTurn | undefined>(SkillTurnKey);
}
