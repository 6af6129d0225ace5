// What stands in front of a service: passes everything on, save for what a test lets it answer in the service's place.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import type { Certificate } from '../helpers/certificate.ts';

/** True when it has answered itself. */
export type Interception = (req: IncomingMessage, res: ServerResponse) => boolean;

export type Front = {
  readonly url: string;
  /** From now on; undefined: everything is passed on. */
  intercept(by: Interception | undefined): void;
};

type FrontOptions = {
  /** It then speaks TLS, and its name is localhost. */
  readonly certificate?: Certificate;
  /** Given what stops it; by default that is the end of the test. */
  readonly atEnd?: (stop: () => void) => void;
};

/** Passes on to this address. */
export async function startFront(backend: string, options: FrontOptions = {}): Promise<Front> {
  const { certificate, atEnd = onTestFinished } = options;
  let interception: Interception | undefined;
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    if (interception?.(req, res)) return;
    void pass(backend, req, res);
  };
  const server = certificate ? createTlsServer(certificate, handle) : createServer(handle);
  server.on('tlsClientError', () => undefined);
  server.listen(await findFreePort(), '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: certificate ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    intercept: (by) => {
      interception = by;
    },
  };
}

/** Answers requests to this path in place of the service. */
export function at(path: string, answer: (res: ServerResponse) => void): Interception {
  return ({ url = '' }, res) => {
    if (!url.startsWith(path)) return false;
    answer(res);
    return true;
  };
}

async function pass(backend: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const body = await buffer(req);
  const headers: Record<string, string> = {};
  for (const name of ['authorization', 'content-type', 'x-api-key']) {
    const value = req.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  const answer = await fetch(`${backend}${req.url ?? '/'}`, {
    method: req.method ?? 'GET',
    headers,
    redirect: 'manual',
    ...(body.length > 0 && { body }),
  });
  res.statusCode = answer.status;
  for (const name of ['content-type', 'www-authenticate']) {
    const value = answer.headers.get(name);
    if (value !== null) res.setHeader(name, value);
  }
  res.end(Buffer.from(await answer.arrayBuffer()));
}
