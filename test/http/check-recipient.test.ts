// A credential for some subjects is for these and nobody else.

import { expect, it } from 'vitest';
import { checkRecipient } from '../../src/http/accept.ts';
import { AppError } from '../../src/errors.ts';
import type { NotifyRequest } from '../../src/notifications/notify-request.ts';

function outcomeOf(subjects: readonly string[] | undefined, to: NotifyRequest['to']): string {
  try {
    checkRecipient({ subjects }, { to } as NotifyRequest);
    return 'allowed';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

const refused = 'recipient_not_allowed';

it.each<[readonly string[] | undefined, NotifyRequest['to'], string]>([
  [undefined, { subject: 'order/42' }, 'allowed'],
  [undefined, { all: true }, 'allowed'],
  [['order/'], { subject: 'order/42' }, 'allowed'],
  [['order/'], { subject: 'order/' }, 'allowed'],
  [['repo/', 'order/'], { subject: 'order/42' }, 'allowed'],
  [['order/'], { subject: 'order' }, refused],
  [['order/'], { subject: 'Order/42' }, refused],
  [['order/'], { subject: 'my/order/42' }, refused],
  [['order/'], { subject: ' order/42' }, refused],
  [['order/'], { all: true }, refused],
  [['order/'], { userId: 'order/42' }, refused],
  [['order/'], { conversationId: 'order/42' }, refused],
  [[], { subject: 'order/42' }, refused],
])('for the subjects %j, %j is %s', (subjects, to, outcome) => {
  expect(outcomeOf(subjects, to)).toBe(outcome);
});
