// getNotifications: hands out what is held as the action's outputs. Works on every channel.

import { z } from 'zod';
import type { Notification } from '../../notifications/notification.ts';
import { createEndOfAction } from '../activities.ts';
import type { SkillTurn } from '../skill-turn.ts';
import { parseInputs, subjectInput } from './inputs.ts';

const inputs = z.object({
  subject: z.union([z.literal(''), z.null(), subjectInput]).optional(),
});
const mostListed = 50;

export async function getNotifications(turn: SkillTurn): Promise<void> {
  const { subject } = parseInputs(inputs, turn.context.activity.value);
  const items = await turn.services.inbox.take(turn.conversation, { subject: subject || undefined, limit: mostListed });
  const notifications = items.map((item) => item.notification);
  const outputs = {
    count: items.length,
    text: notifications.map(textOf).join('\n\n'),
    notificationsJson: JSON.stringify(notifications.map(describe)),
  };
  await turn.giveAll(items, [createEndOfAction('completedSuccessfully', outputs)]);
}

function textOf(notification: Notification): string {
  const { message, card } = notification.content;
  return message?.text ?? (typeof card?.['fallbackText'] === 'string' ? card['fallbackText'] : 'A card was sent.');
}

function describe(notification: Notification) {
  return {
    id: notification.id,
    subject: 'subject' in notification.to ? notification.to.subject : null,
    text: textOf(notification),
    card: notification.content.card ?? null,
    result: notification.result ?? null,
    acceptedAt: new Date(notification.acceptedAt).toISOString(),
  };
}
