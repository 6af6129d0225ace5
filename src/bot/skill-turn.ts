// One turn of a parent: its conversation, the services an action may use, and what it gives to the user.

import { DeliveryModes, type TurnContext } from 'botbuilder';
import type { Activity } from 'botbuilder';
import type { Clock } from '../clock.ts';
import type { Conversation, Wait } from '../conversations/conversation.ts';
import type { Logger } from '../logger.ts';
import type { InboxItem, OpenInbox, TurnInbox, Wanted } from '../notifications/inbox.ts';
import type { Database } from '../storage/database.ts';
import { createEndOfAction, createNotificationMessage, type Outputs } from './activities.ts';
import type { SentActivity } from './connector.ts';
import { ParentRefusal } from './parent-transport.ts';
import { describeFailure } from './push-activity.ts';
import { type Texts, textsFor } from './texts.ts';

export type SkillServices = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly inbox: OpenInbox;
  /**
   * Opens a wait: stores it, makes the conversation reachable, has its deadline watched, and has pushed what came for its
   * subject before it was open. False when the conversation has been erased since the turn began.
   */
  readonly openWait: (wait: Wait) => Promise<boolean>;
  /** What waits for its next attempt in this conversation is looked at now. */
  readonly hasten: (conversationId: string) => Promise<void>;
  /** How many activities this conversation may be sent at once now, by the pace of its channel. */
  readonly countAllowed: (conversationId: string) => Promise<number>;
  /** Subscribes the conversation; what came for the subject before anybody waited becomes its own, and is held. */
  readonly follow: (conversationId: string, subject: string) => Promise<void>;
  readonly waitInTurnMs: number;
  readonly waitMaxMinutes: number;
};

/** How many held notifications one turn gives as messages; the rest comes at the next turn. */
const mostGivenInTurn = 20;
/** What the action itself may still have to say: a message, and its end. */
const keptForAction = 2;

export class SkillTurn {
  readonly context: TurnContext;
  readonly conversation: Conversation;
  readonly services: SkillServices;
  /** What the bot says, in the language of this turn. */
  readonly texts: Texts;
  /** The action that this turn belongs to: its name decides what is said when the turn fails. */
  action: string | undefined;
  readonly #inbox: TurnInbox;
  /** Taken from the inbox, and neither given nor put back. */
  readonly #taken = new Set<InboxItem>();
  /** Given inside an answer that has not been written yet. */
  readonly #inAnswer = new Set<InboxItem>();

  constructor(context: TurnContext, conversation: Conversation, services: SkillServices) {
    this.context = context;
    this.conversation = conversation;
    this.services = services;
    this.texts = textsFor(context.activity.locale);
    this.action = context.activity.name;
    this.#inbox = services.inbox(conversation);
  }

  /** True where the parent reads replies only from the answer to this request (test pane). */
  get repliesInAnswer(): boolean {
    return this.conversation.deliveryMode === DeliveryModes.ExpectReplies;
  }

  async say(text: string): Promise<void> {
    await this.context.sendActivity(text);
  }

  /** Ends the action with its outputs; without this the user stays in it (copilot-studio: every action must end). */
  async end(outputs: Outputs, code = 'completedSuccessfully', notificationId?: string): Promise<void> {
    await this.context.sendActivity(createEndOfAction(code, outputs, notificationId));
  }

  /** Takes what is held for this user; whatever is not given by the end of the turn stays held. */
  async take(wanted: Wanted): Promise<InboxItem[]> {
    const items = await this.#inbox.take(wanted);
    for (const item of items) this.#taken.add(item);
    return items;
  }

  /**
   * Gives what is held for the user as messages, oldest first: as many as the channel's pace allows besides the action's
   * own activities, and until the parent asks to wait. The rest stays held. Returns how many were taken by the parent.
   */
  async giveHeld(wanted: Omit<Wanted, 'limit'>): Promise<number> {
    const limit = this.repliesInAnswer
      ? mostGivenInTurn
      : Math.min(mostGivenInTurn, (await this.services.countAllowed(this.conversation.id)) - keptForAction);
    const items = limit > 0 ? await this.take({ ...wanted, limit }) : [];
    let given = 0;
    while (given < items.length && (await this.give(items[given]))) given += 1;
    return given;
  }

  /** Gives one as a message. False when it stays held, and nothing more should be given in this turn. */
  async give(item: InboxItem | undefined): Promise<boolean> {
    // The turn has taken so long that a worker may be giving it.
    if (!item || !(await item.renew())) return false;
    try {
      await this.giveIn([item], createNotificationMessage(item.notification, item.delivery.attempts + 1));
      return true;
    } catch (error) {
      // The action must not fail because there was much to give: what it has to say itself may well be taken.
      if (error instanceof ParentRefusal && (error.status === 429 || error.status >= 500)) return false;
      throw error;
    }
  }

  /** Sends the activity that carries these held notifications; they stay held when the parent refuses it. */
  async giveIn(items: readonly InboxItem[], activity: Partial<Activity>): Promise<void> {
    for (const item of items) this.#taken.delete(item);
    const status = await this.#send(items, activity);
    if (this.repliesInAnswer) for (const item of items) this.#inAnswer.add(item);
    else await settle(items, status);
  }

  async #send(items: readonly InboxItem[], activity: Partial<Activity>): Promise<number> {
    try {
      const sent = await this.context.sendActivity(activity);
      return (sent as SentActivity | undefined)?.status ?? 200;
    } catch (error) {
      const outcome = describeFailure(error, this.conversation);
      for (const item of items) await item.putBack(outcome);
      throw error;
    }
  }

  /** The turn is over, however it went: what it has taken and not given stays held. */
  async finish(): Promise<void> {
    for (const item of this.#taken) await item.putBack();
    this.#taken.clear();
  }

  /** The answer has reached the parent: what was in it is delivered. */
  async answered(): Promise<void> {
    await settle([...this.#inAnswer], 200);
    this.#inAnswer.clear();
  }

  /** No answer has reached the parent: what would have been in it stays held. */
  async abandoned(): Promise<void> {
    for (const item of this.#inAnswer) await item.putBack();
    this.#inAnswer.clear();
  }
}

async function settle(items: readonly InboxItem[], status: number): Promise<void> {
  for (const item of items) await item.given({ kind: 'delivered', status });
}
