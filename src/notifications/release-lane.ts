// The end of a lease.

import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/database.ts';
import { transact } from '../storage/transact.ts';
import { lookAtLanes, nextRunAt } from './lane-look-store.ts';
import { freeLanes, holdsLease, type Lease, leaseMs, markInterrupted } from './lane-store.ts';

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

type Patience = { readonly db: Database; readonly clock: Clock; readonly stopping: AbortController };

/**
 * Lets go of a lane whose work has failed with `failure`. Where the database was away, that is tried until it is back: nobody
 * else would see to the lane until its lease ends. After any other failure the lease is kept, which keeps a broken lane from
 * spinning. Never rejects.
 */
export async function releaseAfter(failure: unknown, lease: Lease, options: Patience): Promise<void> {
  if (!(failure instanceof AppError && failure.code === 'unavailable')) return;
  const { db, clock, stopping } = options;
  const endsAt = clock.now() + leaseMs;
  let isFree = false;
  do {
    // Also before the first time: work that fails at once, again and again, must not spin either.
    await clock.sleep(releaseAgainMs, stopping.signal);
    isFree = await releaseLane(db, lease, clock.now()).then(
      () => true,
      () => false,
    );
  } while (!isFree && clock.now() < endsAt && !stopping.signal.aborted);
}

const releaseAgainMs = 1_000;
