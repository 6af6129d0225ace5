// What is posted to all servers alike: notify requests, and activities of the agent. Conversation, subject and user of one
// number belong together.

import { type ParentAddress, sentAtMark } from './words.ts';

export function externalIdOf(index: number): string {
  return `bench-${String(index).padStart(8, '0')}`;
}

export function userIdOf(index: number): string {
  return `29:${String(index).padStart(8, '0')}`;
}

export function objectIdOf(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

/** So many numbers from `first` on, `step` apart. */
export function numbers(count: number, { first = 0, step = 1 }: { first?: number; step?: number } = {}): number[] {
  return Array.from({ length: count }, (_, index) => first + index * step);
}

type NotifyOptions = {
  /** With a mark that becomes the time of the request. */
  readonly timed?: boolean;
};

/** A notification to each of these conversations. */
export function notifyBodies(indexes: readonly number[], options: NotifyOptions = {}): string[] {
  const mark = options.timed === true ? ` ${sentAtMark}` : '';
  return indexes.map((index) =>
    JSON.stringify({
      subject: externalIdOf(index),
      text: `Your order has been shipped.${mark}`,
    }),
  );
}

/** What a parent receives of such a notification: for the bare client. */
export function pushBody(parent: ParentAddress, skillAppId: string): string {
  const index = 0;
  return JSON.stringify({
    type: 'message',
    serviceUrl: parent.serviceUrl,
    channelId: 'msteams',
    from: { id: skillAppId, name: '' },
    conversation: { id: externalIdOf(index), isGroup: false, conversationType: 'personal', name: '' },
    recipient: { id: userIdOf(index), name: '', aadObjectId: objectIdOf(index) },
    text: 'Your order has been shipped.',
    textFormat: 'markdown',
    inputHint: 'acceptingInput',
    channelData: { notification: { id: '019ab3c2-7d1e-7c44-9a52-0c1f7b2f5d10', attempt: 1 } },
  });
}

/** A call of an action that answers at once with one activity, in each of these conversations. */
export function turnBodies(parent: ParentAddress, skillAppId: string, indexes: readonly number[]): string[] {
  const timestamp = new Date().toISOString();
  return indexes.map((index) =>
    JSON.stringify({
      type: 'event',
      name: 'getNotifications',
      value: { subject: '' },
      id: objectIdOf(index),
      timestamp,
      channelId: 'msteams',
      serviceUrl: parent.serviceUrl,
      from: { id: userIdOf(index), name: 'Alex Wilber', aadObjectId: objectIdOf(index), role: 'user' },
      recipient: { id: skillAppId, name: 'Copilot Notify', role: 'skill' },
      conversation: { id: externalIdOf(index), tenantId: parent.tenantId, conversationType: 'personal' },
      channelData: { tenant: { id: parent.tenantId } },
      deliveryMode: 'normal',
      locale: 'en-US',
      localTimezone: 'Europe/Amsterdam',
      attachments: [],
      entities: [],
    }),
  );
}
