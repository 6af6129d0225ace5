// The end of a lease.

import type { Database } from '../storage/database.ts';
import { transact } from '../storage/transact.ts';
import { lookAtLanes, nextRunAt } from './lane-look-store.ts';
import { freeLanes, holdsLease, type Lease, markInterrupted } from './lane-store.ts';

/** Lets go of a lane: it sleeps until its next open work, or goes when there is none. Nothing happens when it is lost. */
export async function releaseLane(db: Database, lease: Lease, now: number): Promise<void> {
  const { conversationId } = lease;
  await transact(db, async (trx) => {
    if (!(await holdsLease(trx, lease))) return;
    // What the lease left in `sending` was not settled.
    await markInterrupted(trx, now, conversationId);
    const looks = await lookAtLanes(trx, [conversationId], now);
    await freeLanes(
      trx,
      looks.map((look) => ({ conversationId, runAt: nextRunAt(look) })),
    );
  });
}
