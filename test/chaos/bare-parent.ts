// A parent that only checks the token and notes what it takes: for more conversations than the stand-in should hold.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { StandIn } from '../../standin/types.ts';

export type BareParent = {
  /** Ends with a slash. */
  readonly serviceUrl: string;
  /** How often each conversation was sent something. */
  readonly taken: ReadonlyMap<string, number>;
  stop(): Promise<void>;
};

/** Starts it for the agent of this stand-in: tokens must be the tenant's, for the agent. */
export async function startBareParent(standIn: StandIn): Promise<BareParent> {
  const metadata = (await (await fetch(standIn.openIdMetadataUrl)).json()) as { jwks_uri: string };
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
  const good = new Set<string>();
  const isGood = async (authorization: string): Promise<boolean> => {
    if (good.has(authorization)) return true;
    const token = authorization.replace(/^Bearer /, '');
    const verified = await jwtVerify(token, keys, { audience: standIn.agent.appId }).catch(() => undefined);
    if (verified) good.add(authorization);
    return verified !== undefined;
  };

  const taken = new Map<string, number>();
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      await text(request);
      const id = /^\/v3\/conversations\/([^/]+)\/activities$/.exec(request.url ?? '')?.[1];
      if (id === undefined || !(await isGood(request.headers.authorization ?? ''))) {
        // Not writeHead(…).end(): restify replaces writeHead for the whole process, and its own returns nothing.
        response.statusCode = id === undefined ? 404 : 401;
        response.end();
        return;
      }
      const name = decodeURIComponent(id);
      taken.set(name, (taken.get(name) ?? 0) + 1);
      response.end();
    };
    void answer();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    serviceUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    taken,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
