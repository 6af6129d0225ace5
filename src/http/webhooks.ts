// The routes of operators for webhooks: make, list, change, rotate the secret, revoke. A secret is shown once, in the
// answer that made it.

import type { Request, Response } from 'restify';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { type WebhookScheme, webhookSchemes } from '../webhooks/webhook.ts';
import type { WebhookRegistry } from '../webhooks/webhook-registry.ts';
import type { Authenticate } from './api-keys.ts';
import { readFields } from './read-fields.ts';
import { sendJson } from './respond.ts';
import { overlapHours, senderName, subjectPrefixes } from './sender-fields.ts';

export type WebhookOptions = {
  readonly webhooks: WebhookRegistry;
  readonly authenticate: Authenticate;
  /** Without a slash at the end. */
  readonly publicUrl: string;
};

const maxBodyBytes = 32 * 1024;
const hourMs = 3_600_000;

const scalar = z.union([z.string().max(256), z.number(), z.boolean()], {
  error: 'must be a text, a number, true or false, or a list of these',
});
const secret = z.string().max(256).optional();
const template = z.record(z.string(), z.unknown(), { error: 'must be an object' });
const when = z
  .record(z.string(), z.union([scalar, z.array(scalar).min(1, 'must not be empty').max(50)]))
  .refine((condition) => Object.keys(condition).length <= 10, { error: 'may name at most 10 values' });
const createSchema = z.strictObject({
  name: senderName,
  scheme: z.enum(webhookSchemes as [WebhookScheme, ...WebhookScheme[]], {
    error: `must be one of ${webhookSchemes.join(', ')}`,
  }),
  secret,
  template,
  when: when.optional(),
  subjects: subjectPrefixes.optional(),
});
const changeSchema = z
  .strictObject({
    template: template.optional(),
    when: when.optional(),
    subjects: subjectPrefixes.nullable().optional(),
  })
  .refine((change) => Object.keys(change).length > 0, { error: 'must have one of template, when, subjects' });
const rotateSchema = z.strictObject({ secret, overlapHours });

/** POST /api/webhooks: 201 with the address for the source, and the secret. */
export function createCreateWebhookHandler(options: WebhookOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await options.authenticate(req, 'operate');
    const made = await options.webhooks.create(await readWebhook(req, createSchema));
    sendJson(res, 201, withUrl(options, made));
  };
}

/** GET /api/webhooks: all of them, without their secrets. */
export function createListWebhooksHandler(options: WebhookOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await options.authenticate(req, 'operate');
    const items = await options.webhooks.list();
    sendJson(res, 200, { items: items.map((webhook) => withUrl(options, webhook)) });
  };
}

/** PATCH /api/webhooks/{id}: another template, condition or limit, from the next event on. */
export function createChangeWebhookHandler(options: WebhookOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await options.authenticate(req, 'operate');
    const change = await readWebhook(req, changeSchema);
    const changed = await options.webhooks.change(String(req.params.id), change);
    if (!changed) throw unknownWebhook();
    sendJson(res, 200, withUrl(options, changed));
  };
}

/** POST /api/webhooks/{id}/rotate: a new secret; the old one is good for `overlapHours` more (24). */
export function createRotateWebhookHandler(options: WebhookOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await options.authenticate(req, 'operate');
    const { secret: given, overlapHours: hours } = await readWebhook(req, rotateSchema);
    const rotated = await options.webhooks.rotate(String(req.params.id), given, hours * hourMs);
    if (!rotated) throw unknownWebhook();
    sendJson(res, 200, withUrl(options, rotated));
  };
}

/** DELETE /api/webhooks/{id}: refused from now on. */
export function createRevokeWebhookHandler(options: WebhookOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await options.authenticate(req, 'operate');
    const revoked = await options.webhooks.revoke(String(req.params.id));
    if (!revoked) throw unknownWebhook();
    sendJson(res, 200, withUrl(options, revoked));
  };
}

function withUrl<T extends { readonly id: string }>({ publicUrl }: WebhookOptions, webhook: T) {
  return { ...webhook, url: `${publicUrl}/api/webhooks/${webhook.id}/events` };
}

function readWebhook<T>(req: Request, schema: z.ZodType<T>): Promise<T> {
  return readFields(req, { schema, maxBytes: maxBodyBytes, noun: 'a webhook', code: 'invalid_webhook' });
}

function unknownWebhook(): AppError {
  return new AppError('not_found', 'There is no webhook with this id, or it is revoked.');
}
