// What POST /api/notify and the events of webhooks have in common: who may be notified, and the answer.

import { AppError } from '../errors.ts';
import type { Sender } from '../keys/api-key.ts';
import type { AcceptedNotification, Repeat } from '../notifications/accept-notification.ts';
import type { DeliveryEngine } from '../notifications/delivery-engine.ts';
import type { NotifyRequest } from '../notifications/notify-request.ts';

type AcceptOptions = {
  readonly notifications: Pick<DeliveryEngine, 'findAnswer' | 'accept'>;
  readonly publicUrl: string;
};

/** The answer to an accepted notification: the body, and the headers that tell a repeat. */
export type Acceptance = {
  readonly accepted: AcceptedNotification;
  readonly body: Omit<AcceptedNotification, 'expiresAt'> & { readonly statusUrl: string; readonly expiresAt: string };
  readonly headers: Readonly<Record<string, string>>;
};

/**
 * Accepts what `read` makes of the request, or finds the answer that its repeat got before. `read` comes last: what was
 * accepted yesterday may name an end that has passed since. Throws what `read` and the engine throw.
 */
export async function accept(
  { notifications, publicUrl }: AcceptOptions,
  { name }: Pick<Sender, 'name'>,
  repeat: Repeat | undefined,
  read: () => NotifyRequest,
): Promise<Acceptance> {
  const earlier = repeat && (await notifications.findAnswer(name, repeat));
  const accepted: AcceptedNotification & { readonly replayed?: boolean } =
    earlier ?? (await notifications.accept(name, read(), repeat));
  const isRepeat = earlier !== undefined || accepted.replayed === true;
  const { id, status, recipients } = accepted;
  const expiresAt = new Date(accepted.expiresAt).toISOString();
  return {
    accepted,
    body: { id, status, recipients, expiresAt, statusUrl: statusUrlOf(publicUrl, id) },
    headers: isRepeat ? { 'Idempotent-Replayed': 'true' } : {},
  };
}

/** Where to look what has become of a notification. */
export function statusUrlOf(publicUrl: string, id: string): string {
  return `${publicUrl}/api/notifications/${encodeURIComponent(id)}`;
}

/** A credential for some subjects is for these and nobody else: not for a user, a conversation or all. */
export function checkRecipient({ subjects }: Pick<Sender, 'subjects'>, { to }: NotifyRequest): void {
  if (!subjects || ('subject' in to && subjects.some((prefix) => to.subject.startsWith(prefix)))) return;
  throw new AppError(
    'recipient_not_allowed',
    `This credential may only notify subjects that begin with ${subjects.join(' or ')}.`,
  );
}
