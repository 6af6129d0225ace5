// An issuer of which everything can break: its metadata document, its key set, its keys. Fetches are counted.

import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import { createSigningKey, describePublicKey, type SigningKey } from '../../standin/tokens.ts';
import { createForge, type Forge } from './forge.ts';
import { createGate, keysOf } from './gate-bench.ts';

export const hour = 3_600_000;
const appId = 'aaaaaaaa-0000-4000-8000-00000000000a';
const caller = 'bbbbbbbb-0000-4000-8000-00000000000b';
const tenantId = 'eeeeeeee-0000-4000-8000-00000000000e';

/** One for all: making a key takes longer than any test of it. */
const key = await createSigningKey();

type Document = 'metadata' | 'keys';
export type BadAnswer = (res: ServerResponse) => void;

export type Issuer = {
  readonly url: string;
  /** How often each document was asked for. */
  readonly fetches: Readonly<Record<Document, number>>;
  readonly gate: SkillAuthentication;
  /** The Authorization header of a good token, signed with this key (default the first). */
  bearer(key?: SigningKey): string;
  /** A good token under this key id. */
  bearerUnder(kid: string): string;
  readonly key: SigningKey;
  /** Publishes these keys, and further JWKs as they are, in place of what was there. */
  publish(keys: readonly SigningKey[], others?: readonly unknown[]): Promise<void>;
  break(document: Document, answer: BadAnswer): void;
  mend(): void;
  advance(ms: number): void;
  readonly now: () => number;
  /** Nobody listens any more. */
  stop(): Promise<void>;
};

/** Starts an issuer that publishes one key, and a gate that trusts it. Both are gone after the test. */
export async function startIssuer(): Promise<Issuer> {
  const fetches = { metadata: 0, keys: 0 };
  const broken = new Map<Document, BadAnswer>();
  let published: unknown[] = [];
  let time = 1_800_000_000_000;
  const now = (): number => time;
  const server = createServer((req, res) => {
    const document = req.url === '/keys' ? 'keys' : 'metadata';
    fetches[document] += 1;
    const bad = broken.get(document);
    if (bad) bad(res);
    else if (document === 'keys') res.end(JSON.stringify({ keys: published }));
    else res.end(JSON.stringify({ jwks_uri: `http://${req.headers.host}/keys` }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  onTestFinished(stop);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metadata`;
  const publish: Issuer['publish'] = async (keys, others = []) => {
    published = [...(await Promise.all(keys.map(describePublicKey))), ...others];
  };
  await publish([key]);
  const forgeOf = (by: SigningKey): Forge => createForge({ key: by, tenantId, appId, caller, now });
  const rules = { appId, allowedTenants: [tenantId], allowedCallers: [caller], cloud: 'public' } as const;
  return {
    url,
    fetches,
    key,
    publish,
    now,
    stop,
    gate: createGate(rules, keysOf(url, now), now),
    bearer: (by = key) => `Bearer ${forgeOf(by).claiming()}`,
    bearerUnder: (kid) => `Bearer ${forgeOf(key).heading({ kid })}`,
    break: (document, answer) => void broken.set(document, answer),
    mend: () => broken.clear(),
    advance: (ms) => {
      time += ms;
    },
  };
}
