// The lanes that one transaction leases: handed over once it is committed, let go of when it is not.

import type { Database } from '../storage/database.ts';
import { type Claim, claimLanes, keepLease, type Lease } from './lane-store.ts';
import { type LaneStep, stepLanes } from './lane-step.ts';
import type { LaneWork } from './lane-work.ts';

/** A leased lane and its next step; undefined when the lease is lost. */
export type LeasedLane = { readonly lease: Lease; step: LaneStep | undefined };

/** Works on the lanes that are leased here. */
export type LaneKeeper = {
  /** Begins with a lane that has been leased. */
  take(leased: LeasedLane): void;
  /** The lease under which a result is still to be stored here: it is kept, and nothing else is done in its lane. */
  settling(conversationId: string): Lease | undefined;
  /** The claim has failed, but the database may have stored it before it went away: then nobody works under this lease. */
  onUnsure(lease: Lease, error: unknown): void;
};

export class Leasing {
  readonly #work: LaneWork;
  readonly #keeper: LaneKeeper;
  #leases: Lease[] = [];
  #lanes: LeasedLane[] = [];
  /** It has been asked for lanes, whatever became of it. */
  hasBegun = false;

  constructor(work: LaneWork, keeper: LaneKeeper) {
    this.#work = work;
    this.#keeper = keeper;
  }

  /** Leases lanes that are due. */
  async lease(trx: Database, claims: readonly Claim[]): Promise<void> {
    this.hasBegun = true;
    if (claims.length === 0) return;
    const due = await claimLanes(trx, claims, this.#work.clock.now());
    const ours = due.flatMap(({ conversationId }) => this.#keeper.settling(conversationId) ?? []);
    // Longer, under the same token: whatever becomes of this transaction, the result can be stored.
    for (const lease of ours) await keepLease(trx, lease);
    const busy = new Set(ours.map(({ conversationId }) => conversationId));
    // Known before anything is begun in them: what fails from here on has to be let go of.
    this.#leases = due.filter(({ conversationId }) => !busy.has(conversationId));
    const steps = await stepLanes(trx, this.#work, this.#leases);
    this.#lanes = this.#leases.flatMap((lease, index) => (steps[index] ? [{ lease, step: steps[index] }] : []));
  }

  /** It is committed. Returns how many lanes there are. */
  handOver(): number {
    const lanes = this.#lanes;
    this.#leases = [];
    this.#lanes = [];
    for (const lane of lanes) this.#keeper.take(lane);
    return lanes.length;
  }

  /** It was undone, and runs again: what it had begun is not its own any more. */
  undo(): Lease[] {
    const leases = this.#leases;
    this.#leases = [];
    this.#lanes = [];
    // An attempt that is not marked is not made.
    for (const { parent, conversationId } of leases) this.#work.gates.leave(parent, conversationId);
    return leases;
  }

  /** It has failed; whether it was stored may be unknown. */
  fail(error: unknown): void {
    for (const lease of this.undo()) this.#keeper.onUnsure(lease, error);
  }
}
