// The routes of senders: hand in a notification, look at one, list the conversations that can be reached.

import type { Request, Response } from 'restify';
import { AppError } from '../errors.ts';
import type { AcceptedNotification, Repeat } from '../notifications/accept-notification.ts';
import { fingerprintOf } from '../notifications/idempotency.ts';
import { type NotifyRequest, parseNotifyRequest } from '../notifications/notify-request.ts';
import type { FindSender } from './api-keys.ts';
import { readJsonObject, requireJsonContentType } from './json-body.ts';
import { requestContextOf } from './request-context.ts';
import { sendJson } from './respond.ts';

type Accepted = AcceptedNotification & {
  /** An earlier request with the same Idempotency-Key got this answer. */
  readonly replayed: boolean;
};

type ConversationPage = { readonly items: unknown[]; readonly nextCursor: string | null };

export type NotificationServices = {
  readonly acceptNotification: (
    sender: string,
    request: NotifyRequest,
    repeat: Repeat | undefined,
  ) => Promise<Accepted>;
  /** The answer that an earlier request with this key and body got, or undefined. Throws AppError 422 for another body. */
  readonly findAnswer: (sender: string, repeat: Repeat) => Promise<AcceptedNotification | undefined>;
  /** The notification ready to be sent as JSON, or undefined. */
  readonly findNotification: (id: string) => Promise<unknown>;
  readonly listConversations: (page: { limit: number; cursor: string | undefined }) => Promise<ConversationPage>;
};

type NotificationOptions = {
  readonly services: NotificationServices;
  readonly findSender: FindSender;
  readonly publicUrl: string;
  readonly notificationTtlMs: number;
  readonly now: () => number;
};

const maxBodyBytes = 64 * 1024;
const defaultPageSize = 50;
const maxPageSize = 200;
const maxCursorLength = 512;

/** POST /api/notify. */
export function createNotifyHandler(options: NotificationOptions) {
  const { services, findSender, publicUrl, notificationTtlMs, now } = options;
  return async (req: Request, res: Response): Promise<void> => {
    const sender = nameSender(findSender, req);
    requireJsonContentType(req);
    const body = await readJsonObject(req, maxBodyBytes);
    const key = readIdempotencyKey(req);
    const repeat = key === undefined ? undefined : { key, fingerprint: fingerprintOf(body) };
    const earlier = repeat && (await services.findAnswer(sender, repeat));
    const { replayed, ...accepted } = earlier
      ? { ...earlier, replayed: true }
      : await services.acceptNotification(sender, parseNotifyRequest(body, now(), notificationTtlMs), repeat);
    const statusUrl = `${publicUrl}/api/notifications/${encodeURIComponent(accepted.id)}`;
    const answer = { ...accepted, statusUrl, expiresAt: new Date(accepted.expiresAt).toISOString() };
    sendJson(res, 202, answer, replayed ? { 'Idempotent-Replayed': 'true' } : {});
  };
}

/** GET /api/notifications/{id}. */
export function createFindNotificationHandler({ services, findSender }: NotificationOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    nameSender(findSender, req);
    const found = await services.findNotification(String(req.params.id));
    if (found === undefined) throw new AppError('not_found', 'There is no notification with this id.');
    sendJson(res, 200, found);
  };
}

/** GET /api/conversations?limit&cursor. */
export function createListConversationsHandler({ services, findSender }: NotificationOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    nameSender(findSender, req);
    const { items, nextCursor } = await services.listConversations(parsePage(new URLSearchParams(req.getQuery())));
    sendJson(res, 200, { items, nextCursor });
  };
}

/** The key, bare or as a quoted string (RFC 8941), which are the same key. Throws AppError 400 for anything else. */
function readIdempotencyKey(req: Request): string | undefined {
  const values = req.headersDistinct['idempotency-key'];
  if (values === undefined) return undefined;
  const [, quoted, bare] =
    /^(?:"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255}))$/.exec(values[0] ?? '') ?? [];
  const key = quoted ?? bare;
  if (values.length > 1 || key === undefined) {
    throw new AppError('malformed_request', 'Idempotency-Key must be one value of 1 to 255 visible ASCII characters.');
  }
  return key;
}

function nameSender(findSender: FindSender, req: Request): string {
  const sender = findSender(req);
  requestContextOf(req).sender = sender;
  return sender;
}

function parsePage(query: URLSearchParams): { limit: number; cursor: string | undefined } {
  const limit = query.get('limit') ?? String(defaultPageSize);
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > maxPageSize) {
    throw queryError('limit', `Must be a whole number from 1 to ${maxPageSize}`);
  }
  const cursor = query.get('cursor') ?? undefined;
  if (cursor !== undefined && (cursor === '' || cursor.length > maxCursorLength)) {
    throw queryError('cursor', 'Must be the nextCursor of an earlier page');
  }
  return { limit: Number(limit), cursor };
}

function queryError(path: string, message: string): AppError {
  return new AppError('malformed_request', 'The query is not valid.', { faults: [{ path, message }] });
}
