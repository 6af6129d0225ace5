import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Fault } from '../../standin/types.ts';
import { type CallbackBench, findFailure, findFailureOfBody, startCallbackBench } from './callback-bench.ts';

const hourMs = 3_600_000;

let bench: CallbackBench;

beforeEach(async () => {
  bench = await startCallbackBench();
});

afterEach(async () => {
  await bench.stop();
});

function give(status: number): Fault {
  return { kind: 'answer', status };
}

describe('a rule', () => {
  it('applies until it is taken away', async () => {
    const release = bench.standIn.faults.set({ fault: give(503) });
    expect(await bench.sendAll('abc')).toEqual([503, 503, 503]);
    release();
    release();
    expect(await bench.sendAll('d')).toEqual([200]);
  });

  it('applies so many times', async () => {
    bench.standIn.faults.set({ fault: give(503), times: 2 });
    bench.standIn.faults.set({ fault: give(500), times: 0 });
    expect(await bench.sendAll('abc')).toEqual([503, 503, 200]);
  });

  it('applies to its conversation only', async () => {
    const other = await bench.openAction();
    bench.standIn.faults.set({ fault: give(503), conversationId: other.id, times: 1 });
    expect((await bench.send('a')).status).toBe(200);
    expect((await bench.send('a', { to: other })).status).toBe(503);
    expect((await bench.send('b', { to: other })).status).toBe(200);
  });

  it('applies to the share that the numbers draw', async () => {
    const drawn = [0.1, 0.9, 0.25, 0, 0.24];
    bench.standIn.faults.set({ fault: give(503), share: 0.25, random: () => drawn.shift() ?? 1 });
    expect(await bench.sendAll('abcdef')).toEqual([503, 200, 200, 503, 503, 200]);
  });

  it('comes after older ones, and after the queue', async () => {
    bench.standIn.faults.set({ fault: give(500), times: 1 });
    bench.standIn.faults.set({ fault: give(502) });
    bench.standIn.faults.answerNext({ status: 429 }, 2);
    expect(await bench.sendAll('abcde')).toEqual([429, 429, 500, 502, 502]);
    bench.standIn.faults.clear();
    expect(await bench.sendAll('f')).toEqual([200]);
  });

  it('is not used up by a callback without a right token', async () => {
    bench.standIn.faults.set({ fault: { kind: 'reset' }, times: 1 });
    const { skill, standIn, conversation } = bench;
    const refused = await skill.callBack(standIn, conversation.id, { type: 'message' }, { token: 'abc' });
    expect(refused.status).toBe(401);
    expect(await findFailure(bench.send('a'))).toBe('ECONNRESET');
  });

  it('that cannot be is refused at once', () => {
    const { set } = bench.standIn.faults;
    for (const status of [100, 199, 600, 200.5, NaN]) expect(() => set({ fault: give(status) })).toThrow(RangeError);
    for (const share of [-0.1, 1.1, NaN])
      expect(() => set({ fault: give(503), share, random: () => 0 })).toThrow(RangeError);
    expect(() => set({ fault: give(503), share: 0.5 })).toThrow('needs random');
  });
});

describe('a stop', () => {
  const lasting: Fault[] = [{ kind: 'hang' }, { kind: 'drip', everyMs: hourMs }, { kind: 'delay', ms: hourMs }];

  it.each(lasting)('ends $kind, and its timer', async (fault) => {
    const timers = watchTimers();
    bench.standIn.faults.set({ fault, times: 2 });
    const first = findFailureOfBody(bench.send('a'));
    expect(await Promise.race([first, settle(2)])).toBe('settled');
    const recorded = bench.nextRecord();
    const second = findFailureOfBody(bench.send('b'));
    // Stopped in the moment of the record: the answer to the second one is not begun yet.
    await recorded;
    await bench.standIn.stop();
    expect(timers.countMade()).toBeGreaterThanOrEqual(fault.kind === 'hang' ? 0 : 1);
    expect(timers.listLeft()).toEqual([]);
    expect([await first, await second].join(' ')).toMatch(/^(?:UND_ERR_SOCKET ?|ECONNRESET ?){2}$/);
    expect(timers.listLeft()).toEqual([]);
  });

  it('ends a body without an end', async () => {
    bench.standIn.faults.set({ fault: { kind: 'huge', bytes: Infinity } });
    const response = await bench.send('a');
    await bench.standIn.stop();
    expect(await findFailure(response.text())).toMatch(/^(?:UND_ERR_SOCKET|ECONNRESET)$/);
  });

  it.each(lasting.slice(1))('is not needed to end the timer of $kind once the client has given up', async (fault) => {
    const timers = watchTimers();
    bench.standIn.faults.set({ fault });
    const giveUp = new AbortController();
    const answer = findFailureOfBody(bench.send('a', { signal: giveUp.signal }));
    expect(await Promise.race([answer, settle(2)])).toBe('settled');
    expect(timers.listLeft()).toHaveLength(1);
    giveUp.abort();
    expect(await answer).toBe('AbortError');
    await vi.waitFor(() => expect(timers.listLeft()).toEqual([]));
  });
});

/** So many requests there and back: by then a callback that was sent before has come as far as it does. */
async function settle(rounds: number): Promise<'settled'> {
  for (let round = 0; round < rounds; round += 1) await bench.skill.fetchToken(bench.standIn);
  return 'settled';
}

/** Timers of an hour that are made from now on. */
function watchTimers(): { countMade: () => number; listLeft: () => unknown[] } {
  const made = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')];
  const cleared = [vi.spyOn(globalThis, 'clearTimeout'), vi.spyOn(globalThis, 'clearInterval')];
  onTestFinished(() => [...made, ...cleared].forEach((spy) => spy.mockRestore()));
  const listMade = (): unknown[] =>
    made.flatMap(({ mock }) =>
      mock.results.filter((_, index) => mock.calls[index]?.[1] === hourMs).map(({ value }) => value as unknown),
    );
  return {
    countMade: () => listMade().length,
    listLeft: () =>
      listMade().filter((timer) => !cleared.some(({ mock }) => mock.calls.some(([one]) => one === timer))),
  };
}
