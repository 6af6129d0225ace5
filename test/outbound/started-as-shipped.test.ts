// What holds only for a process that was started as users start it: its options, and what its main thread has loaded.

import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findPackageRoot } from '../../standin/package-root.ts';
import { startOptions } from '../helpers/start-options.ts';

const built = (path: string): string => JSON.stringify(pathToFileURL(join(findPackageRoot(), 'dist/src', path)).href);

/** What the code prints, as JSON. */
function runAsShipped(code: string): unknown {
  const options = [...startOptions, '--input-type=module', '--eval', code];
  return JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' }));
}

it('the heap of the thread has its own bound, and that of the service keeps the one it was started with', () => {
  const thread =
    "import v8 from 'node:v8'; import { parentPort } from 'node:worker_threads'; " +
    'parentPort.postMessage([{ id: 1, answer: v8.getHeapStatistics().heap_size_limit }]);';
  const limits = runAsShipped(`
    import v8 from 'node:v8';
    import { startHttpThread } from ${built('outbound/threaded-client.js')};
    const limit = () => v8.getHeapStatistics().heap_size_limit;
    const before = limit();
    const file = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(thread)}));
    const client = startHttpThread({ file, onFailure: () => {} });
    const own = await client.request({});
    console.log(JSON.stringify({ own, before, after: limit() }));`);
  const { own, before, after } = limits as { own: number; before: number; after: number };
  const mb = 1024 * 1024;
  expect(own).toBeLessThan(110 * mb);
  expect(before).toBeGreaterThan(140 * mb);
  expect(after).toBe(before);
});

it('the main thread does not load the client: it would take the memory twice', () => {
  const loaded = runAsShipped(`
    import { createRequire } from 'node:module';
    await import(${built('app.js')});
    await import(${built('outbound/threaded-client.js')});
    console.log(JSON.stringify(Object.keys(createRequire(import.meta.url).cache)));`) as string[];
  expect(loaded.some((path) => path.includes('node_modules/restify/'))).toBe(true);
  expect(loaded.filter((path) => path.includes('node_modules/undici/'))).toEqual([]);
});
