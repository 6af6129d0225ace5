// The activities that a skill sends: a notification's message, and the end of an action.

import { ActivityTypes, CardFactory, MessageFactory } from 'botbuilder';
import type { Activity } from 'botbuilder';
import type { Pushed } from '../notifications/notification.ts';

/** Values that an action may give back: Copilot Studio takes no others (learn: advanced-use-skills). */
export type Outputs = Readonly<Record<string, string | number | boolean>>;

/** The activity that ends an action: `value` is bound to the action's outputs (learn: azure/bot-service/skill-pva). */
export function createEndOfAction(code: string, outputs: Outputs, notificationId?: string): Partial<Activity> {
  return {
    type: ActivityTypes.EndOfConversation,
    code,
    value: outputs,
    ...(notificationId !== undefined && { channelData: { notification: { id: notificationId } } }),
  };
}

/**
 * The message of a notification. Its id travels in `channelData` and is the same in every attempt: the SDK deletes
 * `activity.id` before sending (botbuilder-core cloudAdapterBase.ts), and a parent that has seen it can drop a repeat.
 */
export function createNotificationMessage(notification: Pushed, attempt: number): Partial<Activity> {
  const { message, card } = notification.content;
  const activity: Partial<Activity> = card
    ? MessageFactory.attachment(CardFactory.adaptiveCard(card))
    : MessageFactory.text(message?.text ?? '');
  if (message) activity.textFormat = message.textFormat;
  activity.channelData = { notification: { id: notification.id, attempt } };
  return activity;
}
