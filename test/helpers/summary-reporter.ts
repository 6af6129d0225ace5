// Prints the whole run as one plain line, `N passed, N failed`, after everything else, so that a script or a log reader
// needs no knowledge of the test runner. It never says 0 failed about a run that failed.
import type { Reporter, TestModule, TestRunEndReason, TestSuite } from 'vitest/node';

type Totals = { readonly passed: number; readonly failed: number; readonly skipped: number };

type RunEnd = Parameters<NonNullable<Reporter['onTestRunEnd']>>;

/** The reporter to list last in vitest.config.ts. `write` gets one line with its line feed. */
export class SummaryReporter implements Reporter {
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void = (line) => void process.stdout.write(line)) {
    this.#write = write;
  }

  onTestRunEnd(...[modules, unhandledErrors, reason]: RunEnd): void {
    this.#write(`${formatTotals(countTotals(modules, unhandledErrors.length, reason))}\n`);
  }
}

function formatTotals({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function countTotals(modules: readonly TestModule[], unhandledErrors: number, reason: TestRunEndReason): Totals {
  let passed = 0;
  let failed = unhandledErrors;
  let skipped = 0;
  for (const module of modules) {
    failed += countBrokenParts(module);
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed += 1;
      else if (state === 'skipped') skipped += 1;
      // A test still pending when the run is over was lost with its process.
      else failed += 1;
    }
  }
  // No file found, or the run was interrupted: nothing above shows it.
  if (reason !== 'passed' && failed === 0) failed = 1;
  return { passed, failed, skipped };
}

/** Files that did not load or start, and groups whose own set-up or clean-up failed. */
function countBrokenParts(module: TestModule): number {
  const neverCollected = module.state() === 'queued' || (module.state() === 'pending' && module.children.size === 0);
  const suites: TestSuite[] = [...module.children.allSuites()];
  const brokenSuites = suites.filter((suite) => suite.errors().length > 0).length;
  return brokenSuites + (neverCollected || module.errors().length > 0 ? 1 : 0);
}
