// Where lanes are leased, asked for their next step, and settled: for all that is worked on at the same time in few
// transactions.

import { endOnceSubscriptions, listOnceSubjects } from '../conversations/subscription-store.ts';
import type { Database } from '../storage/database.ts';
import { together } from '../storage/together.ts';
import { transact } from '../storage/transact.ts';
import type { AttemptRecord } from './attempt-store.ts';
import { settleDelivered } from './delivery-store.ts';
import { type Claim, keepHeld, type Lease, renewLeases } from './lane-store.ts';
import { type LaneStep, stepLanes, type Trial } from './lane-step.ts';
import type { LaneWork } from './lane-work.ts';
import { type LaneKeeper, Leasing } from './leasing.ts';

/** A message that its parent has taken, and that ends no wait. */
type Taken = { readonly lease: Lease; readonly trial: Trial; readonly attempt: AttemptRecord };

/** False: it was no longer ours, and nothing was changed. Without a next step the lease is lost. */
type Settled = { readonly isSettled: boolean } & Next;

/** `until`: the lease has been renewed. */
type Next = { readonly next: LaneStep | undefined; readonly until: number | undefined };

export type LaneDesk = {
  /** Leases lanes that are due, and hands them to their keeper. Returns how many. */
  claim(claims: readonly Claim[]): Promise<number>;
  /** The next step under this lease; undefined when it is lost. */
  next(lease: Lease): Promise<LaneStep | undefined>;
  /**
   * Settles a delivery, gives its slot back, and gives the next step. Where that needs no slot, another lane of the parent is
   * leased for it and handed to the keeper: one transaction does what would be two.
   */
  settle(taken: Taken): Promise<Settled>;
};

/** What is settled, and the lanes that are leased in the same transaction. */
type Settling = Taken & { leasing: Leasing };

export function createLaneDesk(work: LaneWork, keeper: LaneKeeper): LaneDesk {
  const { db } = work;
  const settle = together<Settling, Settled>(db, (trx, items) => settleAll(trx, work, keeper, items));
  const next = together<{ readonly lease: Lease }, Next>(db, async (trx, items) => {
    for (const { lease } of items) leave(work, lease);
    const { steps, renewed } = await stepOn(trx, work, await keepHeld(trx, items));
    return items.map((item) => ({ next: steps.get(item), until: renewed.get(item.lease) }));
  });
  return {
    claim: async (claims) => {
      const leasing = new Leasing(work, keeper);
      try {
        await transact(db, async (trx) => {
          leasing.undo();
          await leasing.lease(trx, claims);
        });
        return leasing.handOver();
      } catch (error) {
        leasing.fail(error);
        throw error;
      }
    },
    next: async (lease) => {
      try {
        const { next: step, until } = await next({ lease });
        lease.until = until ?? lease.until;
        return step;
      } catch (error) {
        leave(work, lease);
        throw error;
      }
    },
    settle: async (taken) => {
      const item: Settling = { leasing: new Leasing(work, keeper), ...taken };
      try {
        const settled = await settle(item);
        item.leasing.handOver();
        taken.lease.until = settled.until ?? taken.lease.until;
        return settled;
      } catch (error) {
        leave(work, item.lease);
        item.leasing.fail(error);
        throw error;
      }
    },
  };
}

/** The attempt is over; or a run that was undone had begun the next, which is not made. */
function leave({ gates }: LaneWork, { parent, conversationId }: Lease): void {
  gates.leave(parent, conversationId);
}

async function settleAll(
  trx: Database,
  work: LaneWork,
  keeper: LaneKeeper,
  items: readonly Settling[],
): Promise<Settled[]> {
  const leasing = new Leasing(work, keeper);
  // What has failed before may have failed for a lane that was leased beside it: a result must not hang on that.
  const isFirstTry = items.every(({ lease, leasing: before }) => !lease.isSettling && !before.hasBegun);
  for (const item of items) {
    leave(work, item.lease);
    item.leasing.undo();
    item.leasing = leasing;
  }
  const held = await keepHeld(trx, items);
  // May throw, and then each is done alone, as what it was.
  const settled = new Set(await settleTaken(trx, held, work.clock.now()));
  // What this transaction frees, another may lease before this one is told that it is committed.
  for (const { lease } of items) lease.isSettling = false;
  const { steps, renewed } = await stepOn(trx, work, held);
  await leasing.lease(trx, isFirstTry ? claimsInstead(work, items, steps) : []);
  return items.map((item) => ({ isSettled: settled.has(item), next: steps.get(item), until: renewed.get(item.lease) }));
}

/** For each parent as many lanes as it has been given slots back that are not used again by the same lanes. */
function claimsInstead<T extends { readonly lease: Lease }>(
  { clock, gates, stopping }: LaneWork,
  items: readonly T[],
  steps: ReadonlyMap<T, LaneStep>,
): Claim[] {
  if (stopping.aborted) return [];
  const unused = new Map<string, number>();
  for (const item of items) {
    const { parent } = item.lease;
    const step = steps.get(item);
    // A lane that is settled without a slot is still worked in.
    if (!step || step.kind === 'freed') unused.set(parent, (unused.get(parent) ?? 0) + 1);
  }
  return [...unused]
    .map(([parent, count]) => ({ parent, limit: Math.min(count, gates.free(parent, clock.now())) }))
    .filter(({ limit }) => limit > 0);
}

async function settleTaken(trx: Database, items: readonly Taken[], now: number): Promise<readonly Taken[]> {
  const told = items.map(({ trial, attempt }) => ({ delivery: trial.delivery, attempt }));
  if (!(await settleDelivered(trx, told, now))) return [];
  const bySubject = items.flatMap(({ trial }) => {
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
  return items;
}

/** The next steps of these, and their leases renewed. */
async function stepOn<T extends { readonly lease: Lease }>(
  trx: Database,
  work: LaneWork,
  items: readonly T[],
): Promise<{ readonly steps: Map<T, LaneStep>; readonly renewed: Map<Lease, number> }> {
  const leases = items.map(({ lease }) => lease);
  const steps = await stepLanes(trx, work, leases);
  const kept = leases.filter((_, index) => steps[index]?.kind !== 'freed');
  const renewed = await renewLeases(trx, kept, work.clock.now());
  return { steps: new Map(items.flatMap((item, index) => (steps[index] ? [[item, steps[index]]] : []))), renewed };
}
