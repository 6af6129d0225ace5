// What the tests of service URLs share: a sink that must stay dry, and the parts of the service that ask the policy, each
// with a policy of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SkillAdapter } from '../../src/bot/adapter.ts';
import { ParentConnectorFactory } from '../../src/bot/connector.ts';
import { createParentTransport } from '../../src/bot/parent-transport.ts';
import { createUndiciClient } from '../../src/outbound/undici-client.ts';
import { createProcessTurn, type ProcessTurn } from '../../src/bot/process-turn.ts';
import { createPush } from '../../src/bot/push-activity.ts';
import { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import { SkillBot } from '../../src/bot/skill-bot.ts';
import type { SkillServices } from '../../src/bot/skill-turn.ts';
import type { Caller } from '../../src/bot/verify-token.ts';
import type { ServiceUrlPolicy } from '../../src/conversations/service-url-policy.ts';
import { openWait, subscribe } from '../../src/conversations/subscription-store.ts';
import { createLogger } from '../../src/logger.ts';
import { createInbox } from '../../src/notifications/inbox.ts';
import type { SendToParent } from '../../src/notifications/notification.ts';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { createForge } from './forge.ts';
import { keysOf, startTenant } from './gate-bench.ts';

export type Sink = {
  readonly port: number;
  /** What has come so far. */
  readonly seen: { connections: number; bytes: number };
  stop(): Promise<void>;
};

/** Listens on every address of this machine and answers nothing; to each first line it sends `answer`, if given. */
export async function startSink(answer = ''): Promise<Sink> {
  const seen = { connections: 0, bytes: 0 };
  const server = createServer((socket) => {
    seen.connections += 1;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      seen.bytes += chunk.length;
      socket.end(answer);
    });
  });
  server.listen(0);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    stop: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Says yes to every URL, also to one on this machine. */
export const anywhere: ServiceUrlPolicy = () => ({ allowed: 'push', privateAllowed: true });

export type Places = {
  readonly receipt: ServiceUrlPolicy;
  readonly saving: ServiceUrlPolicy;
  readonly sending: ServiceUrlPolicy;
};

export type Service = {
  readonly db: Database;
  /** Who calls, from a token that was checked. */
  readonly caller: Caller;
  readonly processTurn: ProcessTurn;
  readonly push: SendToParent;
  /** Audiences that a token was asked for. */
  readonly tokensAskedFor: readonly string[];
  stop(): Promise<void>;
};

/** The parts of the service that deal with service URLs, over a database file of their own. Nothing is stored yet. */
export async function startService(places: Places): Promise<Service> {
  const clock = createFakeClock();
  const tenant = await startTenant(clock.now);
  const appId = 'aaaaaaaa-0000-4000-8000-00000000000a';
  const parent = 'bbbbbbbb-0000-4000-8000-00000000000b';
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-urls-'));
  const db = await openDatabase({ dataDir });
  const client = createUndiciClient({ connectMs: 1_000 });
  const transport = createParentTransport(client, 1_000);
  const tokensAskedFor: string[] = [];
  const tokens = (audience: string): Promise<string> => {
    tokensAskedFor.push(audience);
    return Promise.resolve('Bearer token-for-the-parent');
  };
  const { tenantId, key } = tenant;
  const allowedCallers = [parent];
  const authentication = new SkillAuthentication({
    rules: { appId, allowedTenants: [tenantId], allowedCallers, cloud: 'public' },
    keys: keysOf(tenant.openIdMetadataUrl, clock.now),
    policy: places.receipt,
    connectors: new ParentConnectorFactory({ policy: places.sending, tokens, transport, allowedCallers }),
    now: clock.now,
  });
  const adapter = new SkillAdapter(authentication);
  const services: SkillServices = {
    db,
    clock,
    logger: createLogger('silent'),
    inbox: createInbox({ db, now: clock.now, onSettled: () => undefined }),
    openWait: (wait) => openWait(db, wait),
    hasten: () => Promise.resolve(),
    countAllowed: () => Promise.resolve(10),
    follow: (conversationId, subject) =>
      subscribe(db, { conversationId, subject, once: false, createdAt: clock.now() }),
    waitInTurnMs: 0,
    waitMaxMinutes: 25,
  };
  const forge = createForge({ key, tenantId, appId, caller: parent, now: clock.now });
  return {
    db,
    caller: await authentication.verifyCaller(`Bearer ${forge.claiming()}`),
    processTurn: createProcessTurn(adapter, new SkillBot(services), services, places.saving),
    push: createPush(adapter),
    tokensAskedFor,
    stop: async () => {
      await client.close();
      await db.destroy();
      await tenant.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
