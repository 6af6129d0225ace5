import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/helpers/summary-reporter.ts';

const globalSetup = ['test/helpers/build.ts'];

export default defineConfig({
  test: {
    environment: 'node',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A process per file: the databases are native code and the SDK keeps state per process. Two at most, so that
    // the timings of a flow test stay the same on a small machine.
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', new SummaryReporter()],
    projects: [
      {
        extends: true,
        test: { name: 'sqlite', include: ['test/**/*.test.ts'], exclude: ['test/postgres/**'], globalSetup },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          // What touches the database, but for what is about the file of SQLite, or about processes.
          include: ['test/flows/*.test.ts', 'test/notifications/*.test.ts', 'test/postgres/*.test.ts'],
          exclude: [
            'test/flows/{canaries,gate,process,settings,stored-data,messages-statuses,rights}.test.ts',
            'test/notifications/{card-links,notify-request,retention-files,unknown-fields}.test.ts',
          ],
          globalSetup: [...globalSetup, 'test/helpers/postgres-server.ts'],
          env: { TEST_ENGINE: 'postgres' },
        },
      },
    ],
  },
});
