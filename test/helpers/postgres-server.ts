// Starts PostgreSQL before the run and stops it after.

import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.ts';

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, stop } = await startPostgres();
  project.provide('postgresUrl', url);
  return stop;
}
