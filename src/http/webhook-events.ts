// Where sources send their own events: a signed webhook, or a CloudEvent with a key. Each becomes a notification by the
// template of its webhook, or is ignored by its condition.

import type { Request, Response } from 'restify';
import { AppError } from '../errors.ts';
import type { Sender } from '../keys/api-key.ts';
import type { DeliveryEngine } from '../notifications/delivery-engine.ts';
import { fingerprintOf } from '../notifications/idempotency.ts';
import { parseNotifyRequest } from '../notifications/notify-request.ts';
import { answerHandshake } from '../webhooks/cloud-events.ts';
import { fillTemplate } from '../webhooks/fill-template.ts';
import { readEvent } from '../webhooks/read-event.ts';
import { verifyWebhook, type WebhookScheme } from '../webhooks/verify-signature.ts';
import { senderNameOf, type Webhook } from '../webhooks/webhook.ts';
import { accept, checkRecipient } from './accept.ts';
import type { ClientAddress } from './client-address.ts';
import { parseBody, readBytes, requireJsonContentType } from './json-body.ts';
import type { RateLimits } from './rate-limits.ts';
import { requestContextOf } from './request-context.ts';
import { sendJson } from './respond.ts';
import type { WebhookOptions } from './webhooks.ts';

type EventOptions = WebhookOptions & {
  readonly notifications: Pick<DeliveryEngine, 'findAnswer' | 'accept'>;
  readonly limits: RateLimits;
  readonly clientAddress: ClientAddress;
  readonly senderRate: number;
  readonly notificationTtlMs: number;
  readonly now: () => number;
};

/** A push of many commits, or a pull request with a long text, is some hundred KB. */
const maxBodyBytes = 1024 * 1024;
const nesting = { maxDepth: 64, maxKeys: 20_000 };

/** POST /api/webhooks/{id}/events: 202 as for a notification; 200 with `status: "ignored"` for what `when` leaves out. */
export function createEventHandler(options: EventOptions) {
  const { webhooks, now, notificationTtlMs } = options;
  return async (req: Request, res: Response): Promise<void> => {
    const webhook = await webhooks.get(String(req.params.id));
    const { sender, body, eventId } = await readSource(req, webhook, options);
    await webhooks.noteEvent(webhook);
    const event = readEvent(webhook, { headers: req.headersDistinct, body, eventId });
    if (event.ok === 'ignored') return sendJson(res, 200, { status: 'ignored', reason: event.reason });
    if (!event.ok) throw new AppError('malformed_request', `The event cannot be read: ${event.reason}.`);
    const repeat = { key: event.idempotencyKey, fingerprint: fingerprintOf(event.input.body) };
    const { body: answer, headers } = await accept(options, sender, repeat, () => {
      const request = parseNotifyRequest(fillTemplate(webhook.template, event.input), now(), notificationTtlMs);
      checkRecipient(webhook, request);
      checkRecipient(sender, request);
      return request;
    });
    sendJson(res, 202, answer, headers);
  };
}

type Source = { readonly sender: Sender; readonly body: unknown; readonly eventId?: string };

async function readSource(req: Request, webhook: Webhook, options: EventOptions): Promise<Source> {
  const { scheme } = webhook;
  if (scheme !== 'cloudevents') return readSigned(req, webhook, scheme, options);
  const sender = await options.authenticate(req, 'notify:send');
  const bytes = await readBytes(req, maxBodyBytes);
  return { sender, body: bytes.length === 0 ? undefined : parseBody(bytes, nesting) };
}

async function readSigned(
  req: Request,
  webhook: Webhook,
  scheme: WebhookScheme,
  { limits, clientAddress, now }: EventOptions,
): Promise<Source> {
  requireJsonContentType(req);
  const rawBody = await readBytes(req, maxBodyBytes);
  const { secrets } = webhook;
  const verdict = verifyWebhook({ scheme, secrets, headers: req.headersDistinct, rawBody, now: now() });
  if (!verdict.ok) {
    await limits.countFailure(clientAddress(req));
    throw new AppError('invalid_signature', 'The signature of the webhook is missing or wrong.', {
      reason: `webhook ${webhook.name}: ${verdict.reason}`,
    });
  }
  const sender: Sender = { name: senderNameOf(webhook), scopes: ['notify:send'] };
  requestContextOf(req).sender = sender.name;
  await limits.countRequest(sender.name);
  return { sender, body: parseBody(rawBody, nesting), eventId: verdict.id };
}

/** OPTIONS /api/webhooks/{id}/events: whether CloudEvents may be sent there (CloudEvents HTTP 1.1 Web Hooks, section 4). */
export function createHandshakeHandler({ webhooks, senderRate }: EventOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    const { scheme } = await webhooks.get(String(req.params.id));
    if (scheme !== 'cloudevents') return sendJson(res, 204, undefined, { Allow: 'POST, OPTIONS' });
    const consent = answerHandshake(req.headersDistinct, senderRate === 0 ? undefined : senderRate);
    if (!consent.ok) throw new AppError('malformed_request', `No consent: ${consent.reason}.`);
    // Guides to Event Grid ask for 200; that it takes 204 as well is said nowhere.
    sendJson(res, 200, undefined, consent.headers);
  };
}
