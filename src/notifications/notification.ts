// The nouns of this folder: a notification (asked for once), its deliveries (one to each conversation), their attempts
// (one HTTP request each), and what an attempt came to.

import type { Addressee, Wait } from '../conversations/conversation.ts';
import type { NotifyRequest } from './notify-request.ts';

export type Notification = NotifyRequest & {
  readonly id: string;
  readonly sender: string;
  readonly acceptedAt: number;
  /** Its sender has taken it back: nothing of it is begun any more. */
  readonly isCancelled?: boolean;
};

/** As much of a notification as it takes to push it: read anew for every push. */
export type Pushed = Pick<Notification, 'id' | 'to' | 'content' | 'result' | 'keepOpen' | 'isCancelled'>;

/** `sending` falls back to `pending` when the lease of its worker ends. */
export type DeliveryState = 'pending' | 'sending' | 'delivered' | 'held' | 'dead' | 'cancelled';

/** What is still to be sent to an open wait: first the message, then the end of the action with its outputs. */
export type DeliveryStep = 'message' | 'end';

export type Delivery = {
  readonly seq: number;
  readonly id: string;
  readonly notificationId: string;
  readonly conversationId: string;
  readonly state: DeliveryState;
  readonly step: DeliveryStep;
  /** At step `end`: the wait that the message has ended. */
  readonly waitId: string | undefined;
  readonly attempts: number;
  /** How many of them do not count in the schedule: an operator has asked for a new beginning since. */
  readonly attemptsBefore: number;
  /** An operator wants a push tried, whatever is known of the conversation. */
  readonly isForced: boolean;
  /** How often a lease ended in the middle of an attempt. */
  readonly interruptions: number;
  readonly runAt: number;
  readonly expiresAt: number;
};

/** What one attempt came to. `detail` is in words, for the sender and the operator, without secrets or texts. */
export type SendOutcome =
  | { readonly kind: 'delivered'; readonly status: number }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly retryAfter: string | undefined;
      readonly detail: string;
      /** The start of the parent's own answer. It may hold anything: it is kept for the operator, and is in no log. */
      readonly said?: string;
    }
  | { readonly kind: 'unreachable'; readonly errorClass: string; readonly detail: string }
  | { readonly kind: 'notSent'; readonly errorClass: string; readonly detail: string };

/** Why it did not succeed, with what the parent said; empty where it did. */
export function explainOutcome(outcome: SendOutcome): string {
  if (outcome.kind === 'delivered') return '';
  const said = outcome.kind === 'refused' ? (outcome.said ?? '') : '';
  return said === '' ? outcome.detail : `${outcome.detail} It said: ${said}`;
}

/** What is pushed: the message of a notification, or the end of an action with its outputs. */
export type Push =
  | { readonly kind: 'message'; readonly notification: Pushed; readonly attempt: number }
  | {
      readonly kind: 'endOfAction';
      readonly code: string;
      readonly outputs: Readonly<Record<string, string | number | boolean>>;
      readonly notificationId: string | undefined;
    };

/** Sends one activity to the parent: one HTTP request, never throws. */
export type SendToParent = (conversation: Addressee, push: Push) => Promise<SendOutcome>;

/** Whether this notification ends that wait: same subject, sent to just this conversation, or with a result. */
export function endsWait(notification: Pushed, wait: Wait): boolean {
  if (notification.keepOpen) return false;
  const { to } = notification;
  return (
    ('subject' in to && to.subject === wait.subject) || 'conversationId' in to || notification.result !== undefined
  );
}

/** Outputs of a wait that carry no notification: the keys are the same on every path, as the manifest promises. */
export function waitOutputs(status: string, subject: string, text = ''): Record<string, string> {
  return { status, subject, text, notificationId: '', dataJson: '{}' };
}

/** The outputs of a wait that a notification has ended; the keys are those of the manifest. */
export function notifiedOutputs(notification: Pushed, subject: string): Record<string, string> {
  // What has an output of its own goes there when its type fits, all else into dataJson.
  const data = { ...notification.result };
  const named = { subject, text: notification.content.message?.text ?? '' };
  for (const name of ['subject', 'text'] as const) {
    const value = data[name];
    if (typeof value !== 'string') continue;
    named[name] = value;
    Reflect.deleteProperty(data, name);
  }
  return {
    status: 'notified',
    ...named,
    notificationId: notification.id,
    dataJson: JSON.stringify(data),
  };
}
