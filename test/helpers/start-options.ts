// What `npm start` and the image give Node (test/rules/dockerfile.test.ts holds that they are the same).

import { createRequire } from 'node:module';

const { scripts } = createRequire(import.meta.url)('#package') as { scripts: { start: string } };

export const startOptions: readonly string[] = scripts.start.split(' ').slice(1, -1);
