import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import config from './vitest.config.ts';
import { applyMutant, type Mutant, projectOf, unmutated } from './test/mutants/mutant.ts';
import { mutants } from './test/mutants/mutants.ts';
import { VerdictReporter } from './test/mutants/verdict-reporter.ts';

const root = fileURLToPath(new URL('.', import.meta.url));
/** The projects whose mutant was really put into its file. */
const applied = new Set<string>();

/** The tests of one mutant. It is put in while the file is loaded: the file itself is never changed. */
function mutate(mutant: Mutant): TestProjectInlineConfiguration {
  const project = projectOf(mutant);
  return {
    plugins: [
      {
        name: 'mutant',
        enforce: 'pre',
        transform: (code, id) => {
          if (id !== `${root}${mutant.file}`) return undefined;
          applied.add(project);
          return applyMutant(mutant, code);
        },
      },
    ],
    test: { ...shared, name: project, include: [...mutant.tests], setupFiles: ['test/mutants/stop-at-failure.ts'] },
  };
}

const { environment, testTimeout, hookTimeout, pool, maxWorkers } = config.test ?? {};
const shared = { environment, testTimeout, hookTimeout };
const testFiles = [...new Set(mutants.flatMap(({ tests }) => tests))];

/** `npm run mutants`: the tests of each mutant, in one run; and once all of them without any. */
export default defineConfig({
  test: {
    pool,
    maxWorkers,
    projects: [{ test: { ...shared, name: unmutated, include: testFiles } }, ...mutants.map(mutate)],
    reporters: [new VerdictReporter(mutants, applied)],
  },
});
