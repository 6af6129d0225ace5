// Turns a run over: a mutant is good news where its tests fail. Prints a line for each mutant when it is judged, what is
// not as it must be, and the counts.

import type { Reporter, TestModule, TestRunEndReason, TestSpecification, TestSuite } from 'vitest/node';
import { type Mutant, projectOf, unmutated } from './mutant.ts';
import { judge, type Outcome, type Verdict } from './verdict.ts';

type Judged = { readonly mutant: Mutant; readonly verdict: Verdict; readonly seconds: number };

/** Beyond this a test hangs in a way that its own time limit does not end. */
const longestRunMs = 30 * 60_000;

export class VerdictReporter implements Reporter {
  readonly #mutants: ReadonlyMap<string, Mutant>;
  readonly #applied: ReadonlySet<string>;
  readonly #open = new Map<string, number>();
  readonly #modules = new Map<string, TestModule[]>();
  readonly #judged: Judged[] = [];
  #startedAt = 0;
  #isGood = false;

  /** `applied` has the projects whose mutant was put into its file. */
  constructor(mutants: readonly Mutant[], applied: ReadonlySet<string>) {
    this.#mutants = new Map(mutants.map((mutant) => [projectOf(mutant), mutant]));
    this.#applied = applied;
  }

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#startedAt = performance.now();
    for (const { project } of specifications) this.#open.set(project.name, (this.#open.get(project.name) ?? 0) + 1);
    // Vitest itself would call the run failed, as nearly all of its tests have.
    process.once('exit', () => {
      process.exitCode = this.#isGood ? 0 : 1;
    });
    setTimeout(() => {
      console.log(`not ended after ${longestRunMs / 60_000} min: ${[...this.#open.keys()].join(', ')}`);
      process.exit();
    }, longestRunMs).unref();
  }

  onTestModuleEnd(module: TestModule): void {
    const { name } = module.project;
    const modules = [...(this.#modules.get(name) ?? []), module];
    this.#modules.set(name, modules);
    const open = (this.#open.get(name) ?? 0) - 1;
    this.#open.set(name, open);
    if (open > 0) return;
    this.#open.delete(name);
    const mutant = this.#mutants.get(name);
    if (mutant) this.#judge(mutant, modules);
    else console.log(`${unmutated}: ${describeFailures(this.#outcomeOf(name, modules)) || 'every test passed'}`);
  }

  onTestRunEnd(_modules: unknown, errors: readonly unknown[], _reason: TestRunEndReason): void {
    const judged = this.#judged;
    const wrong = judged.filter(({ mutant, verdict }) => verdict !== expectedOf(mutant));
    const baseline = this.#modules.get(unmutated);
    const isBaselineGood = baseline ? describeFailures(this.#outcomeOf(unmutated, baseline)) === '' : false;
    for (const { mutant, verdict } of wrong) {
      console.log(
        `\n${verdict}, must be ${expectedOf(mutant)}: ${projectOf(mutant)}\n  ${mutant.file}: ${mutant.find}`,
      );
    }
    for (const error of errors) console.log('outside of any test:', error);
    console.log(`\n${formatCounts(judged)}`);
    for (const area of new Set(judged.map(({ mutant }) => mutant.area))) {
      console.log(`  ${area}: ${formatCounts(judged.filter(({ mutant }) => mutant.area === area))}`);
    }
    if (!baseline) console.log(`The tests were not run without a mutant: that takes --project ${unmutated} as well.`);
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    console.log(`${judged.length} mutants in ${seconds.toFixed(0)} s, ${wrong.length} not as they must be`);
    this.#isGood = judged.length > 0 && wrong.length === 0 && this.#open.size === 0 && isBaselineGood;
  }

  #judge(mutant: Mutant, modules: readonly TestModule[]): void {
    const outcome = this.#outcomeOf(projectOf(mutant), modules);
    const verdict = judge(outcome);
    const seconds = sum(modules.map(secondsOf));
    this.#judged.push({ mutant, verdict, seconds });
    const by = verdict === 'killed' ? ` | by: ${outcome.failed[0]}` : '';
    console.log(`${verdict.padEnd(9)} ${seconds.toFixed(1).padStart(5)} s  ${projectOf(mutant)}${by}`);
  }

  #outcomeOf(project: string, modules: readonly TestModule[]): Outcome {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const inState = (state: string) => tests.filter((test) => test.result().state === state);
    return {
      isApplied: this.#applied.has(project),
      passed: inState('passed').length,
      failed: inState('failed').map((test) => test.fullName),
      broken: sum(modules.map(countBrokenParts)),
      unfinished: inState('pending').length,
    };
  }
}

function expectedOf({ equivalent }: Mutant): Verdict {
  return equivalent === undefined ? 'killed' : 'survived';
}

function describeFailures({ failed, broken, unfinished, passed }: Outcome): string {
  const faults = [...failed, ...(broken > 0 ? [`${broken} files or groups are broken`] : [])];
  if (unfinished > 0) faults.push(`${unfinished} tests did not end`);
  if (passed === 0) faults.push('no test ran');
  return faults.join('\n  ');
}

/** Files that did not load, and groups whose own set-up or clean-up failed. */
function countBrokenParts(module: TestModule): number {
  const suites: TestSuite[] = [...module.children.allSuites()];
  return module.errors().length + suites.filter((suite) => suite.errors().length > 0).length;
}

function secondsOf(module: TestModule): number {
  const { prepareDuration, environmentSetupDuration, collectDuration, setupDuration, duration } = module.diagnostic();
  return (prepareDuration + environmentSetupDuration + collectDuration + setupDuration + duration) / 1_000;
}

function formatCounts(judged: readonly Judged[]): string {
  const real = judged.filter(({ mutant }) => mutant.equivalent === undefined);
  const count = (verdict: Verdict, among = real) => among.filter((one) => one.verdict === verdict).length;
  const others = (['survived', 'broken', 'not applied'] as const).map((verdict) => `${count(verdict)} ${verdict}`);
  const equivalent = judged.filter((one) => !real.includes(one));
  return (
    `${count('killed')} of ${real.length} killed, ${others.join(', ')}; ` +
    `${count('survived', equivalent)} of ${equivalent.length} equivalent ones survived`
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
