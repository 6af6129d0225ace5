import { defineConfig } from 'vitest/config';
import config from './vitest.config.ts';

/** `npm run chaos`: the batteries of test/chaos at full length, one at a time, as load and figures would mix. */
export default defineConfig({
  test: { ...config.test, include: ['test/chaos/**/*.test.ts'], env: { CHAOS: 'full' }, fileParallelism: false },
});
