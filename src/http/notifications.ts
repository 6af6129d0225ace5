// The routes of senders: hand in a notification, see what became of it, take it back; list the conversations.

import type { Request, Response } from 'restify';
import { AppError } from '../errors.ts';
import type { DeliveryEngine } from '../notifications/delivery-engine.ts';
import { fingerprintOf, parseIdempotencyKey } from '../notifications/idempotency.ts';
import { parseNotifyRequest } from '../notifications/notify-request.ts';
import { accept, checkRecipient, statusUrlOf } from './accept.ts';
import { type Authenticate, ownerFor } from './api-keys.ts';
import { readJsonObject, requireJsonContentType } from './json-body.ts';
import { type Page, parsePage, queryError } from './paging.ts';
import { readPreferences } from './prefer.ts';
import { sendJson } from './respond.ts';

type ConversationPage = { readonly items: unknown[]; readonly nextCursor: string | null };

export type NotificationServices = {
  readonly notifications: Pick<DeliveryEngine, 'findAnswer' | 'accept' | 'settledWithin' | 'find' | 'list' | 'cancel'>;
  readonly listConversations: (page: Page) => Promise<ConversationPage>;
  readonly findConversation: (id: string) => Promise<unknown>;
};

type NotificationOptions = {
  readonly services: NotificationServices;
  readonly authenticate: Authenticate;
  readonly publicUrl: string;
  readonly notificationTtlMs: number;
  readonly now: () => number;
};

const maxBodyBytes = 64 * 1024;
/** For senders that poll. A push takes a moment; what is held up takes minutes, and they may well ask some times then. */
const pollHeaders = { 'Retry-After': '5' };

/** POST /api/notify. */
export function createNotifyHandler(options: NotificationOptions) {
  const { services, authenticate, publicUrl, notificationTtlMs, now } = options;
  const { notifications } = services;
  return async (req: Request, res: Response): Promise<void> => {
    const sender = await authenticate(req, 'notify:send');
    requireJsonContentType(req);
    const sent = await readJsonObject(req, maxBodyBytes);
    const key = parseIdempotencyKey(req.headersDistinct['idempotency-key']);
    const repeat = key === undefined ? undefined : { key, fingerprint: fingerprintOf(sent) };
    const { accepted, body, headers } = await accept({ notifications, publicUrl }, sender, repeat, () => {
      const request = parseNotifyRequest(sent, now(), notificationTtlMs);
      checkRecipient(sender, request);
      return request;
    });
    const { waitMs, respondAsync } = readPreferences(req);
    // A broadcast that is still being spread is not waited for: each delivery would be counted anew.
    const isWaitedFor = waitMs !== undefined && accepted.recipients !== null;
    const settled = !isWaitedFor ? undefined : await notifications.settledWithin(accepted.id, waitMs);
    // Only where it was asked for: Logic Apps poll any Location of a 202. A key that may not read could not poll.
    const isPolled = respondAsync && sender.scopes.includes('notify:read');
    const polling = { Location: pollUrl(body.statusUrl), 'Preference-Applied': 'respond-async', ...pollHeaders };
    if (!settled) return sendJson(res, 202, body, { ...headers, ...(isPolled && polling) });
    const { status, recipients, counts } = settled;
    sendJson(res, 200, { ...body, status, recipients, counts }, { ...headers, 'Preference-Applied': 'wait' });
  };
}

/** GET /api/notifications/{id}?async: with `async=true`, the Location of a 202, 202 until it is settled. */
export function createFindNotificationHandler({ services, authenticate, publicUrl }: NotificationOptions) {
  const { notifications } = services;
  return async (req: Request, res: Response): Promise<void> => {
    const sender = await authenticate(req, 'notify:read');
    const polled = new URLSearchParams(req.getQuery()).get('async') ?? 'false';
    if (polled !== 'true' && polled !== 'false') throw queryError('async', 'Must be true or false');
    const found = await notifications.find(String(req.params.id), ownerFor(sender));
    if (found === undefined) throw unknownNotification();
    const settled = polled === 'true' ? await notifications.settledWithin(found.id, 0) : found;
    if (settled) return sendJson(res, 200, settled);
    sendJson(res, 202, found, { Location: pollUrl(statusUrlOf(publicUrl, found.id)), ...pollHeaders });
  };
}

/** GET /api/notifications?limit&cursor. */
export function createListNotificationsHandler({ services, authenticate }: NotificationOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    const sender = await authenticate(req, 'notify:read');
    const page = parsePage(new URLSearchParams(req.getQuery()));
    sendJson(res, 200, await services.notifications.list(page, ownerFor(sender)));
  };
}

/** POST /api/notifications/{id}/cancel: 200 with what has become of it. */
export function createCancelHandler({ services, authenticate }: NotificationOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    const sender = await authenticate(req, 'notify:send');
    const found = await services.notifications.cancel(String(req.params.id), ownerFor(sender));
    if (found === undefined) throw unknownNotification();
    sendJson(res, 200, found);
  };
}

/** GET /api/conversations?limit&cursor. */
export function createListConversationsHandler({ services, authenticate }: NotificationOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const { items, nextCursor } = await services.listConversations(parsePage(new URLSearchParams(req.getQuery())));
    sendJson(res, 200, { items, nextCursor });
  };
}

/** GET /api/conversations/{id}. */
export function createFindConversationHandler({ services, authenticate }: NotificationOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const found = await services.findConversation(String(req.params.id));
    if (found === undefined) throw new AppError('not_found', 'There is no conversation with this id.');
    sendJson(res, 200, found);
  };
}

/** A poller takes 200 for the end; whoever just looks gets 200 at any time. */
function pollUrl(statusUrl: string): string {
  return `${statusUrl}?async=true`;
}

function unknownNotification(): AppError {
  return new AppError('not_found', 'There is no notification with this id.');
}
