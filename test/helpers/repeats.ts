// A sender that repeats itself: what it sends, byte by byte where that matters, and what is in the database afterwards.

import { apiKey, type Skill } from './skill.ts';

export const otherKey = 'another-secret-of-enough-characters';

export type Answer = {
  readonly status: number;
  readonly replayed: string | null;
  readonly id: unknown;
  readonly code: unknown;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
};

type Sending = {
  readonly key?: string | undefined;
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Posts `body`, a text as it is and anything else as JSON. */
export async function send(skill: Skill, body: unknown, { key, secret = apiKey, headers }: Sending = {}) {
  const answer = await fetch(`${skill.url}/api/notify`, {
    method: 'POST',
    headers: {
      // A kept connection may be one that the service before a restart has just closed.
      connection: 'close',
      'x-api-key': secret,
      'content-type': 'application/json',
      ...(key !== undefined && { 'idempotency-key': key }),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const content = (await answer.json()) as Record<string, unknown>;
  return {
    status: answer.status,
    replayed: answer.headers.get('idempotent-replayed'),
    id: content['id'],
    code: content['code'],
    headers: answer.headers,
    body: content,
  } satisfies Answer;
}

export type Rows = {
  readonly notifications: readonly { readonly id: string; readonly sender: string; readonly subject: string | null }[];
  readonly keys: readonly { readonly credential: string; readonly key: string; readonly expiresAt: number }[];
  readonly deliveries: readonly { readonly notificationId: string }[];
};

/** What the database holds. The service is stopped for it, as it has its file for itself, and started again. */
export async function readRows(skill: Skill): Promise<Rows> {
  const found: Rows[] = [];
  await skill.restart({
    meanwhile: async (db) => {
      const notifications = await db.selectFrom('notifications').select(['id', 'sender', 'subject']).execute();
      const keys = await db
        .selectFrom('idempotency_keys')
        .select(['credential', 'key', 'expires_at as expiresAt'])
        .execute();
      const deliveries = await db.selectFrom('deliveries').select('notification_id as notificationId').execute();
      found.push({ notifications, keys, deliveries });
    },
  });
  const [rows] = found;
  if (!rows) throw new Error('the database was not read');
  return rows;
}

/** So many rows of each subject. */
export function countSubjects({ notifications }: Rows): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { subject } of notifications) counts[subject ?? ''] = (counts[subject ?? ''] ?? 0) + 1;
  return counts;
}
