import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startVitest } from 'vitest/node';
import { SummaryReporter } from './summary-reporter.ts';

describe('the summary of a run', () => {
  it.each([
    ['a run that passes', ['passing'], '1 passed, 0 failed'],
    ['failed tests, a failed set-up and tests that did not run', ['mixed'], '1 passed, 2 failed, 2 skipped'],
    ['a file that does not load as one failure', ['passing', 'unloadable'], '1 passed, 1 failed'],
    ['an error that no test caught', ['unhandled'], '1 passed, 1 failed'],
    ['a run without any file as failed', ['absent'], '0 passed, 1 failed'],
  ])('counts %s', async (_what, names, line) => {
    expect(await summarize(names)).toEqual([`${line}\n`]);
  });
});

/** Runs the named fixtures in a run of their own and returns all that the reporter wrote. */
async function summarize(names: readonly string[]): Promise<string[]> {
  const written: string[] = [];
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const exitCode = process.exitCode;
  const vitest = await startVitest(
    'test',
    [],
    {
      config: false,
      watch: false,
      root: fileURLToPath(new URL('../fixtures/summary/', import.meta.url)),
      include: names.map((name) => `${name}.fixture.ts`),
      pool: 'threads',
      maxWorkers: 1,
      reporters: [new SummaryReporter((line) => written.push(line))],
    },
    {},
    { stdout: nowhere, stderr: nowhere },
  );
  await vitest.close();
  // The inner run marks the process as failed; only the outer one decides that.
  process.exitCode = exitCode;
  return written;
}
