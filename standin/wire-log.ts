// Record of everything that crossed the wire. The memory is bounded so that a stand-in left running does not grow.

import { decodeJwt } from 'jose';
import type { WireRecord } from './types.ts';

const keptRecords = 20_000;
/** How many may be too many: to take one off the front of a list this long moves all the others. */
const slack = 1_000;
const shownClaims = ['aud', 'iss', 'tid', 'appid', 'azp', 'ver', 'exp'];

export type WireLog = {
  readonly records: readonly WireRecord[];
  /** How many there were over all time, also those that are forgotten. */
  count(): number;
  /** `at` is for a request whose answer comes much later: when it was sent. */
  record(entry: Omit<WireRecord, 'at'> & { readonly at?: number }): void;
  onRecord(listener: (record: WireRecord) => void): () => void;
};

/** An empty log; `now` stamps each record. */
export function createWireLog(now: () => number): WireLog {
  const records: WireRecord[] = [];
  let total = 0;
  const listeners = new Set<(record: WireRecord) => void>();
  return {
    records,
    count: () => total,
    record(entry) {
      total += 1;
      const record = { at: now(), ...entry };
      records.push(record);
      if (records.length > keptRecords + slack) records.splice(0, records.length - keptRecords);
      for (const listener of listeners) listener(record);
    },
    onRecord(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The claims of a token that may be shown; undefined for what is no token. The signature is never among them. */
export function pickShownClaims(token: string | undefined): Record<string, unknown> | undefined {
  if (token === undefined) return undefined;
  try {
    const claims = decodeJwt(token);
    return Object.fromEntries(shownClaims.flatMap((name) => (name in claims ? [[name, claims[name]]] : [])));
  } catch {
    return undefined;
  }
}
