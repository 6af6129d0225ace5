// When a parent is left alone, when it is tried again, and what that spares it.

import { describe, expect, it } from 'vitest';
import { Circuit, type ParentSign } from '../../src/notifications/circuit.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { ParentGates } from '../../src/notifications/parent-gates.ts';
import { decideRetry, readSign } from '../../src/notifications/retry-policy.ts';

const fine: ParentSign = { kind: 'fine' };
const failing: ParentSign = { kind: 'failing', words: 'connection refused' };
const unauthorized: ParentSign = { kind: 'unauthorized', words: 'the client secret has expired' };
const throttled: ParentSign = { kind: 'throttled', words: 'slow down', until: 100_000 };

/** A sign that comes so many times, from so many conversations in turn. */
type Run = readonly [sign: ParentSign, times: number, conversations: number];

function play(...runs: readonly Run[]): Circuit {
  const circuit = new Circuit();
  for (const [sign, times, conversations] of runs) {
    for (let time = 0; time < times; time += 1) circuit.record(sign, `c${time % conversations}`, 0);
  }
  return circuit;
}

/** Open since 0: the first probe is due at 15 s. */
const openCircuit = (): Circuit => play([failing, 10, 3]);

/** One probe, which ends at once. */
function probe(circuit: Circuit, sign: ParentSign, now: number): 'opened' | 'closed' | undefined {
  expect(circuit.begin('probe', now)).toBe(true);
  return circuit.record(sign, 'probe', now);
}

/** Begins whatever may begin in each second up to `untilMs`; each ends at once. Gives the seconds. */
function probeSeconds(circuit: Circuit, sign: ParentSign, fromMs: number, untilMs: number): number[] {
  const begun: number[] = [];
  for (let now = fromMs; now <= untilMs; now += 1_000) {
    while (circuit.open && circuit.begin(`c${begun.length}`, now)) {
      begun.push(now / 1_000);
      circuit.record(sign, `c${begun.length - 1}`, now);
    }
  }
  return begun;
}

describe('a circuit opens after', () => {
  const between: Run = [fine, 1, 1];
  it.each<[string, readonly Run[], string | undefined]>([
    ['10 failures, 3 conversations', [[failing, 10, 3]], 'failing'],
    ['9 failures: not', [[failing, 9, 9]], undefined],
    ['60 failures, 2 conversations: not', [[failing, 60, 2]], undefined],
    ['9 failures, something fine, 9 failures: not', [[failing, 9, 3], between, [failing, 9, 3]], undefined],
    [
      '9 failures, a 401, 9 failures: not',
      [
        [failing, 9, 3],
        [unauthorized, 1, 1],
        [failing, 9, 3],
      ],
      undefined,
    ],
    ['20 times 401, 3 conversations', [[unauthorized, 20, 3]], 'unauthorized'],
    ['19 times 401: not', [[unauthorized, 19, 19]], undefined],
    ['60 times 401, 2 conversations: not', [[unauthorized, 60, 2]], undefined],
    ['19 times 401, something fine, 19 times: not', [[unauthorized, 19, 3], between, [unauthorized, 19, 3]], undefined],
    ['10 throttled, 3 conversations', [[throttled, 10, 3]], 'throttled'],
    ['9 throttled: not', [[throttled, 9, 9]], undefined],
    ['60 throttled, 2 conversations: not', [[throttled, 60, 2]], undefined],
    ['9 throttled, something fine, 9 throttled: not', [[throttled, 9, 3], between, [throttled, 9, 3]], undefined],
  ])('%s', (_, runs, cause) => {
    expect(play(...runs).open?.cause).toBe(cause);
  });

  it.each([
    ['every second of 20 fails', { of: 2, outcomes: 20, conversations: 3, everyMs: 0 }, 'failing'],
    ['every second of 19: not', { of: 2, outcomes: 19, conversations: 3, everyMs: 0 }, undefined],
    ['every second of 20 within 30 s', { of: 2, outcomes: 20, conversations: 3, everyMs: 1_500 }, 'failing'],
    ['every second of at most 19 in 30 s: not', { of: 2, outcomes: 400, conversations: 3, everyMs: 1_600 }, undefined],
    ['every second of 400, 2 conversations: not', { of: 2, outcomes: 400, conversations: 2, everyMs: 0 }, undefined],
    ['every third of 400: not', { of: 3, outcomes: 400, conversations: 3, everyMs: 100 }, undefined],
  ])('%s', (_, { of, outcomes, conversations, everyMs }, cause) => {
    const circuit = new Circuit();
    for (let index = 1; index <= outcomes; index += 1) {
      const conversation = `c${Math.floor(index / of) % conversations}`;
      circuit.record(index % of === 0 ? failing : fine, conversation, index * everyMs);
    }
    expect(circuit.open?.cause).toBe(cause);
  });

  it('a refused credential, with the words of the refusal', () => {
    const circuit = play([unauthorized, 19, 3]);
    const last = { ...unauthorized, words: 'the last words' };
    expect(circuit.record(last, 'c9', 7_000)).toBe('opened');
    const open = { cause: 'unauthorized', words: 'the last words', openedAt: 7_000, probeAt: 22_000 };
    expect(circuit.open).toEqual(open);
  });
});

describe('while open', () => {
  it('one probe at a time goes out, after 15, 30, 60, 120 and again 120 s', () => {
    expect(probeSeconds(openCircuit(), failing, 0, 500_000)).toEqual([15, 45, 105, 225, 345, 465]);
  });

  it('nothing else goes out, and nextAt says when something may', () => {
    const circuit = openCircuit();
    expect([circuit.allows(14_999), circuit.nextAt(14_999)]).toEqual([0, 15_000]);
    expect(circuit.begin('a', 14_999)).toBe(false);
    expect(circuit.allows(15_000)).toBe(1);
    expect(circuit.begin('a', 15_000)).toBe(true);
    expect([circuit.allows(99_000), circuit.nextAt(99_000)]).toEqual([0, Number.POSITIVE_INFINITY]);
    expect(circuit.begin('b', 99_000)).toBe(false);
    circuit.record(failing, 'a', 16_000);
    expect([circuit.allows(45_999), circuit.nextAt(45_999)]).toEqual([0, 46_000]);
  });

  it('what a throttling parent asks for is waited for, also when the probe is throttled, but at most 120 s', () => {
    const circuit = play([throttled, 9, 3]);
    expect(circuit.record({ ...throttled, until: 95_000 }, 'c9', 5_000)).toBe('opened');
    expect(circuit.begin('a', 94_999)).toBe(false);
    probe(circuit, { ...throttled, until: 200_000 }, 95_000);
    expect(circuit.open).toMatchObject({ cause: 'throttled', openedAt: 5_000, probeAt: 200_000 });
    probe(circuit, { ...throttled, until: 99_000_000 }, 200_000);
    expect(circuit.open?.probeAt).toBe(320_000);
  });

  it('the cause and the words are those of the last probe', () => {
    const circuit = openCircuit();
    circuit.begin('a', 15_000);
    circuit.record(unauthorized, 'a', 15_000);
    expect(circuit.open).toMatchObject({ cause: 'unauthorized', words: unauthorized.words, openedAt: 0 });
  });

  it('two successes close it, the second at once', () => {
    const circuit = openCircuit();
    expect(probe(circuit, fine, 15_000)).toBeUndefined();
    expect([circuit.open?.cause, circuit.allows(15_000), circuit.nextAt(15_000)]).toEqual(['failing', 1, 15_000]);
    expect(probe(circuit, fine, 15_000)).toBe('closed');
    expect([circuit.open, circuit.allows(15_000)]).toEqual([undefined, Number.POSITIVE_INFINITY]);
  });

  it.each([
    ['9 failures in a row', [failing, failing, failing, failing, failing, failing, failing, failing, failing]],
    ['5 failures of 10', [fine, failing, fine, failing, fine, failing, fine, failing, fine, failing]],
  ])('what was before it closed counts no more: %s open nothing', (_, signs) => {
    const circuit = openCircuit();
    expect([probe(circuit, fine, 15_000), probe(circuit, fine, 15_000)]).toEqual([undefined, 'closed']);
    for (const [index, sign] of signs.entries()) circuit.record(sign, `c${index}`, 16_000);
    expect(circuit.open).toBeUndefined();
  });

  it('the pauses begin anew when it opens again', () => {
    const circuit = openCircuit();
    for (const [sign, at] of [
      [failing, 15_000],
      [fine, 45_000],
      [fine, 45_000],
    ] as const)
      probe(circuit, sign, at);
    for (let time = 0; time < 10; time += 1) circuit.record(failing, `c${time}`, 100_000);
    expect(probeSeconds(circuit, failing, 100_000, 200_000)).toEqual([115, 145]);
  });

  it('a probe that fails makes both successes due again', () => {
    const circuit = openCircuit();
    const outcomes = [fine, failing, fine, failing, fine, fine];
    const changes = outcomes.map((sign, index) => probe(circuit, sign, (index + 1) * 120_000));
    expect(changes).toEqual([undefined, undefined, undefined, undefined, undefined, 'closed']);
  });

  it.each([fine, failing, unauthorized, throttled])('what was in flight when it opened changes nothing: %j', (sign) => {
    const circuit = openCircuit();
    const open = circuit.open;
    for (let time = 0; time < 30; time += 1) expect(circuit.record(sign, `straggler${time}`, 1_000)).toBeUndefined();
    expect(circuit.open).toEqual(open);
    circuit.begin('probe', 15_000);
    for (let time = 0; time < 30; time += 1) expect(circuit.record(sign, `straggler${time}`, 16_000)).toBeUndefined();
    expect(circuit.open).toEqual(open);
    expect(circuit.begin('second probe', 17_000)).toBe(false);
  });

  it('a probe that is not made after all makes way for another, and counts for nothing', () => {
    const circuit = openCircuit();
    circuit.begin('a', 15_000);
    circuit.leave('b');
    expect(circuit.allows(15_000)).toBe(0);
    circuit.leave('a');
    expect(circuit.open?.probeAt).toBe(15_000);
    expect(circuit.begin('b', 15_000)).toBe(true);
    circuit.record(failing, 'b', 15_000);
    expect(circuit.open?.probeAt).toBe(45_000);
  });
});

type Outage = { readonly backAt: number; readonly attemptMs: number };

/** 50 conversations with something to push, at a parent that is away until `backAt`; the worker's loop, without waiting. */
function simulateOutage({ backAt, attemptMs }: Outage): { requestsWhileDown: number; firstDeliveredAfter: number } {
  const gates = new ParentGates({ slotsPerParent: 32, hostRate: 100 });
  const lanes = Array.from({ length: 50 }, (_, index) => ({ id: `c${index}`, runAt: 0, attempts: 0, endsAt: -1 }));
  let now = 0;
  let requestsWhileDown = 0;
  for (;;) {
    for (const lane of lanes.filter(({ endsAt }) => endsAt === now)) {
      if (now - attemptMs >= backAt) return { requestsWhileDown, firstDeliveredAfter: now - attemptMs - backAt };
      const outcome: SendOutcome = { kind: 'unreachable', errorClass: 'timeout', detail: '' };
      const sign = readSign(outcome, now);
      if (sign) gates.record('host parent', lane.id, sign, now);
      gates.leave('host parent', lane.id);
      const counts = { internalFailures: 0, unauthorized: 0, throttled: 0 };
      const known = { ...counts, othersAuthorized: false, isLeftAlone: gates.trouble('host parent') !== undefined };
      const random = (lane.attempts * 0.37) % 1;
      const decision = decideRetry(outcome, { ...known, attempts: lane.attempts, now, expiresAt: 86_400_000, random });
      Object.assign(lane, { runAt: decision.kind === 'retry' ? decision.at : Infinity, endsAt: -1 });
    }
    const idle = lanes.filter(({ endsAt }) => endsAt < 0).toSorted((a, b) => a.runAt - b.runAt);
    for (const lane of idle) {
      if (lane.runAt > now || gates.free('host parent', now) === 0) break;
      gates.enter('host parent', lane.id);
      gates.begin('host parent', lane.id, now);
      Object.assign(lane, { attempts: lane.attempts + 1, endsAt: now + attemptMs });
      if (now < backAt) requestsWhileDown += 1;
    }
    const nextLaneAt = Math.min(...lanes.filter(({ endsAt }) => endsAt < 0).map(({ runAt }) => runAt));
    const ends = lanes.map(({ endsAt }) => endsAt).filter((endsAt) => endsAt > now);
    now = Math.min(...ends, Math.max(nextLaneAt, gates.nextAt('host parent', now)));
  }
}

describe('a parent that is down for ten minutes, with 50 conversations', () => {
  it.each([
    ['refuses every connection', 5, 120_000],
    // A probe that hangs when the parent comes back must end first.
    ['hangs until the attempt is given up', 20_000, 140_000],
  ])('gets at most 60 requests meanwhile, and soon the first delivery: it %s', (how, attemptMs, soonMs) => {
    // Whichever way the end of the outage falls between two probes.
    const phases = Array.from({ length: 300 }, (_, index) => 600_000 + index * 500);
    const outages = phases.map((backAt) => simulateOutage({ backAt, attemptMs }));
    const requests = outages[0]?.requestsWhileDown;
    const waited = Math.max(...outages.map(({ firstDeliveredAfter }) => firstDeliveredAfter));
    console.log(
      `D12: parent ${how}: ${requests} requests in 10 minutes, first delivery at most ${waited / 1_000} s later`,
    );
    expect(requests).toBeLessThanOrEqual(60);
    expect(waited).toBeLessThanOrEqual(soonMs);
  });
});
