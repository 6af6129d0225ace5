// Circuits that replicas have in common: what one finds out about a parent the others take over, and one at a time
// probes. Each counts for itself what makes a circuit open.

import type { Clock } from '../clock.ts';
import type { Database } from '../storage/database.ts';
import type { CircuitState } from './circuit.ts';
import {
  deleteCircuit,
  forgetCircuits,
  giveBackProbes,
  insertCircuit,
  listCircuits,
  takeProbe,
  updateCircuit,
} from './circuit-store.ts';
import type { ParentGates } from './parent-gates.ts';

/** A probe that begins later could outlast the right to it. */
const beginWithinMs = 5_000;
/** Whoever has been refused asks again after this, or when something has changed. */
const askAgainMs = 1_000;
const forgottenAfterMs = 24 * 3_600_000;

export type LookResult = {
  /** Something is different here: it may be that more can be sent. */
  readonly isChanged: boolean;
  /** Something is different for the others. */
  readonly isTold: boolean;
};

export class SharedCircuits {
  readonly #db: Database;
  readonly #clock: Pick<Clock, 'now'>;
  /** Of this replica. */
  readonly #id: string;
  /** Changed here, and not stored yet. */
  readonly #changed = new Set<string>();
  readonly #wanted = new Set<string>();
  /** When the right was last asked for in vain. */
  readonly #refusedAt = new Map<string, number>();
  /** Parents that this replica may probe, and until when a probe may begin. */
  readonly #rights = new Map<string, number>();

  constructor(db: Database, clock: Pick<Clock, 'now'>, id: string) {
    this.#db = db;
    this.#clock = clock;
    this.#id = id;
  }

  noteChange(parent: string): void {
    this.#changed.add(parent);
  }

  /** True when it is to be asked for now. */
  wantProbe(parent: string): boolean {
    const refusedAt = this.#refusedAt.get(parent) ?? Number.NEGATIVE_INFINITY;
    if (performance.now() < refusedAt + askAgainMs) return false;
    this.#wanted.add(parent);
    return true;
  }

  forgetOld(): Promise<void> {
    return forgetCircuits(this.#db, this.#clock.now() - forgottenAfterMs);
  }

  /** Stores what has changed here, takes over what the others have stored, and takes the rights that are wanted. */
  async look(gates: ParentGates): Promise<LookResult> {
    const isTold = await this.#store(gates);
    const isAdopted = await this.#adopt(gates);
    const isGranted = await this.#take(gates);
    await this.#giveBackUnused(gates);
    return { isChanged: isGranted || isAdopted, isTold };
  }

  async leave(): Promise<void> {
    await giveBackProbes(this.#db, this.#id);
  }

  async #store(gates: ParentGates): Promise<boolean> {
    const changed = [...this.#changed];
    for (const parent of changed) {
      this.#changed.delete(parent);
      try {
        await this.#storeOne(parent, gates.circuitState(parent));
      } catch (error) {
        this.#changed.add(parent);
        throw error;
      }
    }
    return changed.length > 0;
  }

  async #storeOne(parent: string, state: CircuitState | undefined): Promise<void> {
    const isProber = this.#rights.has(parent);
    if (state && !isProber) return insertCircuit(this.#db, { parent, ...state });
    if (state) await updateCircuit(this.#db, { parent, ...state }, this.#id);
    else await deleteCircuit(this.#db, parent, this.#id);
    this.#rights.delete(parent);
  }

  async #take(gates: ParentGates): Promise<boolean> {
    let isGranted = false;
    for (const parent of this.#wanted) {
      this.#wanted.delete(parent);
      const now = this.#clock.now();
      if (await takeProbe(this.#db, parent, this.#id, now)) {
        this.#rights.set(parent, now + beginWithinMs);
        gates.grantProbe(parent, now + beginWithinMs);
        isGranted = true;
      } else this.#refusedAt.set(parent, performance.now());
    }
    return isGranted;
  }

  async #giveBackUnused(gates: ParentGates): Promise<void> {
    for (const [parent, until] of this.#rights) {
      if (this.#clock.now() < until || gates.isProbing(parent) || this.#changed.has(parent)) continue;
      await giveBackProbes(this.#db, this.#id, parent);
      this.#rights.delete(parent);
    }
  }

  async #adopt(gates: ParentGates): Promise<boolean> {
    const stored = new Map((await listCircuits(this.#db)).map(({ parent, ...state }) => [parent, state]));
    const parents = new Set([...stored.keys(), ...gates.troubles().map(({ parent }) => parent)]);
    let isAdopted = false;
    for (const parent of parents) {
      const state = stored.get(parent);
      // What has changed here since is newer.
      if (this.#changed.has(parent) || isSame(state, gates.circuitState(parent))) continue;
      gates.adoptCircuit(parent, state);
      this.#refusedAt.delete(parent);
      isAdopted = true;
    }
    return isAdopted;
  }
}

function isSame(first: CircuitState | undefined, second: CircuitState | undefined): boolean {
  if (!first || !second) return first === second;
  return (
    first.open.openedAt === second.open.openedAt &&
    first.open.probeAt === second.open.probeAt &&
    first.open.cause === second.open.cause &&
    first.successes === second.successes &&
    first.failedProbes === second.failedProbes
  );
}
