// The table of mutants, without running them: `npm run mutants` does that.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { applyMutant, type Mutant, projectOf } from './mutant.ts';
import { mutants } from './mutants.ts';
import { judge, type Outcome } from './verdict.ts';

const root = new URL('../../', import.meta.url);
const fewestMutants = 400;

describe('the table of mutants', () => {
  it('has each text exactly once in its file, and changes it', () => {
    const faults = mutants.flatMap((mutant) => {
      try {
        const source = readFileSync(new URL(mutant.file, root), 'utf8');
        return applyMutant(mutant, source) === source ? [`${projectOf(mutant)}: changes nothing`] : [];
      } catch (error) {
        return [`${projectOf(mutant)}: ${String(error)}`];
      }
    });
    expect(faults).toEqual([]);
  });

  it('names test files that are there', () => {
    const files = new Set(mutants.flatMap(({ tests }) => tests));
    expect([...files].filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
    expect(mutants.filter(({ tests }) => tests.length === 0)).toEqual([]);
  });

  it('has no name twice, and no mutant too few', () => {
    const names = mutants.map(projectOf);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(names.length).toBeGreaterThanOrEqual(fewestMutants);
  });
});

describe('a mutant', () => {
  const mutant: Mutant = { area: 'a', name: 'n', file: 'f.ts', find: 'x > 1', replace: 'false', tests: ['t.ts'] };

  it('takes the place of its text', () => {
    expect(applyMutant(mutant, 'if (x > 1) throw e;')).toBe('if (false) throw e;');
    expect(applyMutant({ ...mutant, replace: '$&' }, 'x > 1')).toBe('$&');
  });

  it.each(['', 'if (x > 2) throw e;', 'x > 1 || x > 1'])(
    'is refused where its text is not there once: %j',
    (source) => {
      expect(() => applyMutant(mutant, source)).toThrow(/mutant "n": its text is in f\.ts [02] times instead of once/);
    },
  );
});

describe('the verdict on a mutant', () => {
  const clean: Outcome = { isApplied: true, passed: 3, failed: [], broken: 0, unfinished: 0 };
  it.each<[string, Partial<Outcome>, string]>([
    ['a test fails', { failed: ['t'] }, 'killed'],
    ['a test fails and others do not end', { failed: ['t'], unfinished: 2 }, 'killed'],
    ['every test passes', {}, 'survived'],
    ['a file does not load', { passed: 0, broken: 1 }, 'broken'],
    ['a file of two does not load', { broken: 1 }, 'broken'],
    ['no test ran', { passed: 0 }, 'broken'],
    ['the process is gone', { unfinished: 1 }, 'broken'],
    ['it was not put in', { isApplied: false, failed: ['t'] }, 'not applied'],
  ])('%s', (_, change, verdict) => {
    expect(judge({ ...clean, ...change })).toBe(verdict);
  });
});
