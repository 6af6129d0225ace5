// Stored attempts: what was sent to a conversation, when, and what came of it.

import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../storage/database.ts';
import { insertRows } from '../storage/insert-rows.ts';
import { isPostgres } from '../storage/locks.ts';
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

/**
 * When each of these conversations may be sent its next activity, where that is later than now: no window may take more than
 * its count. Read from the attempts themselves: there is no second count that a restart or another replica could lose.
 */
export async function findNextSendTimes(
  db: Database,
  conversationIds: readonly string[],
  windows: readonly RateWindow[],
  now: number,
): Promise<Map<string, number>> {
  if (conversationIds.length === 0) return new Map();
  const find = statementFor(windows.length);
  const fewest = Math.min(...windows.map(({ count }) => count));
  const longestMs = 1_000 * Math.max(...windows.map(({ seconds }) => seconds));
  const bounds = windows.flatMap(({ seconds, count }, index) => {
    const ms = 1_000 * seconds;
    return [
      [`ms${index}`, ms],
      [`since${index}`, now - ms - longestAttemptMs],
      [`but${index}`, count - 1],
    ];
  });
  const { rows } = await find(db, {
    now,
    conversationIds,
    since: now - longestMs - longestAttemptMs,
    but: fewest - 1,
    ...(Object.fromEntries(bounds) as Record<string, number>),
  });
  return new Map(rows.map((row) => [row.id, row.next_at]));
}

/**
 * A push has its token within 30 s and its answer within 20: one that began longer before a window has ended before it. What
 * a turn gives may take longer, one after the other, and then leaves a window somewhat early.
 */
const longestAttemptMs = 60_000;

type Asked = {
  readonly now: number;
  readonly conversationIds: readonly string[];
  readonly since: number;
  readonly but: number;
} & Readonly<Record<string, unknown>>;

const statements = new Map<number, ReturnType<typeof prepareFor>>();

function statementFor(windows: number): ReturnType<typeof prepareFor> {
  const statement = statements.get(windows) ?? prepareFor(windows);
  statements.set(windows, statement);
  return statement;
}

/** For so many windows. Most conversations have not been sent even the fewest within the longest: they give no row. */
function prepareFor(windows: number) {
  return prepared((db, asked: Asked) => {
    const { now, conversationIds } = asked;
    const last = (column: RawBuilder<unknown>, since: unknown, but: unknown) => sql`(
      select ${column} from attempts
      where attempts.conversation_id = k.value and attempts.started_at <= ${now} and attempts.started_at > ${since}
      order by attempts.started_at desc limit 1 offset ${but})`;
    // The parent counts arrivals: an attempt arrives at the latest when it ends.
    const end = sql`attempts.started_at + attempts.duration_ms`;
    const times = Array.from({ length: windows }, (_, index) => {
      const arrivedAt = last(end, asked[`since${index}`], asked[`but${index}`]);
      return sql`coalesce(${arrivedAt} + ${asked[`ms${index}`]}, 0)`;
    });
    const latest = isPostgres(db) ? sql`greatest` : sql`max`;
    return sql<{ id: string; next_at: number }>`
      select id, next_at from (
        select k.value as id, ${latest}(0, ${sql.join(times)}) as next_at from ${tableOf(db, conversationIds)}
        where ${last(sql`1`, asked.since, asked.but)} = 1) as times
      where next_at > ${now}`.compile(db);
  });
}
