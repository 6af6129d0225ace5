// A webhook: a source that sends its own events, how they are known to be its own, and what becomes of them.

import type { Condition } from './match-condition.ts';
import type { Template } from './parse-template.ts';
import type { WebhookScheme as SignedScheme } from './verify-signature.ts';

/**
 * How the events of a source are known to be its own: by their signature, or (`cloudevents`) by a key or an Entra token in
 * the headers of the request, as Event Grid sends it.
 */
export type WebhookScheme = SignedScheme | 'cloudevents';

export const webhookSchemes: readonly WebhookScheme[] = ['standard', 'github', 'cloudevents'];

export type Webhook = {
  readonly id: string;
  readonly name: string;
  readonly scheme: WebhookScheme;
  /** Those that are good now; none with `cloudevents`. */
  readonly secrets: readonly string[];
  readonly template: Template;
  readonly condition: Condition;
  /** The subjects that it may notify begin with one of these; absent: any recipient. */
  readonly subjects: readonly string[] | undefined;
  /** Epoch ms, to the hour; 0 when there was none. */
  readonly lastEventAt: number;
};

/** What its notifications name as their sender. No key can have this name: theirs have no colon. */
export function senderNameOf({ name }: Pick<Webhook, 'name'>): string {
  return `webhook:${name}`;
}
