// The open circuits, where replicas share them: PostgreSQL only. One row for each parent that is left alone.

import type { Database } from '../storage/database.ts';
import type { CircuitState } from './circuit.ts';

/** Longer than any attempt (at most 50 s), and the time in which it must begin. */
const probingMs = 60_000;

export type StoredCircuit = CircuitState & { readonly parent: string };

/** Notes that the circuit of this parent has opened, unless another has noted it before. */
export async function insertCircuit(db: Database, circuit: StoredCircuit): Promise<void> {
  await db
    .insertInto('circuits')
    .values({ parent: circuit.parent, opened_at: circuit.open.openedAt, ...changing(circuit) })
    .onConflict((conflict) => conflict.column('parent').doNothing())
    .execute();
}

export async function listCircuits(db: Database): Promise<StoredCircuit[]> {
  const rows = await db.selectFrom('circuits').selectAll().execute();
  return rows.map((row) => ({
    parent: row.parent,
    open: {
      cause: row.cause as CircuitState['open']['cause'],
      words: row.words,
      openedAt: row.opened_at,
      probeAt: row.probe_at,
    },
    failedProbes: row.failed_probes,
    successes: row.successes,
  }));
}

/** Takes the right to probe this parent. False when no probe is due, or another replica has the right. */
export async function takeProbe(db: Database, parent: string, prober: string, now: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('circuits')
    .set({ prober, probing_until: now + probingMs })
    .where('parent', '=', parent)
    .where('probe_at', '<=', now)
    .where((where) => where.or([where('prober', 'is', null), where('probing_until', '<=', now)]))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Stores what the probe of this replica has shown; nothing when its right has ended meanwhile. */
export async function updateCircuit(db: Database, circuit: StoredCircuit, prober: string): Promise<void> {
  await db
    .updateTable('circuits')
    .set({ ...changing(circuit), prober: null, probing_until: null })
    .where('parent', '=', circuit.parent)
    .where('prober', '=', prober)
    .execute();
}

/** The parent takes pushes again, as the probe of this replica has shown. */
export async function deleteCircuit(db: Database, parent: string, prober: string): Promise<void> {
  await db.deleteFrom('circuits').where('parent', '=', parent).where('prober', '=', prober).execute();
}

/** Gives back rights that were not used; with `parent`, the one for it. */
export async function giveBackProbes(db: Database, prober: string, parent?: string): Promise<void> {
  let query = db.updateTable('circuits').set({ prober: null, probing_until: null }).where('prober', '=', prober);
  if (parent !== undefined) query = query.where('parent', '=', parent);
  await query.execute();
}

/** Forgets circuits whose probe has been due since before `before`: nobody has had anything for that parent. */
export async function forgetCircuits(db: Database, before: number): Promise<void> {
  await db.deleteFrom('circuits').where('probe_at', '<=', before).execute();
}

function changing({ open, failedProbes, successes }: CircuitState) {
  return { cause: open.cause, words: open.words, probe_at: open.probeAt, failed_probes: failedProbes, successes };
}
