// Stored attempts: what was sent to a conversation, when, and what came of it.

import { sql } from 'kysely';
import type { Database } from '../storage/database.ts';
import { insertRows } from '../storage/insert-rows.ts';
import { prepared } from '../storage/prepared.ts';
import { tableOf } from '../storage/values.ts';
import { isThrottled } from './retry-policy.ts';
import type { RateWindow } from './send-rate.ts';
import { type Delivery, explainOutcome, type SendOutcome } from './notification.ts';

export type AttemptRecord = {
  readonly via: 'push' | 'turn';
  /** Through which it was sent: a turn gives what was held in another conversation. */
  readonly conversationId: string;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: SendOutcome;
};

/** Records attempts; to be called in the transaction that moves their deliveries on. */
export async function insertAttempts(
  trx: Database,
  items: readonly { readonly delivery: Delivery; readonly attempt: AttemptRecord }[],
): Promise<void> {
  await insertRows(
    trx,
    'attempts',
    items.map(({ delivery, attempt }) => rowOf(delivery, attempt)),
  );
}

function rowOf(delivery: Delivery, attempt: AttemptRecord) {
  const { outcome } = attempt;
  return {
    delivery_id: delivery.id,
    number: delivery.attempts + 1,
    conversation_id: attempt.conversationId,
    via: attempt.via,
    step: delivery.step,
    started_at: attempt.startedAt,
    duration_ms: Math.round(attempt.durationMs),
    outcome: outcome.kind,
    status: 'status' in outcome ? outcome.status : null,
    error_class: errorClassOf(attempt),
    detail: explainOutcome(outcome) || null,
  };
}

const throttledClass = 'throttled';

function errorClassOf({ outcome, startedAt }: AttemptRecord): string | null {
  if (isThrottled(outcome, startedAt)) return throttledClass;
  return 'errorClass' in outcome ? outcome.errorClass : null;
}

/** How earlier attempts of a delivery have failed, as far as the next decision depends on it. */
export type Failures = {
  /** By an exception of our own. */
  readonly internal: number;
  /** With 401. */
  readonly unauthorized: number;
  /** With the wish to come later. */
  readonly throttled: number;
  readonly lastUnauthorizedAt: number | undefined;
};

/** Of the attempts that count: those since an operator asked for a new beginning, if one has. */
export async function findFailures(db: Database, delivery: Delivery): Promise<Failures> {
  const rows = await db
    .selectFrom('attempts')
    .select(['error_class', 'status', 'started_at'])
    .where('delivery_id', '=', delivery.id)
    .where('number', '>', delivery.attemptsBefore)
    .orderBy('number')
    .execute();
  const unauthorized = rows.filter((row) => row.status === 401);
  return {
    internal: rows.filter((row) => row.error_class === 'internal').length,
    unauthorized: unauthorized.length,
    throttled: rows.filter((row) => row.error_class === throttledClass).length,
    lastUnauthorizedAt: unauthorized.at(-1)?.started_at,
  };
}

/** Those of these conversations that may have been sent as much as a window allows: only they need findNextSendAt. */
export async function findPaced(
  db: Database,
  conversationIds: readonly string[],
  windows: readonly RateWindow[],
  now: number,
): Promise<Set<string>> {
  if (conversationIds.length === 0) return new Set();
  const fewest = Math.min(...windows.map((window) => window.count));
  const longestMs = 1_000 * Math.max(...windows.map((window) => window.seconds));
  const { rows } = await listArrivals(db, { now, but: fewest - 1, conversationIds });
  const sent = rows.filter((row) => row.arrived_at !== null && row.arrived_at > now - longestMs);
  return new Set(sent.map((row) => row.id));
}

type Asked = { readonly now: number; readonly but: number; readonly conversationIds: readonly string[] };

/** When the last attempt but so many was over, by conversation. */
const listArrivals = prepared((db, { now, but, conversationIds }: Asked) =>
  sql<{ id: string; arrived_at: number | null }>`
    select k.value as id, (
      select attempts.started_at + attempts.duration_ms from attempts
      where attempts.conversation_id = k.value and attempts.started_at <= ${now}
      order by attempts.started_at desc limit 1 offset ${but}) as arrived_at
    from ${tableOf(db, conversationIds)}`.compile(db),
);
