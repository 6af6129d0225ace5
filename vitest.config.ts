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
          // What hangs on the database: the engine, and stories through the whole service.
          include: [
            'test/notifications/*.test.ts',
            'test/conversations/saving.test.ts',
            'test/flows/{chat-until-notified,erase-turns,idempotency-keys,idempotency-life,idempotency-races}.test.ts',
            'test/flows/{interruptions,keys,notify,operate,people,people-rights,turns,webhooks}.test.ts',
            'test/postgres/*.test.ts',
          ],
          exclude: [
            'test/notifications/{card-links,notify-request,unknown-fields}.test.ts',
            // About the file of SQLite.
            'test/notifications/retention-files.test.ts',
          ],
          globalSetup: [...globalSetup, 'test/helpers/postgres-server.ts'],
          env: { TEST_ENGINE: 'postgres' },
        },
      },
    ],
  },
});
