// What stands between the queue and each parent: slots, the pace of its host, its circuit.

import { describe, expect, it } from 'vitest';
import type { ParentSign } from '../../src/notifications/circuit.ts';
import { ParentGates } from '../../src/notifications/parent-gates.ts';

const first = 'bots.example.com agent-1';
const second = 'bots.example.com agent-2';
const elsewhere = 'other.example.com agent-1';
const never = Number.POSITIVE_INFINITY;

const fine: ParentSign = { kind: 'fine' };
const failing: ParentSign = { kind: 'failing', words: 'connection refused' };

function createGates(change: { slotsPerParent?: number; hostRate?: number } = {}): ParentGates {
  return new ParentGates({ slotsPerParent: 4, hostRate: 10, ...change });
}

/** Opens the circuit of this parent at `now`: its first probe is due 15 s later. */
function breakParent(gates: ParentGates, parent: string, now = 0): void {
  for (let time = 1; time <= 10; time += 1) {
    const changed = gates.record(parent, `c${time % 3}`, failing, now);
    expect(changed).toBe(time === 10 ? 'opened' : undefined);
  }
}

/** Begins attempts of this parent until one must not begin. Gives how many did. */
function beginAll(gates: ParentGates, parent: string, now: number): number {
  let begun = 0;
  while (begun < 1_000 && gates.begin(parent, `c${begun}`, now)) begun += 1;
  return begun;
}

describe('slots', () => {
  it('are those of each parent: one that hangs holds up only itself', () => {
    const gates = createGates();
    for (let lane = 0; lane < 4; lane += 1) gates.enter(first, `c${lane}`);
    expect([first, second, elsewhere].map((parent) => gates.free(parent, 0))).toEqual([0, 4, 4]);
    expect([first, second].map((parent) => gates.nextAt(parent, 0))).toEqual([never, 0]);
  });

  it('are free again when a lane is given back', () => {
    const gates = createGates();
    for (let lane = 1; lane <= 4; lane += 1) gates.enter(first, `c${lane}`);
    gates.leave(first, 'c1');
    expect([gates.free(first, 7), gates.nextAt(first, 7)]).toEqual([1, 7]);
    for (const id of ['c2', 'c3', 'c4']) gates.leave(first, id);
    expect(gates.free(first, 7)).toBe(4);
  });

  it('are never less than none, also where more lanes are worked on than there are slots', () => {
    const gates = createGates();
    for (let lane = 0; lane < 6; lane += 1) gates.enter(first, `c${lane}`);
    expect(gates.free(first, 0)).toBe(0);
  });
});

describe('the pace', () => {
  it('is shared by parents of one host, and not by others', () => {
    const gates = createGates({ slotsPerParent: 50 });
    expect(beginAll(gates, first, 0)).toBe(10);
    expect(beginAll(gates, second, 999)).toBe(0);
    expect([first, second, elsewhere].map((parent) => gates.free(parent, 999))).toEqual([0, 0, 10]);
    expect([first, second, elsewhere].map((parent) => gates.nextAt(parent, 999))).toEqual([1_000, 1_000, 999]);
    expect(beginAll(gates, elsewhere, 999)).toBe(10);
    expect(beginAll(gates, second, 1_000)).toBe(10);
  });

  it('leaves no more lanes than slots', () => {
    const gates = createGates();
    expect(gates.free(first, 0)).toBe(4);
    for (let attempt = 0; attempt < 7; attempt += 1) gates.begin(second, 'c', 0);
    expect([gates.free(first, 0), gates.free(elsewhere, 0)]).toEqual([3, 4]);
  });

  it('is any with a rate of 0', () => {
    const gates = createGates({ slotsPerParent: 50, hostRate: 0 });
    expect(beginAll(gates, first, 0)).toBe(1_000);
    expect([gates.free(first, 0), gates.nextAt(first, 0)]).toEqual([50, 0]);
  });

  it('is not used up by attempts that the circuit refuses', () => {
    const gates = createGates();
    breakParent(gates, first);
    expect(beginAll(gates, first, 1_000)).toBe(0);
    expect(beginAll(gates, second, 1_000)).toBe(10);
  });
});

describe('the circuit', () => {
  it('is that of one parent: another on the same host is sent to as before', () => {
    const gates = createGates();
    breakParent(gates, first);
    expect([first, second, elsewhere].map((parent) => gates.free(parent, 14_999))).toEqual([0, 4, 4]);
    expect([first, second].map((parent) => gates.nextAt(parent, 14_999))).toEqual([15_000, 14_999]);
    expect([first, second].map((parent) => gates.begin(parent, 'c', 14_999))).toEqual([false, true]);
  });

  it('counts the conversations of one parent only', () => {
    const gates = createGates();
    for (let time = 0; time < 30; time += 1)
      gates.record([first, second, elsewhere][time % 3] ?? first, 'c', failing, 0);
    expect(gates.troubles()).toEqual([]);
  });

  it('lets one lane through when a probe is due, and none while it is out', () => {
    const gates = createGates();
    breakParent(gates, first);
    expect(gates.free(first, 15_000)).toBe(1);
    gates.enter(first, 'c1');
    expect(gates.begin(first, 'c1', 15_000)).toBe(true);
    expect([gates.free(first, 60_000), gates.nextAt(first, 60_000)]).toEqual([0, never]);
    expect(gates.begin(first, 'c2', 60_000)).toBe(false);
  });

  it.each<[string, (gates: ParentGates) => void]>([
    ['leave', (gates) => gates.leave(first, 'c1')],
    ['abandon', (gates) => gates.abandon(first, 'c1')],
  ])('lets another probe go when the lane of the first says %s', (_, end) => {
    const gates = createGates();
    breakParent(gates, first);
    gates.enter(first, 'c1');
    gates.begin(first, 'c1', 15_000);
    end(gates);
    expect([gates.free(first, 15_000), gates.begin(first, 'c2', 15_000)]).toEqual([1, true]);
  });

  it('waits for the later of pace and probe', () => {
    const gates = createGates();
    breakParent(gates, first);
    for (let attempt = 0; attempt < 10; attempt += 1) gates.begin(second, 'c', 14_500);
    expect(gates.nextAt(first, 14_999)).toBe(15_500);
    expect([gates.free(first, 15_000), gates.begin(first, 'c', 15_000)]).toEqual([0, false]);
    expect([gates.free(first, 15_500), gates.begin(first, 'c', 15_500)]).toEqual([1, true]);
  });

  it('closes with two successes', () => {
    const gates = createGates();
    breakParent(gates, first);
    gates.begin(first, 'c1', 15_000);
    expect(gates.record(first, 'c1', fine, 15_100)).toBeUndefined();
    gates.begin(first, 'c2', 15_100);
    expect(gates.record(first, 'c2', fine, 15_200)).toBe('closed');
    expect([gates.trouble(first), gates.free(first, 15_200)]).toEqual([undefined, 4]);
  });
});

describe('what an operator sees', () => {
  it('is every open circuit with its parent, its cause and its words', () => {
    const gates = createGates();
    expect([gates.troubles(), gates.trouble(first)]).toEqual([[], undefined]);
    breakParent(gates, elsewhere, 2_000);
    const throttled: ParentSign = { kind: 'throttled', words: 'slow', until: 9_000 };
    for (let time = 0; time < 10; time += 1) gates.record(first, `c${time}`, throttled, 3_000);
    gates.record(second, 'c1', fine, 0);
    const open = {
      [first]: { cause: 'throttled', words: 'slow', openedAt: 3_000, probeAt: 18_000 },
      [elsewhere]: { cause: 'failing', words: 'connection refused', openedAt: 2_000, probeAt: 17_000 },
    };
    expect(gates.trouble(first)).toEqual(open[first]);
    const byParent = Object.fromEntries(gates.troubles().map(({ parent, ...trouble }) => [parent, trouble]));
    expect(byParent).toEqual(open);
  });

  it('when a parent last took something: never, until it does, whatever else it says', () => {
    const gates = createGates();
    expect(gates.takenAt(first)).toBe(Number.NEGATIVE_INFINITY);
    gates.noteTaken(first, 5_000);
    gates.record(first, 'c1', failing, 6_000);
    gates.record(first, 'c2', fine, 6_500);
    gates.noteTaken(second, 7_000);
    expect([gates.takenAt(first), gates.takenAt(second)]).toEqual([5_000, 7_000]);
    gates.noteTaken(first, 8_000);
    expect(gates.takenAt(first)).toBe(8_000);
  });
});
