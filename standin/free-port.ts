// A port for a server whose own address must be known before it listens.

import { once } from 'node:events';
import { createServer } from 'node:net';

// Below every system's range for outgoing connections (Linux 32768, macOS and Windows 49152): a port from listen(0)
// was given to another connection's client side between its release and its use, and the use failed with EADDRINUSE.
const first = 10_000;
const last = 32_000;
// Each process begins at another place, so that two of them do not meet.
let next = first + ((process.pid * 97) % (last - first));

/** A port nobody listens on. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    // Its own: while it is tried, others go on to the next one.
    const port = next >= last ? first : next + 1;
    next = port;
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    const listening = once(server, 'listening');
    server.listen(port, '127.0.0.1');
    await listening;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
