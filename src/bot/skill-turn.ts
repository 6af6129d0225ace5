// One turn of a parent: its conversation, the services an action may use, and what it gives to the user.

import { DeliveryModes, type TurnContext } from 'botbuilder';
import type { Activity } from 'botbuilder';
import type { Clock } from '../clock.ts';
import type { Conversation, Wait } from '../conversations/conversation.ts';
import type { Logger } from '../logger.ts';
import type { Inbox, InboxItem } from '../notifications/inbox.ts';
import type { Database } from '../storage/database.ts';
import { createEndOfAction, createNotificationMessage, type Outputs } from './activities.ts';
import type { SentActivity } from './connector.ts';

export type SkillServices = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly inbox: Inbox;
  /** Opens a wait: stores it, makes the conversation reachable and has its deadline watched. */
  readonly openWait: (wait: Wait) => Promise<void>;
  readonly waitInTurnMs: number;
  readonly waitMaxMinutes: number;
};

/** How many held notifications one turn gives as messages; the rest comes at the next turn. */
export const mostGivenInTurn = 20;

export class SkillTurn {
  readonly context: TurnContext;
  readonly conversation: Conversation;
  readonly services: SkillServices;
  /** Given inside an answer that has not been written yet. */
  readonly #unanswered: InboxItem[] = [];

  constructor(context: TurnContext, conversation: Conversation, services: SkillServices) {
    this.context = context;
    this.conversation = conversation;
    this.services = services;
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

  /** Gives one held notification: its message, then whatever ends the action. It stays held when the parent refuses. */
  async give(item: InboxItem, ...after: Partial<Activity>[]): Promise<void> {
    const message = createNotificationMessage(item.notification, item.delivery.attempts + 1);
    await this.giveAll([item], [message, ...after]);
  }

  /** Sends the activities that carry these held notifications; they stay held when the parent refuses. */
  async giveAll(items: readonly InboxItem[], activities: Partial<Activity>[]): Promise<void> {
    try {
      const sent = await this.context.sendActivities(activities);
      if (this.repliesInAnswer) this.#unanswered.push(...items);
      else await settle(items, (sent[0] as SentActivity | undefined)?.status ?? 200);
    } catch (error) {
      for (const item of items) await item.putBack();
      throw error;
    }
  }

  /** The answer has reached the parent: what was in it is delivered. */
  async answered(): Promise<void> {
    await settle(this.#unanswered.splice(0), 200);
  }

  /** The turn has failed: what was in its answer stays held. */
  async failed(): Promise<void> {
    for (const item of this.#unanswered.splice(0)) await item.putBack();
  }
}

async function settle(items: readonly InboxItem[], status: number): Promise<void> {
  for (const item of items) await item.given({ kind: 'delivered', status });
}
