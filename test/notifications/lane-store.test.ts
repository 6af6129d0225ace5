import { describe, expect, it } from 'vitest';
import { beginAttempt, settleDelivery } from '../../src/notifications/delivery-store.ts';
import { insertDeliveries } from '../../src/notifications/enqueue.ts';
import { claimLane, holdsLease, type Lease, leaseMs, takeBackLeases } from '../../src/notifications/lane-store.ts';
import { wakeLanes } from '../../src/notifications/wake-lanes.ts';
import type { Delivery, Notification } from '../../src/notifications/notification.ts';
import { releaseLane } from '../../src/notifications/release-lane.ts';
import type { Database } from '../../src/storage/database.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { claimDue, findHead, findNextLaneAt, saveConversations } from '../helpers/lanes.ts';

function notification(id: string, sendAt?: number): Notification {
  return {
    id,
    sender: 'test',
    to: { subject: 's' },
    content: { message: { text: 't', textFormat: 'plain' } },
    keepOpen: false,
    acceptedAt: 0,
    expiresAt: 1_000_000,
    ...(sendAt !== undefined && { sendAt }),
  };
}

async function openLanes(): Promise<Database> {
  const db = await openTestDatabase();
  await saveConversations(db, ['a', 'b', 'c']);
  return db;
}

async function enqueue(db: Database, id: string, conversations: string[], now = 0, sendAt?: number): Promise<void> {
  await insertDeliveries(db, [{ notification: notification(id, sendAt), conversationIds: conversations }], now);
  await wakeLanes(db, conversations, sendAt ?? now);
}

async function claimOne(db: Database, now: number): Promise<Lease> {
  const [lease] = await claimDue(db, 1, now);
  if (!lease) throw new Error('no lane is due');
  return lease;
}

async function headOf(db: Database, now: number): Promise<Delivery> {
  const head = await findHead(db, 'c', now);
  if (!head) throw new Error('no delivery is open');
  return head;
}

describe('leases', () => {
  it('give a lane to one worker at a time', async () => {
    const db = await openLanes();
    await enqueue(db, 'n1', ['a', 'b', 'c']);
    const first = await claimDue(db, 2, 0);
    const second = await claimDue(db, 10, 0);
    expect(first).toHaveLength(2);
    expect(second).toHaveLength(1);
    expect(await claimDue(db, 10, 0)).toEqual([]);
  });

  it('come back when a worker dies, and the dead one can then change nothing', async () => {
    const db = await openLanes();
    await enqueue(db, 'n1', ['c']);
    const dead = await claimOne(db, 0);
    const delivery = await headOf(db, 0);
    expect(await beginAttempt(db, dead, delivery, 0)).toBe(true);
    expect(await claimDue(db, 1, leaseMs - 1)).toEqual([]);
    const alive = await claimOne(db, leaseMs);
    expect(await holdsLease(db, dead)).toBe(false);
    expect(
      await settleDelivery(db, dead, delivery, { from: 'sending', change: { state: 'delivered' }, now: leaseMs }),
    ).toBeUndefined();
    await releaseLane(db, dead, leaseMs);
    expect(await holdsLease(db, alive)).toBe(true);
    expect(await headOf(db, leaseMs)).toMatchObject({ state: 'sending', interruptions: 0 });
  });

  it('are not shortened by work that comes in meanwhile, and that work is not forgotten', async () => {
    const db = await openLanes();
    await enqueue(db, 'n1', ['c']);
    const lease = await claimOne(db, 0);
    await enqueue(db, 'n2', ['c'], 10);
    expect(await claimDue(db, 1, 10)).toEqual([]);
    await settleDelivery(db, lease, await headOf(db, 10), { from: 'pending', change: { state: 'delivered' }, now: 10 });
    await releaseLane(db, lease, 10);
    expect(await findNextLaneAt(db)).toBe(10);
  });

  it('of a turn are refused while a worker holds the lane, and the other way round', async () => {
    const db = await openLanes();
    await enqueue(db, 'n1', ['c']);
    const worker = await claimOne(db, 0);
    expect(await claimLane(db, 'c', 1)).toBeUndefined();
    await releaseLane(db, worker, 1);
    const turn = await claimLane(db, 'c', 1);
    expect(turn).toBeDefined();
    expect(await claimDue(db, 1, 1)).toEqual([]);
  });

  it('can all be taken back when the only process starts again', async () => {
    const db = await openLanes();
    await enqueue(db, 'n1', ['c']);
    const lease = await claimOne(db, 0);
    await beginAttempt(db, lease, await headOf(db, 0), 0);
    await takeBackLeases(db, 5);
    expect(await headOf(db, 5)).toMatchObject({ state: 'pending', interruptions: 1 });
    expect(await claimDue(db, 1, 5)).toHaveLength(1);
  });
});

describe('order', () => {
  it('is the order of acceptance, and the head blocks what comes after it while it waits for its next attempt', async () => {
    const db = await openLanes();
    await enqueue(db, 'n1', ['c']);
    await enqueue(db, 'n2', ['c']);
    const lease = await claimOne(db, 0);
    const head = await headOf(db, 0);
    expect(head.notificationId).toBe('n1');
    await settleDelivery(db, lease, head, { from: 'pending', change: { state: 'pending', runAt: 5_000 }, now: 0 });
    expect((await headOf(db, 0)).notificationId).toBe('n1');
    await releaseLane(db, lease, 0);
    expect(await findNextLaneAt(db)).toBe(5_000);
  });

  it('lets a scheduled notification wait for its time without blocking others', async () => {
    const db = await openLanes();
    await enqueue(db, 'later', ['c'], 0, 9_000);
    await enqueue(db, 'now', ['c']);
    expect((await headOf(db, 0)).notificationId).toBe('now');
    const lease = await claimOne(db, 0);
    await settleDelivery(db, lease, await headOf(db, 0), { from: 'pending', change: { state: 'delivered' }, now: 0 });
    await releaseLane(db, lease, 0);
    expect(await findNextLaneAt(db)).toBe(9_000);
    expect((await headOf(db, 9_000)).notificationId).toBe('later');
  });
});

describe('a lane', () => {
  it('goes when nothing is open in it', async () => {
    const db = await openLanes();
    await enqueue(db, 'n1', ['c']);
    const lease = await claimOne(db, 0);
    await settleDelivery(db, lease, await headOf(db, 0), {
      from: 'pending',
      change: { state: 'dead', reason: 'r', reasonText: 't' },
      now: 0,
    });
    await releaseLane(db, lease, 0);
    expect(await findNextLaneAt(db)).toBeUndefined();
  });

  it('stays for the deadline of a wait', async () => {
    const db = await openLanes();
    await db
      .insertInto('waits')
      .values({ conversation_id: 'c', id: 'w', action: 'a', subject: 's', opened_at: 0, deadline_at: 700, attempts: 0 })
      .execute();
    await wakeLanes(db, ['c'], 700);
    expect(await claimDue(db, 1, 699)).toEqual([]);
    const lease = await claimOne(db, 700);
    await releaseLane(db, lease, 650);
    expect(await findNextLaneAt(db)).toBe(700);
  });

  it('is made due earlier, never later, by new work', async () => {
    const db = await openLanes();
    await wakeLanes(db, ['c'], 500);
    await wakeLanes(db, ['c'], 900);
    expect(await findNextLaneAt(db)).toBe(500);
    await wakeLanes(db, ['c'], 100);
    expect(await findNextLaneAt(db)).toBe(100);
  });

  it('takes the same notification once, however often it is enqueued', async () => {
    const db = await openLanes();
    await enqueue(db, 'n1', ['c']);
    await enqueue(db, 'n1', ['c']);
    const { count } = await db
      .selectFrom('deliveries')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    expect(count).toBe(1);
  });
});
