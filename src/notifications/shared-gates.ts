// What replicas have together between the queue and the parents: the pace of a host and the circuits. The gates
// themselves decide from memory; this keeps their memory in step with the database, once a second and when told.

import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Database } from '../storage/database.ts';
import type { Signals } from '../storage/signals.ts';
import type { ParentGates } from './parent-gates.ts';
import { Replicas } from './replicas.ts';
import { SharedCircuits } from './shared-circuits.ts';

type SharedGatesOptions = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signals: Signals;
  /** Per second and host; 0 means any number. */
  readonly hostRate: number;
};

const lookEveryMs = 1_000;
/** While others are waited for, so that they may come sooner than that. */
const lookSoonMs = 100;

export class SharedGates {
  readonly #options: SharedGatesOptions;
  readonly #replicas: Replicas;
  readonly #circuits: SharedCircuits;
  #stopped = false;
  #loop: Promise<void> | undefined;
  #isTroubled = false;
  #nudged = false;
  #wake = (): void => undefined;

  constructor(options: SharedGatesOptions) {
    this.#options = options;
    this.#replicas = new Replicas(options.db);
    this.#circuits = new SharedCircuits(options.db, options.clock, this.#replicas.id);
    options.signals.on('gates', () => this.#nudge());
  }

  /** How much of this rate is this replica's now. */
  share(rate: number): number {
    return this.#replicas.share(rate);
  }

  wantProbe(parent: string): void {
    if (this.#circuits.wantProbe(parent)) this.#nudge();
  }

  noteChange(parent: string): void {
    this.#circuits.noteChange(parent);
    this.#nudge();
  }

  /** Looks once, so that what others know is known before anything is sent. `onRoom`: more may be sent than before. */
  async start(gates: ParentGates, onRoom: () => void): Promise<void> {
    await this.#circuits.forgetOld();
    await this.#look(gates, onRoom);
    this.#loop = this.#run(gates, onRoom);
  }

  /** Lets the others have what was its own. */
  async stop(): Promise<void> {
    const { logger, signals } = this.#options;
    this.#stopped = true;
    this.#nudge();
    await this.#loop;
    try {
      await this.#circuits.leave();
      await this.#replicas.leave();
      signals.tell('gates');
    } catch (error) {
      logger.warn({ err: error }, 'the other replicas could not be told of the stop; they find out by themselves');
    }
  }

  async #run(gates: ParentGates, onRoom: () => void): Promise<void> {
    while (!this.#stopped) {
      await this.#untilNudged(this.#isShareMissing() ? lookSoonMs : lookEveryMs);
      if (this.#stopped) return;
      try {
        await this.#look(gates, onRoom);
        this.#isTroubled = false;
      } catch (error) {
        if (!this.#isTroubled) this.#options.logger.warn({ err: error }, 'what replicas share could not be read');
        this.#isTroubled = true;
        await this.#untilNudged(lookEveryMs);
      }
    }
  }

  async #look(gates: ParentGates, onRoom: () => void): Promise<void> {
    const { signals, hostRate } = this.#options;
    const before = this.#replicas.share(hostRate);
    const isSeen = hostRate > 0 && (await this.#replicas.look());
    const { isChanged, isTold } = await this.#circuits.look(gates);
    if (isSeen || isTold) signals.tell('gates');
    if (isChanged || this.#replicas.share(hostRate) > before) onRoom();
  }

  #isShareMissing(): boolean {
    return this.#options.hostRate > 0 && !this.#replicas.isSharing();
  }

  #nudge(): void {
    this.#nudged = true;
    this.#wake();
  }

  /** In real time, whatever the clock of the service says: the database goes by it. */
  async #untilNudged(ms: number): Promise<void> {
    if (this.#nudged && !this.#isTroubled) return void (this.#nudged = false);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#nudged = false;
  }
}
