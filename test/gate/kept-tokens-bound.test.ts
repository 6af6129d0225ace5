// How many verified tokens are kept, and for how long.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { CryptoKey } from 'jose';
import { describe, expect, it } from 'vitest';
import { createKeptTokens, mostKeptTokens } from '../../src/bot/kept-tokens.ts';
import { verdictOf } from './gate-bench.ts';
import { startBench } from './kept-bench.ts';

it.each([
  [-1, false],
  [0, true],
  [3_599_999, true],
  [3_600_000, false],
])('what is kept of an hour is found %i ms after it began: %s', (ms, isFound) => {
  const kept = createKeptTokens<string>();
  kept.keep('h', { caller: 'c', kid: 'k', key: {} as CryptoKey, nbf: 1_000, exp: 4_600 });
  expect(kept.find('h', 1_000_000 + ms) !== undefined).toBe(isFound);
});

describe('how many are kept', () => {
  it(`is ${mostKeptTokens}: of those the ones used last`, async () => {
    const { gate, parent } = await startBench();
    const [used, unused] = [parent(), parent()];
    const before = { used: await gate.verifyCaller(used), unused: await gate.verifyCaller(unused) };
    // As many headers from fewer tokens: to sign one takes longer than all the rest.
    const schemes = Array.from({ length: 64 }, (_, bits) =>
      Array.from('bearer', (letter, at) => ((bits >> at) & 1 ? letter.toUpperCase() : letter)).join(''),
    );
    const tokens = Array.from({ length: Math.ceil((mostKeptTokens + 100) / 64) }, () => parent().slice(7));
    for (const token of tokens) {
      for (const scheme of schemes) expect(await verdictOf(gate, `${scheme} ${token}`)).toBe('accepted');
      expect(await gate.verifyCaller(used)).toBe(before.used);
    }
    const again = await gate.verifyCaller(unused);
    expect(again).not.toBe(before.unused);
    expect(again).toEqual(before.unused);
  });

  it('does not grow with 100,000 distinct good ones', () => {
    const kept = createKeptTokens<string>();
    const keep = (index: number): void =>
      kept.keep(header(index), { caller: 'c', kid: 'k', key: {} as CryptoKey, nbf: 0, exp: 1e9 });
    for (let index = 0; index < 2 * mostKeptTokens; index += 1) keep(index);
    const before = heapMb();
    for (let index = 0; index < 100_000; index += 1) keep(index);
    const growth = heapMb() - before;
    console.log(`kept tokens: 100000 distinct ones of 1.5 KB, heap ${growth.toFixed(1)} MB larger`);
    expect(growth).toBeLessThan(5);
    const found = Array.from({ length: 100_000 }, (_, index) => kept.find(header(index), 1)).filter(Boolean);
    expect(found).toHaveLength(mostKeptTokens);
  });
});

function heapMb(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed / 1_048_576;
}

const header = (index: number): string => `Bearer ${String(index).padStart(1_500, 'x')}`;
