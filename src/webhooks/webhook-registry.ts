// Webhooks as operators make, change and revoke them, and as they are found for an event.

import { randomBytes } from 'node:crypto';
import { AppError, type FieldFault } from '../errors.ts';
import { keepReplaced } from '../rotation.ts';
import type { Database } from '../storage/database.ts';
import { transact } from '../storage/transact.ts';
import { findTemplateFaults } from './check-template.ts';
import { type ConditionRequest, parseCondition } from './match-condition.ts';
import { joinPath, parseTemplate } from './parse-template.ts';
import { findSecretFault } from './verify-signature.ts';
import type { Webhook, WebhookScheme } from './webhook.ts';
import {
  changeWebhook,
  findWebhook,
  insertWebhook,
  listWebhooks,
  noteEvent,
  revokeWebhook,
  type StoredWebhook,
} from './webhook-store.ts';

type WebhookRequest = {
  readonly name: string;
  readonly scheme: WebhookScheme;
  /** As the source gives it; one is made where it is left out. */
  readonly secret?: string | undefined;
  readonly template: Record<string, unknown>;
  readonly when?: ConditionRequest | undefined;
  readonly subjects?: readonly string[] | undefined;
};

/** `subjects: null` lifts the limit. */
type ChangeRequest = Partial<Pick<WebhookRequest, 'template' | 'when'>> & {
  readonly subjects?: readonly string[] | null | undefined;
};

/** What an operator may see of a webhook: never its secrets. */
type WebhookView = Pick<WebhookRequest, 'name' | 'scheme' | 'template'> & {
  readonly id: string;
  readonly when: ConditionRequest;
  /** Null: any recipient. */
  readonly subjects: readonly string[] | null;
  readonly createdAt: string;
  readonly revokedAt: string | null;
  /** To the hour. */
  readonly lastEventAt: string | null;
};

/** With the secret, this once; without one where the scheme has none. */
type ShownWebhook = WebhookView & { readonly secret?: string };

export type WebhookRegistry = ReturnType<typeof createWebhookRegistry>;

type RegistryOptions = {
  readonly db: Database;
  /** Epoch ms. */
  readonly now: () => number;
};

const notedEveryMs = 3_600_000;
const secretBytes = 32;

/** A webhook is looked up at each event: what is changed or revoked counts at once. */
export function createWebhookRegistry({ db, now }: RegistryOptions) {
  return {
    /** Throws AppError `invalid_webhook` (422), or `name_taken` (409). */
    create: async ({ name, scheme, secret, template, when = {}, subjects }: WebhookRequest): Promise<ShownWebhook> => {
      check({ template, when }, now());
      const first = chooseSecret(scheme, secret);
      const secrets = first === undefined ? [] : [{ secret: first, until: null }];
      const times = { createdAt: now(), revokedAt: undefined, lastEventAt: undefined };
      const stored = { id: randomBytes(9).toString('hex'), name, scheme, secrets, template, when, subjects, ...times };
      if (!(await insertWebhook(db, stored))) {
        throw new AppError('name_taken', `There is, or was, a webhook with the name ${name}.`);
      }
      return show(stored, first);
    },
    list: async (): Promise<WebhookView[]> => (await listWebhooks(db)).map((stored) => show(stored)),
    /** Undefined when there is none, or it is revoked. Throws AppError `invalid_webhook` (422). */
    change: async (id: string, change: ChangeRequest): Promise<WebhookView | undefined> => {
      check(change, now());
      const stored = await changeWebhook(db, id, change);
      return stored && show(stored);
    },
    /** A new secret; those before it are good for `overlapMs` more, at most. Undefined and throws as `change`. */
    rotate: (id: string, secret: string | undefined, overlapMs: number): Promise<ShownWebhook | undefined> =>
      transact(db, async (trx) => {
        const known = await findWebhook(trx, id);
        if (!known || known.revokedAt !== undefined) return undefined;
        const next = chooseSecret(known.scheme, secret);
        if (next === undefined)
          throw invalid({ path: 'scheme', message: 'a webhook of the scheme cloudevents has no secret' });
        const before = known.secrets.map((one) => ({ ...one, until: one.until ?? Infinity }));
        const kept = keepReplaced(before, { now: now(), until: now() + overlapMs });
        const stored = await changeWebhook(trx, id, { secrets: [{ secret: next, until: null }, ...kept] });
        return stored && show(stored, next);
      }),
    revoke: async (id: string): Promise<WebhookView | undefined> => {
      const stored = await revokeWebhook(db, id, now());
      return stored && show(stored);
    },
    /** The webhook that events are sent to. Throws AppError `not_found` (404), `webhook_revoked` (410). */
    get: async (id: string): Promise<Webhook> => {
      const stored = await findWebhook(db, id);
      if (!stored) throw new AppError('not_found', 'There is no webhook with this id.');
      // 410 has sources of Standard Webhooks give up (its spec, "HTTP status codes").
      if (stored.revokedAt !== undefined) throw new AppError('webhook_revoked', 'This webhook is revoked.');
      return read(stored, now());
    },
    /** An event has come that is the source's own. */
    noteEvent: async ({ id, lastEventAt }: Webhook): Promise<void> => {
      if (now() - lastEventAt >= notedEveryMs) await noteEvent(db, id, now());
    },
  };
}

function check({ template, when }: Pick<ChangeRequest, 'template' | 'when'>, now: number): void {
  if (template) {
    const parsed = parseTemplate(JSON.stringify(template));
    if ('fault' in parsed) throw invalid({ path: 'template', message: parsed.fault });
    const faults = findTemplateFaults(parsed.template, now);
    if (faults.length > 0)
      throw invalid(...faults.map(({ path, ...rest }) => ({ path: joinPath('template', path), ...rest })));
  }
  const condition = parseCondition(when ?? {});
  if ('fault' in condition) throw invalid({ path: `when.${condition.path}`, message: condition.fault });
}

function chooseSecret(scheme: WebhookScheme, given: string | undefined): string | undefined {
  if (scheme === 'cloudevents') {
    if (given === undefined) return undefined;
    const message = 'must be left out: events of the scheme cloudevents come with an API key or an Entra token';
    throw invalid({ path: 'secret', message });
  }
  if (given === undefined) {
    const random = randomBytes(secretBytes);
    return scheme === 'standard' ? `whsec_${random.toString('base64')}` : random.toString('base64url');
  }
  const fault = findSecretFault(scheme, given);
  if (fault !== undefined) throw invalid({ path: 'secret', message: fault });
  return given;
}

function read(stored: StoredWebhook, now: number): Webhook {
  const { id, name, scheme, secrets, subjects, lastEventAt = 0 } = stored;
  const template = parseTemplate(JSON.stringify(stored.template));
  const condition = parseCondition(stored.when);
  // Both were read before they were stored.
  if ('fault' in template || 'fault' in condition) throw new Error(`webhook ${id} cannot be read`);
  const good = secrets.filter(({ until }) => until === null || until > now).map(({ secret }) => secret);
  return { id, name, scheme, secrets: good, subjects, lastEventAt, ...template, ...condition };
}

function show(stored: StoredWebhook, secret?: string): ShownWebhook {
  const { id, name, scheme, template, when, subjects = null, createdAt, revokedAt, lastEventAt } = stored;
  const times = { createdAt: timeOf(createdAt), revokedAt: timeOf(revokedAt), lastEventAt: timeOf(lastEventAt) };
  return { id, name, scheme, ...(secret !== undefined && { secret }), template, when, subjects, ...times };
}

function timeOf(at: number): string;
function timeOf(at: number | undefined): string | null;
function timeOf(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}

function invalid(...faults: readonly FieldFault[]): AppError {
  const words = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return new AppError('invalid_webhook', `The webhook cannot be made: ${words}.`, { faults });
}
