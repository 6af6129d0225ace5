// One lease of a lane: its deliveries in order, one in flight; then the wait whose deadline has passed.

import { findConversation } from '../conversations/conversation-store.ts';
import { attemptDelivery } from './attempt-delivery.ts';
import type { DeliveryChange } from './delivery-store.ts';
import { endOverdueWait } from './end-overdue-wait.ts';
import { reopenHeld } from './held-store.ts';
import type { LaneDesk } from './lane-desk.ts';
import type { LaneStep } from './lane-step.ts';
import type { Lease } from './lane-store.ts';
import type { LaneWork } from './lane-work.ts';
import type { LeasedLane } from './leasing.ts';
import type { Delivery } from './notification.ts';
import { releaseLane } from './release-lane.ts';

/**
 * Works off the lane from its step on, until it is let go of or its lease is lost. The step is kept in the lane and nowhere
 * else: an async function holds what it knew at its last `await` as long as it is not collected, and one that runs as long
 * as a lane grows old, and what it holds with it.
 */
export async function workOffLane(work: LaneWork, desk: LaneDesk, lane: LeasedLane): Promise<void> {
  while (lane.step && lane.step.kind !== 'freed') lane.step = await takeStep(work, desk, lane);
}

/** Takes one step. Gives the next, or undefined when there is none. */
async function takeStep(work: LaneWork, desk: LaneDesk, { lease, step }: LeasedLane): Promise<LaneStep | undefined> {
  switch (step?.kind) {
    case 'attempt': {
      const { change, next } = await attemptDelivery(work, desk, lease, step.trial);
      if (change && change.state !== 'pending') await finish(work, lease, step.trial.delivery, change);
      return next ?? desk.next(lease);
    }
    case 'settled':
      await finish(work, lease, step.delivery, step.change);
      return desk.next(lease);
    case 'interrupted':
      return desk.next(lease);
    case 'overdue':
      await endOverdueWait(work, lease, step.conversation, step.wait);
      await releaseLane(work.db, lease, work.clock.now());
      return undefined;
    case 'freed':
    case undefined:
      return undefined;
  }
}

async function finish(work: LaneWork, lease: Lease, delivery: Delivery, change: DeliveryChange): Promise<void> {
  if (change.state === 'held') await reopenIfReachable(work, lease, delivery);
  tellSettled(work, delivery, change);
}

/** What went nowhere is worth a line of its own: without the reason in words, which may hold what the parent said. */
function tellSettled({ logger, onSettled }: LaneWork, delivery: Delivery, change: DeliveryChange): void {
  const { id: deliveryId, notificationId, conversationId } = delivery;
  if ('reason' in change) {
    const line = { deliveryId, notificationId, conversationId, reason: change.reason };
    if (change.state === 'dead') logger.warn(line, 'delivery is dead');
    else logger.info(line, `delivery is ${change.state}`);
  }
  onSettled(notificationId);
}

/** What was held because nothing could be pushed is open again when a wait has been opened meanwhile. */
async function reopenIfReachable({ db, clock }: LaneWork, lease: Lease, delivery: Delivery): Promise<void> {
  const conversation = await findConversation(db, delivery.conversationId);
  if (conversation?.reachability === 'push') await reopenHeld(db, lease, delivery, clock.now());
}
