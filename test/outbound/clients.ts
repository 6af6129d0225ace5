// Both ways to make HTTP requests: what is true of one must be of the other.

import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { findPackageRoot } from '../../standin/package-root.ts';
import type { HttpClient } from '../../src/outbound/http-client.ts';
import { startHttpThread } from '../../src/outbound/threaded-client.ts';
import { createUndiciClient } from '../../src/outbound/undici-client.ts';

/** The built thread: Node 20 runs no TypeScript. */
export const threadFile = pathToFileURL(join(findPackageRoot(), 'dist/src/outbound/http-thread.js'));

const connectMs = 500;

/** The thread as it is built. Whatever makes it fail fails the test. */
export function startTestThread(): HttpClient {
  return startHttpThread({
    connectMs,
    file: threadFile,
    onFailure: (error) => {
      throw error;
    },
  });
}

export const clients: readonly (readonly [where: string, start: () => HttpClient])[] = [
  ['in the same thread', () => createUndiciClient({ connectMs })],
  ['in a thread of their own', startTestThread],
];
