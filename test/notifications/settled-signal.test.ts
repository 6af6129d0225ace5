// Who waits for a notification is told of it whenever it settles, and leaves nothing behind.

import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { SettledSignal } from '../../src/notifications/settled-signal.ts';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.ts';

let signal: SettledSignal;
let fake: FakeClock;
let asleep: (ms: number) => void;
let clock: Clock;
beforeEach(() => {
  signal = new SettledSignal();
  fake = createFakeClock();
  asleep = () => undefined;
  clock = {
    now: fake.now,
    sleep: (ms, until) => {
      const slept = fake.sleep(ms, until);
      asleep(ms);
      return slept;
    },
  };
});

/** Does this when somebody falls asleep for the first time, the second time, and so on. */
function whenAsleep(...steps: readonly (() => void)[]): void {
  const left = [...steps];
  asleep = () => left.shift()?.();
}

/** Gives these answers, the last of them for ever, and counts how often it was asked. */
function answers(...given: readonly boolean[]) {
  const left = [...given];
  return vi.fn(() => Promise.resolve((left.length > 1 ? left.shift() : left[0]) ?? false));
}

const until = (isSettled: () => Promise<boolean>, id = 'n', ms = 1_000): Promise<boolean> =>
  signal.until(id, clock, ms, isSettled);

describe('until', () => {
  it('asks before it sleeps: what has settled already is not waited for', async () => {
    const isSettled = answers(true);
    expect(await until(isSettled)).toBe(true);
    expect(isSettled).toHaveBeenCalledOnce();
  });

  it('asks again each time it is told', async () => {
    whenAsleep(
      () => signal.tell('n'),
      () => signal.tell('n'),
    );
    const isSettled = answers(false, false, true);
    expect(await until(isSettled)).toBe(true);
    expect(isSettled).toHaveBeenCalledTimes(3);
  });

  it('hears what is told between the question and the sleep', async () => {
    let asked = 0;
    const isSettled = (): Promise<boolean> => {
      asked += 1;
      if (asked === 1) signal.tell('n');
      return Promise.resolve(asked === 2);
    };
    expect(await until(isSettled)).toBe(true);
  });

  it('hears nothing of another notification', async () => {
    whenAsleep(() => {
      signal.tell('other');
      fake.advance(999);
      signal.tell('other');
      fake.advance(1);
    });
    const isSettled = answers(false);
    expect(await until(isSettled)).toBe(false);
    expect(isSettled).toHaveBeenCalledTimes(2);
  });

  it('gives the last answer when the time has passed, however often it was told before', async () => {
    const slept: number[] = [];
    asleep = (ms) => {
      slept.push(ms);
      if (slept.length < 3) {
        fake.advance(300);
        signal.tell('n');
      } else fake.advance(400);
    };
    const isSettled = answers(false, false, false, true);
    expect(await until(isSettled)).toBe(true);
    expect(slept).toEqual([1_000, 700, 400]);
  });

  it('does not sleep when there is no time', async () => {
    const isSettled = answers(false);
    expect(await until(isSettled, 'n', 0)).toBe(false);
    expect(isSettled).toHaveBeenCalledOnce();
  });

  it('rejects when the question fails, and leaves nothing behind', async () => {
    await expect(until(() => Promise.reject(new Error('no database')))).rejects.toThrow('no database');
    expect(countKept()).toBe(0);
  });
});

it('each of several who wait is told, and one that has heard enough does not end the others', async () => {
  // The last to fall asleep tells all three.
  whenAsleep(
    () => undefined,
    () => undefined,
    () => signal.tell('n'),
    () => signal.tell('n'),
  );
  const asked = [answers(false, true), answers(false, false, true), answers(false, true)];
  expect(await Promise.all(asked.map((isSettled) => until(isSettled)))).toEqual([true, true, true]);
  expect(asked.map((isSettled) => isSettled.mock.calls.length)).toEqual([2, 3, 2]);
});

describe('close', () => {
  it('lets everybody go with the answer of now', async () => {
    whenAsleep(
      () => undefined,
      () => signal.close(),
    );
    const waiting = [until(answers(false), 'a'), until(answers(false, true), 'b')];
    expect(await Promise.all(waiting)).toEqual([false, true]);
  });

  it('lets go also who comes later, after one question', async () => {
    signal.close();
    const [no, yes] = [answers(false), answers(true)];
    expect([await until(no), await until(yes)]).toEqual([false, true]);
    expect([no, yes].map((isSettled) => isSettled.mock.calls.length)).toEqual([1, 1]);
  });
});

/** Of how many notifications something is kept: closing tells each of them. */
function countKept(): number {
  const tell = vi.spyOn(signal, 'tell');
  onTestFinished(() => tell.mockRestore());
  signal.close();
  return tell.mock.calls.length;
}

describe('after 1,000 waits', () => {
  const thousand = Array.from({ length: 1_000 }, (_, index) => `n${index}`);

  it.each<[string, () => Promise<unknown>]>([
    ['that were told', () => Promise.all(thousand.map((id) => until(answers(false, true), id)))],
    ['for one notification', () => Promise.all(thousand.map(() => until(answers(false, true))))],
    ['whose time has passed', () => Promise.all(thousand.map((id) => until(answers(false), id)))],
    ['that found everything settled', () => Promise.all(thousand.map((id) => until(answers(true), id)))],
  ])('nothing is kept of those %s', async (_, wait) => {
    let sleeping = 0;
    asleep = () => {
      sleeping += 1;
      if (sleeping !== thousand.length) return;
      for (const id of ['n', ...thousand]) signal.tell(id);
      fake.advance(1_000);
    };
    await wait();
    expect(countKept()).toBe(0);
  });

  it('everything is kept while they wait', async () => {
    const waiting = Promise.all(thousand.map((id) => until(answers(false), id)));
    expect(countKept()).toBe(1_000);
    await waiting;
  });
});
