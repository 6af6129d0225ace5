// Replicas whose wall clocks are wrong: time is the database's.

import { expect, inject, it, onTestFinished } from 'vitest';
import { expectWhole } from '../chaos/judge.ts';
import { startBookkeeping, startLoad, untilMore } from '../chaos/load.ts';
import { createRandom } from '../chaos/random.ts';
import { createReplicaBench, type ReplicaBench } from '../chaos/replica-bench.ts';
import { scale } from '../chaos/scale.ts';
import { shiftClock } from '../chaos/wrong-clock.ts';
import { eventually } from '../helpers/eventually.ts';
import { apiKey } from '../helpers/skill.ts';

const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const tenMinutesMs = 600_000;
const rounds = scale(10, 2);
const laterMs = 2_000;

it(
  `two of three clocks that are 10 minutes off, and jump ${rounds} times, lose and repeat nothing, and bring nothing early or late`,
  async () => {
    const bench = await createReplicaBench({
      serverUrl: inject('postgresUrl'),
      conversations: 40,
      // The first takes the turns.
      replicas: [shiftClock(tenMinutesMs), shiftClock(-tenMinutesMs), {}],
    });
    onTestFinished(() => bench.release());
    bench.standIn.faults.set({
      fault: { kind: 'answer', status: 503, headers: { 'Retry-After': '1' } },
      share: 0.1,
      random: createRandom(seed),
    });
    const load = startLoad(bench, { senders: 8, restMs: 20 });
    const books = startBookkeeping(bench, load);
    for (let round = 0; round < rounds; round += 1) {
      await untilMore(load, 30);
      for (const replica of bench.replicas.slice(0, 2)) replica.signal('SIGUSR2');
    }
    await load.stop();
    const run = { bench, load, books: await books.stop() };
    const settledMs = await bench.settle();
    const { report, words } = await expectWhole(run);
    const offMs = await postForLater(bench);

    console.log(
      `wrong clocks: seed ${seed}, ${rounds} jumps, ${words}; settled in ${settledMs} ms; by ${laterMs} ms later was ` +
        `brought ${offMs.join(', ')} ms after its time`,
    );
    expect(report.duplicated).toEqual([]);
    // Nothing waits for a clock: the retries had a second to go.
    expect(settledMs).toBeLessThan(20_000);
    expect(Math.min(...offMs)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...offMs)).toBeLessThan(3_000);
  },
  scale(300_000, 60_000),
);

/** Posts to each replica one that is to be sent later; gives by how many ms each came after its time. */
async function postForLater({ replicas, subjects, history }: ReplicaBench): Promise<number[]> {
  const posts = replicas.map(async ({ url }, index) => {
    const sendAt = Date.now() + laterMs;
    const text = `later-${index}`;
    const answer = await fetch(`${url}/api/notify`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        to: { subject: subjects[index] },
        message: { text },
        keepOpen: true,
        sendAt: new Date(sendAt).toISOString(),
      }),
    });
    expect(answer.status).toBe(202);
    const { expiresAt } = (await answer.json()) as { expiresAt: string };
    // A day from its acceptance, or from its time: by the right clock in any case.
    expect(Math.abs(Date.parse(expiresAt) - Date.now() - 24 * 3_600_000)).toBeLessThan(laterMs + 5_000);
    return eventually(`${text} comes`, () => {
      const receipt = history.read().received.find(({ key }) => key === text);
      return receipt && receipt.at - sendAt;
    });
  });
  return Promise.all(posts);
}
