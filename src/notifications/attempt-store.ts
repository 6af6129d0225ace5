// Stored attempts: what was sent to a conversation, when, and what came of it.

import type { Database } from '../storage/database.ts';
import { isThrottled } from './retry-policy.ts';
import { type Delivery, explainOutcome, type SendOutcome } from './notification.ts';

export type AttemptRecord = {
  readonly via: 'push' | 'turn';
  /** Through which it was sent: a turn gives what was held in another conversation. */
  readonly conversationId: string;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: SendOutcome;
};

/** Records an attempt of this delivery; to be called in the transaction that moves the delivery on. */
export async function insertAttempt(db: Database, delivery: Delivery, attempt: AttemptRecord): Promise<void> {
  const { outcome } = attempt;
  await db
    .insertInto('attempts')
    .values({
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
    })
    .execute();
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
