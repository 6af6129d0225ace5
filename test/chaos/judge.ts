// What every battery on several replicas must come to.

import { expect } from 'vitest';
import { checkHistory, formatReport, type HistoryReport, listFaults, listUnexplainedDuplicates } from './history.ts';
import type { Books, Load } from './load.ts';
import type { ReplicaBench } from './replica-bench.ts';

/**
 * What a dead process had sent is taken by the parent so long after its death at most: 0.4 s was measured with three busy
 * processes to a core.
 */
const lateMs = 2_000;

type Run = { readonly bench: ReplicaBench; readonly load: Load; readonly books: Books };

type Verdict = { readonly report: HistoryReport; readonly words: string };

/**
 * Nothing lost, nothing in another order, no copy that no crash explains, books that balance at every look, and in the
 * tables in the end: each notification once, with one delivery, which is delivered.
 */
export async function expectWhole({ bench, load, books }: Run): Promise<Verdict> {
  const history = bench.history.read();
  const report = checkHistory(history);
  const failures = JSON.stringify(Object.fromEntries(load.failures));
  const words = `${formatReport(report)}; failed requests ${failures}; books ${books.samples} samples, ${books.wrong.length} wrong`;
  expect(listFaults(report).filter((fault) => fault !== 'duplicated')).toEqual([]);
  const unexplained = new Set(listUnexplainedDuplicates(history, lateMs).map(({ key }) => key));
  // With the copies before them, and the crashes: how a run that nobody can repeat is understood.
  const copies = history.received.filter(({ key }) => unexplained.has(key));
  expect({ copies, words, crashes: history.crashes }).toEqual({ copies: [], words, crashes: history.crashes });
  expect(report.withheld).toEqual([]);
  expect(books.wrong).toEqual([]);
  expect(books.samples).toBeGreaterThan(0);
  expect(report.acknowledged).toBe(load.attempted);
  expect(await readTables(bench)).toEqual({
    notifications: load.attempted,
    delivered: load.attempted,
    others: 0,
    // Each attempt that a delivery counts has its row, and the other way round.
    uncounted: 0,
  });
  return { report, words };
}

async function readTables({ ask }: ReplicaBench) {
  const [row] = await ask(`
    select (select count(*)::int from notifications) as notifications,
      (select count(*)::int from deliveries where state = 'delivered') as delivered,
      (select count(*)::int from deliveries where state <> 'delivered') as others,
      (select count(*)::int from deliveries
        where attempts <> (select count(*) from attempts where attempts.delivery_id = deliveries.id)) as uncounted`);
  return row;
}
