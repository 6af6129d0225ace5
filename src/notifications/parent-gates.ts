// What stands between the queue and each parent: slots, so that one that hangs holds up only itself; the pace of its
// host; the circuit that leaves it alone when it is down, overloaded, or refuses our credential.

import { hostOf } from '../conversations/conversation.ts';
import { Circuit, type CircuitState, type OpenCircuit, type ParentSign } from './circuit.ts';
import { HostPace } from './send-rate.ts';

type ParentGatesOptions = {
  /** Attempts that are made at one parent at once. */
  readonly slotsPerParent: number;
  /** Attempts per second and host; 0 means any number. */
  readonly hostRate: number;
  /** Where there are several replicas. */
  readonly shared?: GateSharing | undefined;
};

/** What other replicas have to do with it. */
type GateSharing = {
  /** How much of such a rate is this replica's now. */
  share(rate: number): number;
  /** There is something for this parent, and a probe is due: somebody has to take the right to it. */
  wantProbe(parent: string): void;
  /** The circuit of this parent has changed here. */
  noteChange(parent: string): void;
};

/** An open circuit as an operator sees it. */
export type ParentTrouble = OpenCircuit & { readonly parent: string };

type Gate = {
  readonly circuit: Circuit;
  readonly pace: HostPace | undefined;
  readonly slots: Set<string>;
  takenAt: number;
};

/** Parents that have never been seen cost nothing; an idle one about 2 KB. */
export class ParentGates {
  readonly #options: ParentGatesOptions;
  readonly #gates = new Map<string, Gate>();
  readonly #paces = new Map<string, HostPace>();

  constructor(options: ParentGatesOptions) {
    this.#options = options;
  }

  /** How many attempts may be begun at this parent now. */
  free(parent: string, now: number): number {
    const { circuit, pace, slots } = this.#gate(parent);
    const left = this.#options.slotsPerParent - slots.size;
    const room = Math.max(0, Math.min(left, pace?.allows(now, this.#share()) ?? left));
    if (room > 0 && circuit.lacksRight(now)) this.#options.shared?.wantProbe(parent);
    return Math.min(room, circuit.allows(now));
  }

  /** How many attempts are being made at this parent. */
  inUse(parent: string): number {
    return this.#gate(parent).slots.size;
  }

  /** When time alone makes room; Infinity when a slot or a probe has to end first. */
  nextAt(parent: string, now: number): number {
    const { circuit, pace, slots } = this.#gate(parent);
    if (slots.size >= this.#options.slotsPerParent) return Number.POSITIVE_INFINITY;
    return Math.max(circuit.nextAt(now), pace?.nextAt(now, this.#share()) ?? now);
  }

  /** An attempt in this conversation takes a slot, until `leave`: it is about to be marked and made. */
  enter(parent: string, conversationId: string): void {
    this.#gate(parent).slots.add(conversationId);
  }

  /** The parent has answered, and what comes next is decided; or it is not asked after all. */
  leave(parent: string, conversationId: string): void {
    const { slots, circuit } = this.#gate(parent);
    slots.delete(conversationId);
    circuit.leave(conversationId);
  }

  /** Just before an attempt; false when it must not be made now. */
  begin(parent: string, conversationId: string, now: number): boolean {
    const { circuit, pace } = this.#gate(parent);
    if (circuit.allows(now) === 0 || pace?.begin(now, this.#share()) === false) return false;
    return circuit.begin(conversationId, now);
  }

  /** The attempt was not made after all, or shows nothing of the parent. */
  abandon(parent: string, conversationId: string): void {
    this.#gate(parent).circuit.leave(conversationId);
  }

  /** What an attempt has shown of its parent. Returns how its circuit has changed, if it has. */
  record(parent: string, conversationId: string, sign: ParentSign, now: number): 'opened' | 'closed' | undefined {
    const { circuit } = this.#gate(parent);
    const before = circuit.open;
    const changed = circuit.record(sign, conversationId, now);
    if (circuit.open !== before) this.#options.shared?.noteChange(parent);
    return changed;
  }

  /** What other replicas are to know of this parent's circuit; undefined when it is closed. */
  circuitState(parent: string): CircuitState | undefined {
    return this.#gate(parent).circuit.state;
  }

  /** Another replica has found this parent's circuit so; undefined: closed. */
  adoptCircuit(parent: string, state: CircuitState | undefined): void {
    this.#gate(parent).circuit.adopt(state);
  }

  /** This replica alone may probe this parent, if it begins before `until`. */
  grantProbe(parent: string, until: number): void {
    this.#gate(parent).circuit.grantProbe(until);
  }

  /** A probe of this replica is out. */
  isProbing(parent: string): boolean {
    return this.#gate(parent).circuit.isProbing;
  }

  /** The open circuit of this parent. */
  trouble(parent: string): OpenCircuit | undefined {
    return this.#gate(parent).circuit.open;
  }

  /** Every open circuit. */
  troubles(): ParentTrouble[] {
    return [...this.#gates].flatMap(([parent, { circuit }]) => (circuit.open ? [{ parent, ...circuit.open }] : []));
  }

  /** This parent has taken something: our credential is good. */
  noteTaken(parent: string, now: number): void {
    this.#gate(parent).takenAt = now;
  }

  /** When this parent last took something; before the beginning of time when it never did. */
  takenAt(parent: string): number {
    return this.#gate(parent).takenAt;
  }

  #gate(parent: string): Gate {
    let gate = this.#gates.get(parent);
    if (!gate) {
      gate = {
        circuit: new Circuit(this.#options.shared !== undefined),
        pace: this.#paceOf(hostOf(parent)),
        slots: new Set(),
        takenAt: Number.NEGATIVE_INFINITY,
      };
      this.#gates.set(parent, gate);
    }
    return gate;
  }

  #share(): number {
    const { hostRate, shared } = this.#options;
    return shared ? shared.share(hostRate) : hostRate;
  }

  #paceOf(host: string): HostPace | undefined {
    if (this.#options.hostRate === 0) return undefined;
    let pace = this.#paces.get(host);
    if (!pace) {
      pace = new HostPace(this.#options.hostRate);
      this.#paces.set(host, pace);
    }
    return pace;
  }
}
