// The actions of the skill, and which of them an activity calls.

import { type Activity, ActivityTypes } from 'botbuilder';
import { waitOutputs } from '../../notifications/notification.ts';
import type { Outputs } from '../activities.ts';
import type { SkillTurn } from '../skill-turn.ts';
import { getNotifications } from './get-notifications.ts';
import { subscribe, unsubscribe } from './subscribe.ts';
import { waitForNotification, waitInputs } from './wait-for-notification.ts';

type Action = {
  readonly run: (turn: SkillTurn) => Promise<void>;
  /** Outputs when the action fails: all that the manifest promises, so that the topic binds no stale value. */
  readonly errorOutputs: Outputs;
};

const chatUntilNotified = 'chatUntilNotified';

const actions: Readonly<Record<string, Action>> = {
  waitForNotification: waitAction('waitForNotification'),
  [chatUntilNotified]: waitAction(chatUntilNotified),
  subscribe: { run: subscribe, errorOutputs: { status: 'error', subject: '' } },
  unsubscribe: { run: unsubscribe, errorOutputs: { status: 'error', count: 0 } },
  getNotifications: { run: getNotifications, errorOutputs: { count: 0, text: '', notificationsJson: '[]' } },
};

function waitAction(name: string): Action {
  return { run: (turn) => waitForNotification(turn, name), errorOutputs: waitOutputs('error', '') };
}

/** Names of the actions that this bot handles; the manifest names the same. */
export const handledActions: ReadonlySet<string> = new Set(Object.keys(actions));

/** The action of this name, or undefined. */
export function findAction(name: string | undefined): Action | undefined {
  return name !== undefined && Object.hasOwn(actions, name) ? actions[name] : undefined;
}

/** Outputs of an action that has failed for a reason of ours; of an activity that is no action, just the status. */
export function errorOutputsOf(name: string | undefined): Outputs {
  return findAction(name)?.errorOutputs ?? { status: 'error' };
}

/**
 * Name of the action that an activity calls; undefined for a message that the user has just written. A message action has
 * no name in a manifest (schema 2.2, messageActivity), so that its call is told by what else only it carries: its inputs.
 */
export function nameCalledAction({ type, name, value }: Partial<Activity>): string | undefined {
  if (type !== ActivityTypes.Message || findAction(name)) return name;
  return hasWaitInputs(value) ? chatUntilNotified : undefined;
}

/** The submit of a card carries a value as well, but hardly one of just these names. */
function hasWaitInputs(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'subject')) return false;
  return Object.keys(value).every((key) => waitInputs.has(key));
}
