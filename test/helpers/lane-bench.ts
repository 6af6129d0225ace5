// One lane with a parent that is just a function: what is pushed, and what becomes of it, without any network.

import { pino } from 'pino';
import type { Wait } from '../../src/conversations/conversation.ts';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { openWait } from '../../src/conversations/subscription-store.ts';
import { type AcceptedNotification, acceptNotification } from '../../src/notifications/accept-notification.ts';
import { createLaneDesk, type LaneDesk } from '../../src/notifications/lane-desk.ts';
import { DeliveryWorker } from '../../src/notifications/delivery-worker.ts';
import type { Lease } from '../../src/notifications/lane-store.ts';
import { wakeLanes } from '../../src/notifications/wake-lanes.ts';
import type { LaneWork } from '../../src/notifications/lane-work.ts';
import type { Push, SendOutcome } from '../../src/notifications/notification.ts';
import { findNotificationView, type NotificationView } from '../../src/notifications/notification-view.ts';
import { ParentGates } from '../../src/notifications/parent-gates.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import type { RateWindow } from '../../src/notifications/send-rate.ts';
import { releaseLane } from '../../src/notifications/release-lane.ts';
import { workOffLane } from '../../src/notifications/work-off-lane.ts';
import type { Database } from '../../src/storage/database.ts';
import { conversation } from './conversation.ts';
import { openTestDatabase } from './database.ts';
import { claimDue } from './lanes.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

const waitMs = 600_000;

export class LaneBench {
  readonly db: Database;
  readonly clock: FakeClock;
  readonly sent: Push[] = [];
  readonly stopping = new AbortController();
  gates = new ParentGates({ slotsPerParent: 8, hostRate: 0 });
  /** Ids of notifications of which something has settled. */
  readonly settled: string[] = [];
  rates: readonly RateWindow[] = [{ seconds: 1, count: 1_000 }];
  /** What the parent answers to a push. */
  answer: (push: Push) => SendOutcome | Promise<SendOutcome> = () => ({ kind: 'delivered', status: 200 });

  constructor(db: Database, clock: FakeClock) {
    this.db = db;
    this.clock = clock;
  }

  get kinds(): string[] {
    return this.sent.map((push) => push.kind);
  }

  /** Opens a wait for the subject `s`, for ten minutes. */
  async openWait(id: string): Promise<void> {
    const openedAt = this.clock.now();
    const wait: Wait = {
      conversationId: conversation.id,
      id,
      action: 'waitForNotification',
      subject: 's',
      openedAt,
      deadlineAt: openedAt + waitMs,
      attempts: 0,
    };
    await openWait(this.db, wait);
    await wakeLanes(this.db, [conversation.id], wait.deadlineAt);
  }

  accept(text: string, more: object = {}): Promise<AcceptedNotification> {
    const now = this.clock.now();
    return acceptNotification(
      this.db,
      'test',
      parseNotifyRequest({ subject: 's', text, ...more }, now, 86_400_000),
      now,
    );
  }

  /** Leases the lane when it is due, as a worker does. */
  async claim(): Promise<Lease | undefined> {
    const [lease] = await claimDue(this.db, 1, this.clock.now());
    return lease;
  }

  /** What the lane is worked off with. */
  laneWork(): LaneWork {
    return {
      db: this.db,
      clock: this.clock,
      logger: pino({ level: 'silent' }),
      random: () => 1,
      send: async (_, push) => {
        this.sent.push(push);
        return this.answer(push);
      },
      gates: this.gates,
      rates: this.rates,
      onSettled: (id) => void this.settled.push(id),
      onRoom: () => undefined,
      onParentBack: () => undefined,
      pushWhenClosed: false,
      stopping: this.stopping.signal,
    };
  }

  /** Works the lane off under this lease, and no other: what is leased in its place is given back. */
  async workOff(lease: Lease): Promise<void> {
    const work = this.laneWork();
    const others: Lease[] = [];
    const desk = createLaneDesk(work, {
      take: (other) => others.push(other.lease),
      settling: () => undefined,
      onUnsure: () => undefined,
    });
    await workOffLane(work, desk, { lease, step: await desk.next(lease) });
    for (const other of others) {
      this.gates.leave(other.parent, other.conversationId);
      await releaseLane(this.db, other, this.clock.now());
    }
  }

  /** A worker that works off whatever is due. `onTaken`: told of each lane that it has leased, before its work begins. */
  createWorker(onTaken: () => void = () => undefined): DeliveryWorker {
    const work: LaneWork = { ...this.laneWork(), onRoom: () => worker.wake() };
    const worker: DeliveryWorker = new DeliveryWorker({
      ...work,
      stopping: this.stopping,
      claim: (claims) => desk.claim(claims),
      work: (lane) => {
        onTaken();
        return workOffLane(work, desk, lane);
      },
    });
    const desk: LaneDesk = createLaneDesk(work, worker);
    return worker;
  }

  async work(): Promise<void> {
    const lease = await this.claim();
    if (lease) await this.workOff(lease);
  }

  async passDeadline(): Promise<void> {
    this.clock.advance(waitMs);
    await this.work();
  }

  async viewOf(id: string): Promise<NotificationView> {
    const view = await findNotificationView(this.db, id, this.clock.now());
    if (!view) throw new Error('no such notification');
    return view;
  }
}

/** A bench whose one conversation has an action open; time begins with 2026. */
export async function createLaneBench(): Promise<LaneBench> {
  const db = await openTestDatabase();
  await saveConversation(db, conversation);
  return new LaneBench(db, createFakeClock(Date.parse('2026-01-01T00:00:00Z')));
}
