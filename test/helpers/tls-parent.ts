// A parent that speaks TLS on this machine and takes everything. What comes is counted.

import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Certificate } from './certificate.ts';

export type TlsParent = {
  readonly origin: string;
  /** The Authorization headers of all requests. */
  readonly tokens: string[];
};

/** Gone after the test. Its origin names localhost. */
export async function startTlsParent(certificate: Certificate): Promise<TlsParent> {
  const tokens: string[] = [];
  const server = createServer(certificate, (req, res) => {
    tokens.push(req.headers.authorization ?? '');
    req.resume();
    req.on('end', () => res.end());
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0);
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `https://localhost:${(server.address() as AddressInfo).port}`, tokens };
}
