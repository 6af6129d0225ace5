// One event of a source, whatever its scheme: what the template is filled from, and the key under which a repeat is found.

import { createHash } from 'node:crypto';
import { readCloudEvent } from './cloud-events.ts';
import type { TemplateInput } from './fill-template.ts';
import { matches } from './match-condition.ts';
import type { Webhook } from './webhook.ts';
import { readHeaders, type WebhookHeaders, type WebhookRefusal } from './webhook-headers.ts';

type EventRead =
  | { readonly ok: true; readonly input: TemplateInput; readonly idempotencyKey: string }
  /** Nothing is wrong with it, and nobody is notified of it. */
  | { readonly ok: 'ignored'; readonly reason: string }
  | WebhookRefusal;

/**
 * Reads an event that is known to be its source's. `body` is the parsed JSON, undefined where there is none. `eventId` is
 * the id under which a signed event was sent; a CloudEvent has its own: `source` and `id` together.
 */
export function readEvent(
  webhook: Webhook,
  { headers, body, eventId }: { headers: WebhookHeaders; body: unknown; eventId?: string },
): EventRead {
  if (webhook.scheme === 'github' && isPing(headers)) return { ok: 'ignored', reason: 'It is a ping.' };
  const read = webhook.scheme === 'cloudevents' ? readCloudEvent(headers, body) : undefined;
  if (read?.ok === false) return read;
  const input = { headers, body: read ? read.event : body };
  if (!matches(webhook.condition, input)) return { ok: 'ignored', reason: 'It is not of the kind that `when` names.' };
  return { ok: true, input, idempotencyKey: read ? keyOf(webhook, read.event) : (eventId ?? '') };
}

/** Which GitHub sends once, when the webhook is set up; it has nothing that a template could name. */
function isPing(headers: WebhookHeaders): boolean {
  const read = readHeaders(headers, { event: 'x-github-event' });
  return read.ok && read.values.event === 'ping';
}

/**
 * Both may have any character, and be longer than a key is. With the webhook, as its sender is whoever has the key: of an
 * event that goes to two webhooks with one key, the second would get the answer of the first, and nobody its message.
 */
function keyOf(webhook: Webhook, { source, id }: { readonly source: string; readonly id: string }): string {
  return createHash('sha256')
    .update(JSON.stringify([webhook.id, source, id]))
    .digest('base64url');
}
