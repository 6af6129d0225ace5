// getNotifications: hands out what is held as the action's outputs. Works on every channel.

import { z } from 'zod';
import type { InboxItem } from '../../notifications/inbox.ts';
import type { Notification } from '../../notifications/notification.ts';
import { createEndOfAction } from '../activities.ts';
import type { SkillTurn } from '../skill-turn.ts';
import type { Texts } from '../texts.ts';
import { optionalSubjectInput, parseInputs } from './inputs.ts';

const inputs = z.object({ subject: optionalSubjectInput });
const mostListed = 50;
/** Parents refuse large activities (Teams: 28 KB); what does not fit stays held and comes with the next call. */
const mostBytes = 16_000;

export async function getNotifications(turn: SkillTurn): Promise<void> {
  const { texts } = turn;
  const { subject } = parseInputs(inputs, turn.context.activity.value);
  const held = await turn.take({ subject, limit: mostListed });
  const items = keepWithinSize(held, texts);
  const notifications = items.map((item) => item.notification);
  const outputs = {
    count: items.length,
    text: notifications.map((notification) => textOf(notification, texts)).join('\n\n'),
    notificationsJson: JSON.stringify(notifications.map((notification) => describe(notification, texts))),
  };
  await turn.giveIn(items, createEndOfAction('completedSuccessfully', outputs));
}

function keepWithinSize(items: readonly InboxItem[], texts: Texts): InboxItem[] {
  let bytes = 0;
  return items.filter((item, index) => {
    bytes += Buffer.byteLength(JSON.stringify(describe(item.notification, texts)));
    return index === 0 || bytes <= mostBytes;
  });
}

function textOf(notification: Notification, texts: Texts): string {
  const { message, card } = notification.content;
  return message?.text ?? (typeof card?.['fallbackText'] === 'string' ? card['fallbackText'] : texts.cardSent);
}

function describe(notification: Notification, texts: Texts) {
  return {
    id: notification.id,
    subject: 'subject' in notification.to ? notification.to.subject : null,
    text: textOf(notification, texts),
    card: notification.content.card ?? null,
    result: notification.result ?? null,
    acceptedAt: new Date(notification.acceptedAt).toISOString(),
  };
}
