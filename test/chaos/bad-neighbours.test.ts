// Conversations whose parent hangs, drips, resets, redirects and asks for absurd pauses; and others of the same parent,
// which must not notice.

import { expect, it, onTestFinished } from 'vitest';
import type { Fault } from '../../standin/types.ts';
import { apiKey } from '../helpers/skill.ts';
import { eventually } from '../helpers/eventually.ts';
import { type ChaosBench, createChaosBench } from './chaos-bench.ts';
import { scale } from './scale.ts';

const samples = scale(1_500, 300);
const bad = 13;
const good = 20;

const faults: Fault[] = [
  { kind: 'hang' },
  { kind: 'drip', everyMs: 200 },
  { kind: 'reset' },
  { kind: 'close' },
  { kind: 'cut', sendBytes: 10 },
  { kind: 'huge', bytes: 50_000_000 },
  { kind: 'answer', status: 500, body: '<h1>oops</h1>' },
  { kind: 'answer', status: 302, headers: { Location: 'http://169.254.169.254/' } },
  { kind: 'answer', status: 429, headers: { 'Retry-After': '9999999999' } },
  { kind: 'answer', status: 503, headers: { 'Retry-After': 'Fri, 31 Dec 9999 23:59:59 GMT' } },
  { kind: 'answer', status: 429, headers: { 'Retry-After': '-1' } },
  { kind: 'answer', status: 401 },
  { kind: 'answer', status: 400 },
];

it('conversations that misbehave in every way do not slow the others of their parent down', async () => {
  const bench = await createChaosBench({ conversations: bad + good });
  onTestFinished(() => bench.release());
  const badSubjects = bench.subjects.slice(0, bad);
  const goodSubjects = bench.subjects.slice(bad);
  const arrivals = watchArrivals(bench);

  // The first ones pay for connections and compilation.
  await measure(bench, goodSubjects, arrivals, 100, 'warm');
  const before = await measure(bench, goodSubjects, arrivals, samples, 'before');
  for (const [index, conversationId] of badSubjects.entries()) {
    const fault = faults[index];
    if (fault) bench.standIn.faults.set({ conversationId, fault });
    for (const text of ['first', 'second', 'third']) await post(bench, conversationId, `${conversationId} ${text}`);
  }
  const during = await measure(bench, goodSubjects, arrivals, samples, 'during');
  bench.standIn.faults.clear();
  const after = await measure(bench, goodSubjects, arrivals, samples, 'after');

  const calm = Math.max(p99(before), p99(after));
  const words = (name: string, ms: number[]): string =>
    `${name} p50 ${p50(ms).toFixed(1)} p99 ${p99(ms).toFixed(1)} ms`;
  console.log(
    `bad neighbours: ${bad} of ${bad + good} conversations, ${samples} pushes to the others each: ` +
      [words('before', before), words('during', during), words('after', after)].join(', ') +
      `; ratio of p99 ${(p99(during) / calm).toFixed(2)}`,
  );
  expect(p99(during)).toBeLessThan(2 * calm + noiseMs);
  const { parents } = await bench.get<{ parents: unknown[] }>('/api/status');
  expect(parents).toEqual([]);
}, 300_000);

/** What another process on the same two cores may add to a single push. */
const noiseMs = 20;

type Arrivals = ReadonlyMap<string, number>;

function watchArrivals(bench: ChaosBench): Arrivals {
  const arrivals = new Map<string, number>();
  bench.standIn.onReceive(({ activity }) => arrivals.set(String(activity['text']), performance.now()));
  return arrivals;
}

/** From the request of the sender to the arrival at the parent, in ms, one after the other. */
async function measure(
  bench: ChaosBench,
  subjects: readonly string[],
  arrivals: Arrivals,
  count: number,
  name: string,
): Promise<number[]> {
  const latencies: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const text = `${name} ${index}`;
    const subject = subjects[index % subjects.length] ?? '';
    const askedAt = performance.now();
    await post(bench, subject, text);
    const arrivedAt = await eventually(`${text} arrives`, () => arrivals.get(text));
    latencies.push(arrivedAt - askedAt);
  }
  return latencies;
}

async function post(bench: ChaosBench, subject: string, text: string): Promise<void> {
  const answer = await fetch(`${bench.url}/api/notify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ subject, text, keepOpen: true }),
  });
  if (answer.status !== 202) throw new Error(`notify: ${answer.status}`);
  await answer.arrayBuffer();
}

function p50(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.5)] ?? 0;
}

function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0;
}
