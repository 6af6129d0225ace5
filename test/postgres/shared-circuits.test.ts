// Circuits are those of all replicas: what one opens is open for the others, one at a time probes, all see it close.

import { beforeEach, describe, expect, it } from 'vitest';
import type { ParentSign } from '../../src/notifications/circuit.ts';
import { ParentGates } from '../../src/notifications/parent-gates.ts';
import { SharedCircuits } from '../../src/notifications/shared-circuits.ts';
import type { Database } from '../../src/storage/database.ts';
import { openTestDatabase } from '../helpers/database.ts';

const parent = 'bots.example.com agent';
const fine: ParentSign = { kind: 'fine' };
const failing: ParentSign = { kind: 'failing', words: 'connection refused' };

describe('a circuit', () => {
  let db: Database;
  let now: number;
  let created = 0;

  beforeEach(async () => {
    db = await openTestDatabase();
    now = 1_000_000;
  });

  function createOne() {
    created += 1;
    const circuits = new SharedCircuits(db, { now: () => now }, `replica ${created}`);
    const shared = {
      share: (rate: number) => rate,
      wantProbe: (wanted: string) => void circuits.wantProbe(wanted),
      noteChange: (changed: string) => circuits.noteChange(changed),
    };
    const gates = new ParentGates({ slotsPerParent: 4, hostRate: 0, shared });
    return {
      gates,
      circuits,
      look: () => circuits.look(gates),
      /** Looks for a lane of the parent, as the worker does, and then at what the database says. */
      want: async (): Promise<number> => {
        gates.free(parent, now);
        await circuits.look(gates);
        return gates.free(parent, now);
      },
      /** Makes attempts of three conversations until the circuit opens. */
      breakIt: () => {
        for (let time = 0; !gates.trouble(parent); time += 1) gates.record(parent, `c${time % 3}`, failing, now);
      },
    };
  }

  async function openAtTwo() {
    const [first, second] = [createOne(), createOne()];
    first.breakIt();
    await first.look();
    await second.look();
    return { first, second };
  }

  it('that one opens is open for the other, and for one that comes later', async () => {
    const { second } = await openAtTwo();
    const third = createOne();
    await third.look();
    for (const { gates } of [second, third]) {
      expect(gates.troubles()).toEqual([
        { parent, cause: 'failing', words: 'connection refused', openedAt: now, probeAt: now + 15_000 },
      ]);
      expect([gates.free(parent, now), gates.begin(parent, 'c', now)]).toEqual([0, false]);
    }
  });

  it('that two open at the same moment is one', async () => {
    const [first, second] = [createOne(), createOne()];
    first.breakIt();
    now += 7;
    second.breakIt();
    await first.look();
    await second.look();
    expect(second.gates.troubles()).toEqual(first.gates.troubles());
  });

  it('that opens during a look stays open', async () => {
    const one = createOne();
    const looking = one.look();
    one.breakIt();
    await looking;
    expect(one.gates.troubles()).toHaveLength(1);
  });

  it('is probed by one at a time, and by none that has nothing for the parent', async () => {
    const { first, second } = await openAtTwo();
    expect([await first.want(), await second.want()]).toEqual([0, 0]);
    now += 15_000;
    expect([first.gates.begin(parent, 'c1', now), second.gates.begin(parent, 'c2', now)]).toEqual([false, false]);
    expect([await second.want(), await first.want()]).toEqual([1, 0]);
    expect([first.gates.begin(parent, 'c1', now), second.gates.begin(parent, 'c2', now)]).toEqual([false, true]);
    now += 40_000;
    expect(await first.want()).toBe(0);
  });

  it('is not probed by one that has not heard of the last probe', async () => {
    const { first, second } = await openAtTwo();
    now += 15_000;
    await first.want();
    first.gates.begin(parent, 'c1', now);
    first.gates.record(parent, 'c1', failing, now);
    await first.look();
    expect(await second.want()).toBe(0);
    expect(await db.selectFrom('circuits').select('prober').execute()).toEqual([{ prober: null }]);
  });

  it('sleeps while the right to probe is missing, instead of asking without pause', async () => {
    const { second } = await openAtTwo();
    expect(second.gates.nextAt(parent, now)).toBe(now + 15_000);
    now += 15_000;
    expect(second.gates.nextAt(parent, now)).toBe(Number.POSITIVE_INFINITY);
    await second.want();
    expect(second.gates.nextAt(parent, now)).toBeLessThanOrEqual(now);
  });

  it('waits longer after each probe in vain, whoever made it', async () => {
    const { first, second } = await openAtTwo();
    const pauses: number[] = [];
    for (const one of [first, second, first, second]) {
      now = one.gates.trouble(parent)?.probeAt ?? now;
      expect(await one.want()).toBe(1);
      expect(one.gates.begin(parent, 'c', now)).toBe(true);
      one.gates.record(parent, 'c', failing, now);
      await one.look();
      await first.look();
      await second.look();
      expect(first.gates.troubles()).toEqual(second.gates.troubles());
      pauses.push((one.gates.trouble(parent)?.probeAt ?? 0) - now);
    }
    expect(pauses).toEqual([30_000, 60_000, 120_000, 120_000]);
  });

  it('closes for all with two probes that were taken, of one or of two', async () => {
    const { first, second } = await openAtTwo();
    now += 15_000;
    await first.want();
    first.gates.begin(parent, 'c1', now);
    expect(first.gates.record(parent, 'c1', fine, now)).toBeUndefined();
    // The right was for one probe.
    expect(first.gates.begin(parent, 'c3', now)).toBe(false);
    await first.look();
    await second.look();
    expect(await second.want()).toBe(1);
    second.gates.begin(parent, 'c2', now);
    expect(second.gates.record(parent, 'c2', fine, now)).toBe('closed');
    await second.look();
    expect(await first.look()).toMatchObject({ isChanged: true });
    expect([first.gates.troubles(), second.gates.troubles()]).toEqual([[], []]);
    expect([first.gates.free(parent, now), second.gates.free(parent, now)]).toEqual([4, 4]);
  });

  it('is probed by another when the prober has died', async () => {
    const { first, second } = await openAtTwo();
    now += 15_000;
    await first.want();
    first.gates.begin(parent, 'c1', now);
    now += 60_000;
    const third = createOne();
    await third.look();
    expect([await third.want(), await second.want()]).toEqual([1, 0]);
    // What comes late of the first changes nothing.
    first.gates.record(parent, 'c1', fine, now);
    await first.look();
    expect(await db.selectFrom('circuits').select(['successes', 'prober']).execute()).toEqual([
      { successes: 0, prober: expect.stringContaining('replica') },
    ]);
  });

  it('is left to others by one that does not use its right', async () => {
    const { first, second } = await openAtTwo();
    now += 15_000;
    expect(await first.want()).toBe(1);
    now += 5_000;
    expect(first.gates.begin(parent, 'c1', now)).toBe(false);
    await first.look();
    expect(await second.want()).toBe(1);
  });

  it('is left to others by one that stops', async () => {
    const { first, second } = await openAtTwo();
    now += 15_000;
    await first.want();
    await first.circuits.leave();
    expect(await second.want()).toBe(1);
  });

  it('is forgotten when nobody has had anything for the parent for a day', async () => {
    const { second } = await openAtTwo();
    now += 15_000 + 24 * 3_600_000 - 1;
    await second.circuits.forgetOld();
    expect(await db.selectFrom('circuits').select('parent').execute()).toHaveLength(1);
    now += 1;
    await second.circuits.forgetOld();
    await second.look();
    expect(second.gates.troubles()).toEqual([]);
  });
});
