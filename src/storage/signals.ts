// What replicas on one PostgreSQL tell each other, over one connection of each that is kept for it (LISTEN, NOTIFY). It
// only makes things quick: whoever listens also looks from time to time, because nothing here is sure to arrive.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { Logger } from '../logger.ts';

/**
 * `due`: lanes may be due. `settled`: something of these notifications has settled. `gates`: a circuit, or who else is
 * there, has changed.
 */
type Topic = 'due' | 'settled' | 'gates';

/** Names what it is about; undefined when anything may have changed. */
type Listener = (names: readonly string[] | undefined) => void;

export type Signals = {
  /** Tells the other replicas, within about 50 ms. Returns at once, also while the database is away. */
  tell(topic: Topic, name?: string): void;
  on(topic: Topic, listener: Listener): void;
  /** Tells what is still to be told, if it can, and ends the connection. */
  close(): Promise<void>;
};

/** Where there is one process only. */
export const noSignals: Signals = {
  tell: () => undefined,
  on: () => undefined,
  close: () => Promise.resolve(),
};

/** Of its connection: for whoever looks into pg_stat_activity. */
const signalsName = 'copilot-notify signals';

const channel = 'copilot_notify';
/** NOTIFY takes a lock that all who notify share: twenty times a second is no burden for it. */
const tellEveryMs = 50;
/** A connection that is open at one end only tells nothing by itself. */
const askEveryMs = 2_000;
const answerMs = 2_000;
const connectMs = 5_000;
const firstPauseMs = 100;
const longestPauseMs = 5_000;
const lookEveryMs = 1_000;
/** Looks without need while all seems well: the teller may have died before it told. */
const looksBetween = 5;
/** Ids of 36 characters: a payload has less than 8,000 bytes (postgresql.org/docs/current/sql-notify.html). */
const namesPerPayload = 150;
/** What cannot be told for long is told as "anything". */
const mostNames = 1_500;
const anything = '*';

/** Begins to connect to the PostgreSQL at `url`, and never gives up. Without one there are no other replicas. */
export function createSignals(url: string | undefined, logger: Logger): Signals {
  return url === undefined ? noSignals : new PostgresSignals(url, logger);
}

class PostgresSignals implements Signals {
  readonly #url: string;
  readonly #logger: Logger;
  /** Ours come back to us as well. */
  readonly #id = randomUUID();
  readonly #listeners = new Map<Topic, Listener[]>();
  readonly #closing = new AbortController();
  readonly #loop: Promise<void>;
  readonly #looking: NodeJS.Timeout;
  #toTell = new Map<Topic, Set<string>>();
  #client: Client | undefined;
  /** Fires when the connection is over. */
  #lost = new AbortController();
  #asked: Promise<unknown> = Promise.resolve();
  #isFlushPlanned = false;
  #flushedAt = Number.NEGATIVE_INFINITY;
  #looks = 0;

  constructor(url: string, logger: Logger) {
    this.#url = url;
    this.#logger = logger;
    this.#loop = this.#run();
    this.#looking = setInterval(() => this.#look(), lookEveryMs).unref();
  }

  on(topic: Topic, listener: Listener): void {
    this.#listeners.set(topic, [...(this.#listeners.get(topic) ?? []), listener]);
  }

  tell(topic: Topic, name?: string): void {
    const names = this.#toTell.get(topic) ?? new Set();
    if (names.size >= mostNames) names.clear();
    if (name !== undefined && !names.has(anything)) names.add(name);
    if (names.size >= mostNames) this.#toTell.set(topic, new Set([anything]));
    else this.#toTell.set(topic, names);
    this.#planFlush();
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    await this.#flush();
    this.#closing.abort();
    this.#lost.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        await this.#listen(() => (failures = 0));
      } catch (error) {
        const words = 'no word comes from other replicas: what they do is seen a little later';
        if (failures === 0 && !signal.aborted) this.#logger.warn({ err: error }, words);
      }
      const pauseMs = Math.min(firstPauseMs * 2 ** failures, longestPauseMs) * (0.5 + Math.random() / 2);
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Listens until it is closed. Throws when the connection cannot be had, or is lost. */
  async #listen(onConnected: () => void): Promise<void> {
    const lost = new AbortController();
    this.#lost = lost;
    const client = new Client({
      connectionString: this.#url,
      application_name: signalsName,
      keepAlive: true,
      connectionTimeoutMillis: connectMs,
      query_timeout: answerMs,
    });
    // Without a listener the end of the connection would end the process.
    client.on('error', (error) => lost.abort(error));
    client.on('end', () => lost.abort(new Error('The connection was closed.')));
    client.on('notification', ({ payload }) => this.#hear(payload ?? ''));
    try {
      await client.connect();
      // What is told is nothing that must survive: no commit of a NOTIFY waits for the disk.
      await client.query(`set synchronous_commit = off; listen ${channel}`);
      this.#client = client;
      onConnected();
      // What was told meanwhile is lost.
      this.#hearAnything();
      this.#planFlush();
      for (;;) {
        await delay(askEveryMs, undefined, { signal: lost.signal }).catch(() => undefined);
        if (this.#closing.signal.aborted) return;
        lost.signal.throwIfAborted();
        await this.#ask(client, 'select 1');
      }
    } finally {
      this.#client = undefined;
      // Not waited for: of a connection that is half-open it would not end.
      client.end().catch(() => undefined);
    }
  }

  /** The first at once, further ones together. */
  #planFlush(): void {
    if (this.#isFlushPlanned || !this.#client || this.#toTell.size === 0) return;
    this.#isFlushPlanned = true;
    const flush = (): void => {
      this.#isFlushPlanned = false;
      void this.#flush();
    };
    const waitMs = this.#flushedAt + tellEveryMs - performance.now();
    if (waitMs <= 0) setImmediate(flush);
    else setTimeout(flush, waitMs).unref();
  }

  async #flush(): Promise<void> {
    const client = this.#client;
    if (!client || this.#toTell.size === 0) return;
    const told = this.#toTell;
    this.#toTell = new Map();
    this.#flushedAt = performance.now();
    try {
      await this.#ask(client, 'select pg_notify($1, payload) from unnest($2::text[]) as payload', [
        channel,
        [...told].flatMap(([topic, names]) => this.#payloadsOf(topic, [...names])),
      ]);
    } catch (error) {
      // Told again over the next connection.
      this.#client = undefined;
      this.#lost.abort(error);
      for (const [topic, names] of told) {
        this.tell(topic);
        for (const name of names) this.tell(topic, name);
      }
    }
  }

  /** One after the other: a connection takes one statement at a time. */
  #ask(client: Client, text: string, values: readonly unknown[] = []): Promise<unknown> {
    const answer = this.#asked.then(() => client.query(text, [...values]));
    this.#asked = answer.catch(() => undefined);
    return answer;
  }

  #payloadsOf(topic: Topic, names: readonly string[]): string[] {
    const payloads: string[] = [];
    for (let start = 0; start === 0 || start < names.length; start += namesPerPayload) {
      payloads.push(JSON.stringify([this.#id, topic, ...names.slice(start, start + namesPerPayload)]));
    }
    return payloads;
  }

  #hear(payload: string): void {
    const [from, topic, ...names] = parsePayload(payload);
    if (from === this.#id) return;
    for (const listener of this.#listeners.get(topic as Topic) ?? []) {
      listener(names.includes(anything) ? undefined : names);
    }
  }

  #hearAnything(): void {
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener(undefined);
  }

  #look(): void {
    this.#looks = (this.#looks + 1) % looksBetween;
    if (!this.#client || this.#looks === 0) this.#hearAnything();
  }
}

/** Whoever may use the database may notify: what makes no sense is nothing. */
function parsePayload(payload: string): string[] {
  try {
    const parts: unknown = JSON.parse(payload);
    return Array.isArray(parts) ? parts.map(String) : [];
  } catch {
    return [];
  }
}
