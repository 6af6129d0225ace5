// The routes of senders: hand in a notification, see what became of it, take it back; list the conversations.

import type { Request, Response } from 'restify';
import { AppError } from '../errors.ts';
import type { DeliveryEngine } from '../notifications/delivery-engine.ts';
import { fingerprintOf, parseIdempotencyKey } from '../notifications/idempotency.ts';
import { parseNotifyRequest } from '../notifications/notify-request.ts';
import { accept, checkRecipient } from './accept.ts';
import { type Authenticate, ownerFor } from './api-keys.ts';
import { readJsonObject, requireJsonContentType } from './json-body.ts';
import { type Page, parsePage } from './paging.ts';
import { sendJson } from './respond.ts';

type ConversationPage = { readonly items: unknown[]; readonly nextCursor: string | null };

export type NotificationServices = {
  readonly notifications: Pick<DeliveryEngine, 'findAnswer' | 'accept' | 'settledWithin' | 'find' | 'list' | 'cancel'>;
  readonly listConversations: (page: Page) => Promise<ConversationPage>;
};

type NotificationOptions = {
  readonly services: NotificationServices;
  readonly authenticate: Authenticate;
  readonly publicUrl: string;
  readonly notificationTtlMs: number;
  readonly now: () => number;
};

const maxBodyBytes = 64 * 1024;
/** The longest wait that `Prefer` gets: below what load balancers allow an answer. */
const longestWaitSeconds = 30;

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
    const waitMs = readWait(req);
    // A broadcast that is still being spread is not waited for: each delivery would be counted anew.
    const isWaitedFor = waitMs !== undefined && accepted.recipients !== null;
    const settled = !isWaitedFor ? undefined : await notifications.settledWithin(accepted.id, waitMs);
    if (!settled) return sendJson(res, 202, body, headers);
    const { status, recipients, counts } = settled;
    sendJson(res, 200, { ...body, status, recipients, counts }, { ...headers, 'Preference-Applied': 'wait' });
  };
}

/** GET /api/notifications/{id}. */
export function createFindNotificationHandler({ services, authenticate }: NotificationOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    const sender = await authenticate(req, 'notify:read');
    const found = await services.notifications.find(String(req.params.id), ownerFor(sender));
    if (found === undefined) throw unknownNotification();
    sendJson(res, 200, found);
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

/** `Prefer: wait=10` (RFC 7240 section 4.3), in ms; undefined when nothing is to be waited for. */
function readWait(req: Request): number | undefined {
  const seconds = /(?:^|[,;\s])wait\s*=\s*(\d{1,6})(?=$|[,;\s])/i.exec(req.header('prefer', ''))?.[1];
  const wanted = Math.min(Number(seconds ?? 0), longestWaitSeconds);
  return wanted > 0 ? wanted * 1_000 : undefined;
}

function unknownNotification(): AppError {
  return new AppError('not_found', 'There is no notification with this id.');
}
