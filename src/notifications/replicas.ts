// How several replicas keep one pace: each has its share of what a host may be sent in a second, and none sends more in
// total however they come, go, hang and come back. What makes it so: whoever sends knows all others that send.
// - One that comes sends nothing until each of the others says that it knows it, and a second more: by then what they
//   have sent by their larger shares is no longer in the same second.
// - One that goes is reckoned with for a second more.
// - One that hears nothing of the database for 3 s stops by itself; the others go on without it after 5 s.
// Work is pulled: a replica without a share leaves it to the others, so shares cost no pace.

import { randomUUID } from 'node:crypto';
import type { Database } from '../storage/database.ts';
import { databaseNow } from '../storage/database-clock.ts';
import { joinReplicas, leaveReplicas, type Now, type Replica, stayReplica } from './replica-store.ts';

const aliveMs = 5_000;
/** Less than `aliveMs` by more than the second in which what is sent counts. */
const goodForMs = 3_000;
const windowMs = 1_000;

type ReplicaTime = {
  /** Of this process: no change of the wall clock moves it. */
  monotonic(): number;
  database(): Now;
};

const realTime: ReplicaTime = { monotonic: () => performance.now(), database: () => databaseNow };

export class Replicas {
  readonly #db: Database;
  readonly #time: ReplicaTime;
  readonly id = randomUUID();
  /** All of them, as seen at the last look. */
  #known: readonly string[] = [this.id];
  /** What the others can read of it. */
  #told: readonly string[] = [];
  /** With whom it shares, in the order of ids: one that may think it is known counts, until it cannot think so any more. */
  #sharers: readonly string[] = [this.id];
  /** Since when each of the others knows this one. */
  #knownSince: number | undefined;
  #mayShare = false;
  #goodUntil = Number.NEGATIVE_INFINITY;

  constructor(db: Database, time: ReplicaTime = realTime) {
    this.#db = db;
    this.#time = time;
  }

  /** How many of `rate` this replica may use. */
  share(rate: number): number {
    if (!this.isSharing()) return 0;
    return Math.max(0, Math.ceil((rate - this.#sharers.indexOf(this.id)) / this.#sharers.length));
  }

  isSharing(): boolean {
    return this.#mayShare && this.#time.monotonic() < this.#goodUntil;
  }

  /** Stays, or comes, and sees who is there. True when the others should look as well. */
  async look(): Promise<boolean> {
    const before = this.#known;
    await this.#lookOnce();
    // Said at once what has been seen: somebody waits for it.
    if (!isSame(this.#known, this.#told)) await this.#lookOnce();
    return !isSame(this.#known, before) || !this.#mayShare;
  }

  async leave(): Promise<void> {
    this.#mayShare = false;
    this.#goodUntil = Number.NEGATIVE_INFINITY;
    await leaveReplicas(this.#db, this.id, windowMs, this.#time.database());
  }

  async #lookOnce(): Promise<void> {
    const askedAt = this.#time.monotonic();
    const own: Replica = { id: this.id, knows: this.#known };
    let others =
      this.#goodUntil > askedAt ? await stayReplica(this.#db, own, aliveMs, this.#time.database()) : undefined;
    if (!others) {
      this.#mayShare = false;
      this.#knownSince = undefined;
      others = await joinReplicas(this.#db, own, aliveMs, this.#time.database());
    }
    this.#told = own.knows;
    this.#known = [this.id, ...others.map(({ id }) => id)].toSorted();
    this.#sharers = [...new Set([...this.#known, ...this.#told])].toSorted();
    this.#goodUntil = askedAt + goodForMs;
    if (!this.#mayShare) this.#mayShare = this.#isKnown(others);
  }

  /** By all others, for long enough. */
  #isKnown(others: readonly Replica[]): boolean {
    if (others.some(({ knows }) => !knows.includes(this.id))) {
      this.#knownSince = undefined;
      return false;
    }
    const now = this.#time.monotonic();
    this.#knownSince ??= now;
    return others.length === 0 || now >= this.#knownSince + windowMs;
  }
}

function isSame(first: readonly string[], second: readonly string[]): boolean {
  return first.length === second.length && first.every((id, index) => id === second[index]);
}
