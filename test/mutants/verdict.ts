// What a run of a mutant's tests says about them.

/** A mutant's tests, over all of its test files. */
export type Outcome = {
  /** The mutant was put into its file. */
  readonly isApplied: boolean;
  readonly passed: number;
  /** Names of the tests that failed. */
  readonly failed: readonly string[];
  /** Files or groups that failed outside of any test, such as at an import. */
  readonly broken: number;
  /** Test files that were begun and did not end, or never began. */
  readonly unfinished: number;
};

export type Verdict = 'killed' | 'survived' | 'broken' | 'not applied';

/**
 * `killed` by a test that failed, and by nothing else: a mutant that cannot be loaded shows nothing about the tests. A
 * run in which no test ran has not been survived.
 */
export function judge({ isApplied, passed, failed, broken, unfinished }: Outcome): Verdict {
  if (!isApplied) return 'not applied';
  if (failed.length > 0) return 'killed';
  return broken > 0 || unfinished > 0 || passed === 0 ? 'broken' : 'survived';
}
