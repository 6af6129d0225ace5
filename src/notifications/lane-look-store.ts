// What is open in lanes: the delivery whose turn it is, the wait, and when a worker is wanted. One statement for all the
// lanes that are looked at together.

import { sql } from 'kysely';
import type { Wait } from '../conversations/conversation.ts';
import { isOpen, isScheduled } from '../storage/conditions.ts';
import type { Database } from '../storage/database.ts';
import { prepared } from '../storage/prepared.ts';
import { tableOf } from '../storage/values.ts';
import { type KnownRow, parseDelivery } from './delivery-store.ts';
import type { Delivery } from './notification.ts';

export type LaneLook = {
  readonly conversationId: string;
  /**
   * The first accepted that may be sent by now, whether its next attempt is due or not: the head of the queue alone decides,
   * what comes after it waits for it.
   */
  readonly head: Delivery | undefined;
  readonly wait: Wait | undefined;
  /** When the earliest delivery that its sender wants later may be sent. */
  readonly scheduledAt: number | undefined;
};

type LookRow = Omit<KnownRow, 'id'> & {
  /** Null where there is no head; so are all of the other columns of a delivery but its conversation. */
  readonly id: string | null;
  readonly scheduled_at: number | null;
  readonly open_wait_id: string | null;
  readonly wait_action: string;
  readonly wait_subject: string;
  readonly wait_opened_at: number;
  readonly wait_deadline_at: number;
  readonly wait_attempts: number;
};

/** Looks at the lanes of these conversations; in the same order. */
export async function lookAtLanes(db: Database, conversationIds: readonly string[], now: number): Promise<LaneLook[]> {
  const { rows } = await look(db, { now, conversationIds });
  const looks = new Map(rows.map((row) => [row.conversation_id, parseLook(row)]));
  return conversationIds.map((conversationId) => looks.get(conversationId) ?? { conversationId, ...nothing });
}

const nothing = { head: undefined, wait: undefined, scheduledAt: undefined };

/** Without those in which there is nothing: most of them, once they have been worked in. */
const look = prepared(
  (db, { now, conversationIds }: { readonly now: number; readonly conversationIds: readonly string[] }) =>
    sql<LookRow>`
    select * from (select k.value as conversation_id, head.seq, head.id, head.notification_id, head.state, head.step, head.wait_id, head.attempts,
      head.attempts_before, head.forced, head.interruptions, head.run_at, head.expires_at,
      (select min(deliveries.send_at) from deliveries
        where deliveries.conversation_id = k.value and ${isScheduled} and deliveries.send_at > ${now}) as scheduled_at,
      waits.id as open_wait_id, waits.action as wait_action, waits.subject as wait_subject,
      waits.opened_at as wait_opened_at, waits.deadline_at as wait_deadline_at, waits.attempts as wait_attempts
    from ${tableOf(db, conversationIds)}
    left join deliveries as head on head.seq = (
      select deliveries.seq from deliveries
      where deliveries.conversation_id = k.value and ${isOpen} and deliveries.send_at <= ${now}
      order by deliveries.seq limit 1)
    left join waits on waits.conversation_id = k.value) as looks
    where id is not null or open_wait_id is not null or scheduled_at is not null`.compile(db),
);

/** When a lane that looks so wants a worker; undefined when nothing is open in it. */
export function nextRunAt({ head, wait, scheduledAt }: LaneLook): number | undefined {
  // A wait that something has ended is over with the end that tells so, whenever that is.
  const deadlineAt = wait && wait.id !== head?.waitId ? wait.deadlineAt : undefined;
  const times = [head?.runAt, scheduledAt, deadlineAt].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

function parseLook(row: LookRow): LaneLook {
  const { conversation_id: conversationId } = row;
  const wait = row.open_wait_id !== null && {
    conversationId,
    id: row.open_wait_id,
    action: row.wait_action,
    subject: row.wait_subject,
    openedAt: row.wait_opened_at,
    deadlineAt: row.wait_deadline_at,
    attempts: row.wait_attempts,
  };
  return {
    conversationId,
    head: hasHead(row) ? parseDelivery(row) : undefined,
    wait: wait || undefined,
    scheduledAt: row.scheduled_at ?? undefined,
  };
}

function hasHead(row: LookRow): row is LookRow & KnownRow {
  return row.id !== null;
}
