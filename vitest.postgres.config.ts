import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** What touches the database runs on PostgreSQL as well. */
export default mergeConfig(
  base,
  defineConfig({
    test: {
      exclude: [
        'test/{gate,webhooks,http,bot,rules,standin,cli,interop,chaos,manifest,mutants,storage,conversations}/**',
        'test/*.test.ts',
        '**/node_modules/**',
      ],
      include: ['test/flows/**/*.test.ts', 'test/notifications/**/*.test.ts'],
      globalSetup: ['test/helpers/postgres-server.ts'],
      env: { TEST_ENGINE: 'postgres' },
    },
  }),
);
