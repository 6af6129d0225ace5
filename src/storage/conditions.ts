// The conditions of partial indexes, word for word: with bound values (`state in (?, ?)`) no engine can tell that an
// index covers them, and reads the whole table. A narrower condition is added beside one of these, never instead.

import { type RawBuilder, sql, type SqlBool } from 'kysely';

type Condition = RawBuilder<SqlBool>;

/** Deliveries on their way (index deliveries_open). */
export const isOpen: Condition = sql`deliveries.open = 1`;
/** Deliveries on their way whose sender wants them later (index deliveries_scheduled). */
export const isScheduled: Condition = sql`deliveries.open = 1 and deliveries.send_at > 0`;
/** Deliveries on their way that MAX_PENDING counts (index deliveries_counted). */
export const isCounted: Condition = sql`deliveries.open = 1 and deliveries.bulk = 0`;
/** Deliveries that wait for a turn (index deliveries_held). */
export const isHeld: Condition = sql`deliveries.state = 'held'`;
/** Deliveries that may still end at their expiry (index deliveries_by_expiry); not while they are being sent. */
export const mayExpire: Condition = sql`deliveries.settled_at is null and deliveries.state in ('pending', 'held')`;
/** Deliveries that went nowhere, so far (index deliveries_not_delivered). */
export const isNotDelivered: Condition = sql`deliveries.state in ('held', 'dead', 'cancelled')`;
/** Notifications that nobody has, or wants, yet (index notifications_waiting). */
export const isWaiting: Condition = sql`notifications.recipients = 0 and notifications.cancelled_at is null`;
/** Subscriptions that end with their first notification (index subscriptions_once). */
export const isOnce: Condition = sql`subscriptions.once = 1`;
