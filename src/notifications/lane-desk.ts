// Where lanes are leased, asked for their next step, and settled: for all that is worked on at the same time in few
// transactions.

import { endOnceSubscriptions, listOnceSubjects } from '../conversations/subscription-store.ts';
import type { Database } from '../storage/database.ts';
import { together } from '../storage/together.ts';
import { transact } from '../storage/transact.ts';
import type { AttemptRecord } from './attempt-store.ts';
import { settleDelivered } from './delivery-store.ts';
import { type Claim, claimLanes, keepHeld, keepLease, type Lease, renewLeases } from './lane-store.ts';
import { type LaneStep, stepLanes, type Trial } from './lane-step.ts';
import type { LaneWork } from './lane-work.ts';

/** A leased lane and its next step. */
export type LeasedLane = { readonly lease: Lease; readonly step: LaneStep };

/** A message that its parent has taken, and that ends no wait. */
type Taken = { readonly lease: Lease; readonly trial: Trial; readonly attempt: AttemptRecord };

/** False: it was no longer ours, and nothing was changed. Without a next step the lease is lost. */
type Settled = { readonly isSettled: boolean; readonly next: LaneStep | undefined };

type Claiming = {
  /** The lease under which a result is still to be stored here: it is kept, and nothing else is done in its lane. */
  readonly settling: (conversationId: string) => Lease | undefined;
  /** The claim has failed, but the database may have stored it before it went away: then nobody works under this lease. */
  readonly onUnsure: (lease: Lease, error: unknown) => void;
};

export type LaneDesk = {
  /** Leases lanes that are due. */
  claim(claims: readonly Claim[], claiming: Claiming): Promise<LeasedLane[]>;
  /** The next step under this lease; undefined when it is lost. */
  next(lease: Lease): Promise<LaneStep | undefined>;
  /** Settles a delivery, and gives the next step. */
  settle(taken: Taken): Promise<Settled>;
};

export function createLaneDesk(work: LaneWork): LaneDesk {
  const { db, clock, gates } = work;
  const leave = ({ parent, conversationId }: Lease): void => gates.leave(parent, conversationId);
  /** A run that was undone may have begun attempts: these are not made. */
  const leaveAll = (items: readonly { readonly lease: Lease }[]): void => {
    for (const { lease } of items) leave(lease);
  };
  const settle = together<Taken, Settled>(db, async (trx, items) => {
    leaveAll(items);
    const held = await keepHeld(trx, items);
    const settled = new Set(await settleTaken(trx, held, clock.now()));
    const steps = await stepOn(trx, work, held);
    return items.map((item) => ({ isSettled: settled.has(item), next: steps.get(item) }));
  });
  const next = together<{ readonly lease: Lease }, LaneStep | undefined>(db, async (trx, items) => {
    leaveAll(items);
    const steps = await stepOn(trx, work, await keepHeld(trx, items));
    return items.map((item) => steps.get(item));
  });
  /** An attempt that is not marked is not made. */
  const orLeave = async <T>(lease: Lease, asked: Promise<T>): Promise<T> =>
    asked.catch((error: unknown) => {
      leave(lease);
      throw error;
    });
  return {
    claim: async (claims, { settling, onUnsure }) => {
      let leases: Lease[] = [];
      const claimed = transact(db, async (trx) => {
        // Done once more after a deadlock: what it had taken before is not its own any more.
        for (const lease of leases) leave(lease);
        const due = await claimLanes(trx, claims, clock.now());
        const ours = due.flatMap(({ conversationId }) => settling(conversationId) ?? []);
        // Longer, under the same token: whatever becomes of this transaction, the result can be stored.
        for (const lease of ours) await keepLease(trx, lease);
        const busy = new Set(ours.map(({ conversationId }) => conversationId));
        leases = due.filter(({ conversationId }) => !busy.has(conversationId));
        const steps = await stepLanes(trx, work, leases);
        return leases.flatMap((lease, index) => (steps[index] ? [{ lease, step: steps[index] }] : []));
      });
      return claimed.catch((error: unknown) => {
        for (const lease of leases) {
          leave(lease);
          onUnsure(lease, error);
        }
        throw error;
      });
    },
    next: (lease) => orLeave(lease, next({ lease })),
    settle: (taken) => orLeave(taken.lease, settle(taken)),
  };
}

async function settleTaken(trx: Database, items: readonly Taken[], now: number): Promise<Taken[]> {
  const told = items.map(({ trial, attempt }) => ({ delivery: trial.delivery, attempt }));
  const settled = await settleDelivered(trx, told, now);
  const ours = items.filter(({ trial }) => settled.has(trial.delivery.seq));
  const bySubject = ours.flatMap(({ trial }) => {
    const { to } = trial.notification;
    return 'subject' in to ? [{ person: trial.conversation, subject: to.subject }] : [];
  });
  const once = await listOnceSubjects(
    trx,
    bySubject.map(({ subject }) => subject),
  );
  for (const { person, subject } of bySubject) {
    if (once.has(subject)) await endOnceSubscriptions(trx, person, subject);
  }
  return ours;
}

/** The next steps of these, and their leases renewed. */
async function stepOn<T extends { readonly lease: Lease }>(
  trx: Database,
  work: LaneWork,
  items: readonly T[],
): Promise<Map<T, LaneStep>> {
  const leases = items.map(({ lease }) => lease);
  const steps = await stepLanes(trx, work, leases);
  const kept = leases.filter((_, index) => steps[index]?.kind !== 'freed');
  await renewLeases(trx, kept, work.clock.now());
  return new Map(items.flatMap((item, index) => (steps[index] ? [[item, steps[index]]] : [])));
}
