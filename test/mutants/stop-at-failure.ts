// Runs before each test file of a mutant: what comes after the first failure says nothing more.

import { afterEach, type RunnerTask } from 'vitest';

afterEach(({ task }) => {
  if (task.result?.state === 'fail') skipRest(task.file);
});

/** Vitest looks at the mode of a test when its turn comes. */
function skipRest(task: RunnerTask): void {
  if (task.result === undefined) task.mode = 'skip';
  if ('tasks' in task) for (const child of task.tasks) skipRest(child);
}
