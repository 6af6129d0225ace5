import { defineConfig } from 'vitest/config';
import config from './vitest.config.ts';

const { projects: _, ...shared } = config.test ?? {};

/** `npm run chaos`: the batteries at full length, one at a time, as load and figures would mix. */
export default defineConfig({
  test: {
    ...shared,
    include: ['test/chaos/**/*.test.ts', 'test/postgres/chaos-*.test.ts'],
    globalSetup: ['test/helpers/build.ts', 'test/helpers/postgres-server.ts'],
    env: { CHAOS: 'full' },
    fileParallelism: false,
  },
});
