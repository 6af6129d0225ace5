// Stored webhooks. The secrets are stored as they are: whoever checks a signature needs the very secret it was made with.

import type { Database } from '../storage/database.ts';
import type { WebhookRow } from '../storage/schema.ts';
import type { ConditionRequest } from './match-condition.ts';
import type { WebhookScheme } from './webhook.ts';

/** `until`: epoch ms at which it ends; null for the newest. */
type Secret = { readonly secret: string; readonly until: number | null };

export type StoredWebhook = {
  readonly id: string;
  readonly name: string;
  readonly scheme: WebhookScheme;
  /** The newest first. */
  readonly secrets: readonly Secret[];
  readonly template: Record<string, unknown>;
  readonly when: ConditionRequest;
  readonly subjects: readonly string[] | undefined;
  /** Epoch ms, as the other times. */
  readonly createdAt: number;
  readonly revokedAt: number | undefined;
  /** To the hour. */
  readonly lastEventAt: number | undefined;
};

/** What can be changed of one that stands: at least one of these. `subjects: null` lifts the limit. */
export type WebhookChange = Partial<Pick<StoredWebhook, 'template' | 'when' | 'secrets'>> & {
  readonly subjects?: readonly string[] | null | undefined;
};

/** Stores one. False when its name is taken, also by one that is revoked: what it has sent bears that name. */
export async function insertWebhook(db: Database, webhook: StoredWebhook): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('webhooks')
    .values({
      id: webhook.id,
      name: webhook.name,
      scheme: webhook.scheme,
      secrets: JSON.stringify(webhook.secrets),
      template: JSON.stringify(webhook.template),
      condition: JSON.stringify(webhook.when),
      subjects: webhook.subjects ? JSON.stringify(webhook.subjects) : null,
      created_at: webhook.createdAt,
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirst();
  return Number(numInsertedOrUpdatedRows) > 0;
}

export async function findWebhook(db: Database, id: string): Promise<StoredWebhook | undefined> {
  const row = await db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst();
  return row && parseWebhook(row);
}

/** Every webhook, also those that are revoked; the newest first. */
export async function listWebhooks(db: Database): Promise<StoredWebhook[]> {
  const rows = await db.selectFrom('webhooks').selectAll().orderBy('created_at', 'desc').orderBy('id').execute();
  return rows.map(parseWebhook);
}

/** Changes one that is not revoked. Gives it as it is then, or undefined when there is none. */
export async function changeWebhook(
  db: Database,
  id: string,
  change: WebhookChange,
): Promise<StoredWebhook | undefined> {
  const row = await db
    .updateTable('webhooks')
    .set(columnsOf(change))
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
  return row && parseWebhook(row);
}

/** Ends one at once; its secrets are gone. Gives it as it is then, or undefined when there is none. */
export async function revokeWebhook(db: Database, id: string, now: number): Promise<StoredWebhook | undefined> {
  const row = await db
    .updateTable('webhooks')
    .set(({ fn, val }) => ({ revoked_at: fn.coalesce('revoked_at', val(now)), secrets: '[]' }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  return row && parseWebhook(row);
}

export async function noteEvent(db: Database, id: string, now: number): Promise<void> {
  await db.updateTable('webhooks').set({ last_event_at: now }).where('id', '=', id).execute();
}

function columnsOf({ template, when, secrets, subjects }: WebhookChange) {
  return {
    ...(template && { template: JSON.stringify(template) }),
    ...(when && { condition: JSON.stringify(when) }),
    ...(secrets && { secrets: JSON.stringify(secrets) }),
    ...(subjects !== undefined && { subjects: subjects && JSON.stringify(subjects) }),
  };
}

function parseWebhook(row: WebhookRow): StoredWebhook {
  return {
    id: row.id,
    name: row.name,
    scheme: row.scheme as WebhookScheme,
    secrets: JSON.parse(row.secrets) as Secret[],
    template: JSON.parse(row.template) as Record<string, unknown>,
    when: JSON.parse(row.condition) as ConditionRequest,
    subjects: row.subjects === null ? undefined : (JSON.parse(row.subjects) as string[]),
    createdAt: row.created_at,
    revokedAt: row.revoked_at ?? undefined,
    lastEventAt: row.last_event_at ?? undefined,
  };
}
