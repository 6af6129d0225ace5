// What senders and operators see of deliveries: state, reason in words, every attempt. Never a text.

import { isCounted, isNotDelivered, isOpen } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { readTogether } from '../storage/transact.ts';
import type { AttemptRow, DeliveryRow } from '../storage/schema.ts';
import type { DeliveryState } from './notification.ts';

type AttemptView = {
  readonly number: number;
  readonly via: string;
  readonly step: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly outcome: string;
  readonly status: number | null;
  readonly errorClass: string | null;
  readonly detail: string | null;
};

export type DeliveryView = {
  readonly id: string;
  readonly notificationId: string;
  readonly conversationId: string;
  readonly status: DeliveryState;
  readonly reason: string | null;
  readonly reasonText: string | null;
  readonly nextAttemptAt: string | null;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly settledAt: string | null;
  readonly attempts: readonly AttemptView[];
};

/** Which deliveries are meant; what is left out is not looked at. */
export type DeliveryFilter = {
  readonly id?: string | undefined;
  readonly status?: DeliveryState | undefined;
  readonly reason?: string | undefined;
  readonly notificationId?: string | undefined;
  readonly conversationId?: string | undefined;
};

export type DeliveryPage = { readonly items: DeliveryView[]; readonly nextCursor: string | null };

/** One page of deliveries, those accepted last first; `cursor` is the nextCursor of the page before. */
export async function listDeliveries(
  db: Database,
  filter: DeliveryFilter,
  page: { readonly limit: number; readonly cursor: string | undefined },
): Promise<DeliveryPage> {
  let query = filterDeliveries(db, filter)
    .orderBy('seq', 'desc')
    .limit(page.limit + 1);
  if (page.cursor !== undefined) query = query.where('seq', '<', Number(page.cursor));
  const rows = await query.execute();
  const shown = rows.slice(0, page.limit);
  return {
    items: await viewDeliveries(db, shown),
    nextCursor: rows.length > page.limit ? String(shown.at(-1)?.seq) : null,
  };
}

/** The delivery with this id, or undefined. */
export async function findDeliveryView(db: Database, id: string): Promise<DeliveryView | undefined> {
  const rows = await db.selectFrom('deliveries').selectAll().where('id', '=', id).execute();
  const [view] = await viewDeliveries(db, rows);
  return view;
}

/** The index that finds them; nearly all that are neither are delivered, and found by their order. */
const conditionOf: Partial<Record<DeliveryState, typeof isOpen>> = {
  pending: isOpen,
  sending: isOpen,
  held: isNotDelivered,
  dead: isNotDelivered,
  cancelled: isNotDelivered,
};

/** The query of the deliveries that a filter means. */
export function filterDeliveries(db: Database, filter: DeliveryFilter) {
  const { id, status, reason, notificationId, conversationId } = filter;
  let query = db.selectFrom('deliveries').selectAll();
  if (id !== undefined) query = query.where('id', '=', id);
  if (status !== undefined) query = query.where('state', '=', status);
  // A reason is only kept where a delivery went nowhere.
  const condition = status ? conditionOf[status] : reason && isNotDelivered;
  if (condition) query = query.where(condition);
  if (reason !== undefined) query = query.where('reason', '=', reason);
  if (notificationId !== undefined) query = query.where('notification_id', '=', notificationId);
  if (conversationId !== undefined) query = query.where('conversation_id', '=', conversationId);
  return query;
}

export type DeliveryCounts = Readonly<Record<DeliveryState, number>>;

/** How many deliveries there are in each state: as at one moment, so that the sum is right. */
export function countDeliveries(db: Database): Promise<DeliveryCounts> {
  return readTogether(db, async (trx) => {
    const counts = countNothing();
    // Nearly all are delivered, and are not looked at: their number is what the others leave.
    for (const condition of [isOpen, isNotDelivered]) {
      const rows = await trx
        .selectFrom('deliveries')
        .select(['state', ({ fn }) => fn.countAll<number>().as('count')])
        .where(condition)
        .groupBy('state')
        .execute();
      for (const { state, count } of rows) counts[state as DeliveryState] = count;
    }
    const { total } = await trx
      .selectFrom('deliveries')
      .select(({ fn }) => fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    const others = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { ...counts, delivered: total - others };
  });
}

/** When the delivery was accepted that has waited longest to be pushed, of those that are due; undefined when none is. */
export async function findOldestPending(db: Database, now: number): Promise<number | undefined> {
  const row = await db
    .selectFrom('deliveries')
    .select('created_at')
    .where(isCounted)
    .where('send_at', '<=', now)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  return row?.created_at;
}

/** No delivery in any state. */
export function countNothing(): Record<DeliveryState, number> {
  return { pending: 0, sending: 0, delivered: 0, held: 0, dead: 0, cancelled: 0 };
}

/** Rows with their attempts, in the order given. */
export async function viewDeliveries(db: Database, rows: readonly DeliveryRow[]): Promise<DeliveryView[]> {
  if (rows.length === 0) return [];
  const attempts = await db
    .selectFrom('attempts')
    .selectAll()
    .where(
      'delivery_id',
      'in',
      rows.map((row) => row.id),
    )
    .orderBy('number')
    .execute();
  const attemptsOf = new Map<string, AttemptView[]>(rows.map((row) => [row.id, []]));
  for (const attempt of attempts) attemptsOf.get(attempt.delivery_id)?.push(viewAttempt(attempt));
  return rows.map((row) => ({
    id: row.id,
    notificationId: row.notification_id,
    conversationId: row.conversation_id,
    status: row.state as DeliveryState,
    reason: row.reason,
    reasonText: row.reason_text,
    nextAttemptAt: row.state === 'pending' ? new Date(row.run_at).toISOString() : null,
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: new Date(row.expires_at).toISOString(),
    settledAt: row.settled_at === null ? null : new Date(row.settled_at).toISOString(),
    attempts: attemptsOf.get(row.id) ?? [],
  }));
}

function viewAttempt(row: AttemptRow): AttemptView {
  return {
    number: row.number,
    via: row.via,
    step: row.step,
    startedAt: new Date(row.started_at).toISOString(),
    durationMs: row.duration_ms,
    outcome: row.outcome,
    status: row.status,
    errorClass: row.error_class,
    detail: row.detail,
  };
}
