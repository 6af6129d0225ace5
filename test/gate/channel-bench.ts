// The gate with both of its key sets: the tenant's, and one of the channels whose keys have endorsements of every kind.

import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { ConnectorFactory } from 'botframework-connector';
import type { SigningKeys } from '../../src/bot/signing-keys.ts';
import { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import { channelAuthorityOf } from '../../src/channels.ts';
import type { ServiceUrlRule } from '../../src/config.ts';
import { createServiceUrlPolicy } from '../../src/conversations/service-url-policy.ts';
import { AppError } from '../../src/errors.ts';
import { buildChannelClaims } from '../../standin/channel.ts';
import { createSigningKey, describePublicKey } from '../../standin/tokens.ts';
import { createForge, type Forge } from './forge.ts';
import { keysOf, startTenant } from './gate-bench.ts';

export const appId = 'aaaaaaaa-0000-4000-8000-00000000000a';
export const agent = 'bbbbbbbb-0000-4000-8000-00000000000b';
export const teamsUrl = 'https://smba.trafficmanager.net/emea/';

export type Settings = {
  readonly allowedChannels: readonly string[];
  readonly cloud?: 'public' | 'usgov';
  readonly serviceUrlRules?: readonly ServiceUrlRule[];
};

export type Fields = Record<string, unknown>;

export type ChannelBench = {
  readonly tenantId: string;
  /** Forges with the key of the channels, and with the tenant's. */
  readonly channel: Forge;
  readonly tenant: Forge;
  /** The key set of the channels. */
  readonly keys: SigningKeys;
  /** How often the channels' metadata or key set was asked for. */
  readonly fetches: () => number;
  /** A good token of a channel but for these claims and this header; a claim set to undefined is left out. */
  readonly token: (claims?: Fields, header?: Fields) => string;
  /** A gate with these settings and an empty cache of keys. */
  readonly gate: (settings: Settings) => SkillAuthentication;
  stop(): Promise<void>;
};

/** Endorsements by key id. All are the same key: making one takes longer than all the tests of it. */
export const endorsementsOf: Readonly<Record<string, unknown>> = {
  all: ['msteams', 'webchat', 'directline'],
  'only-webchat': ['webchat'],
  none: [],
  absent: undefined,
  'a-text': 'msteams',
  'of-numbers': [1],
  'other-case': ['MsTeams'],
  longer: ['msteams2', ' msteams'],
};

export async function startChannelBench(now: () => number): Promise<ChannelBench> {
  const entra = await startTenant(now);
  const key = { ...(await createSigningKey()), kid: 'all' };
  const jwk = await describePublicKey(key);
  const keys = Object.entries(endorsementsOf).map(([kid, endorsements]) => ({ ...jwk, kid, endorsements }));
  let fetched = 0;
  const server = createServer((req, res) => {
    fetched += 1;
    res.end(JSON.stringify(req.url === '/keys' ? { keys } : { jwks_uri: `http://${req.headers.host}/keys` }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metadata`;
  const forgeOf = (by: typeof key): Forge =>
    createForge({ key: by, tenantId: entra.tenantId, appId, caller: agent, now });
  const channel = forgeOf(key);
  return {
    tenantId: entra.tenantId,
    channel,
    tenant: forgeOf(entra.key),
    keys: keysOf(url, now),
    fetches: () => fetched,
    token: (claims = {}, header = {}) =>
      channel.seal(channel.header(header), { ...buildChannelClaims(appId, teamsUrl, now()), ...claims }),
    gate: ({ allowedChannels, cloud = 'public', serviceUrlRules = [] }) => {
      const channels = { issuer: channelAuthorityOf(cloud), allowedChannels, keys: keysOf(url, now) };
      const rules = { appId, allowedTenants: [entra.tenantId], allowedCallers: [agent], cloud };
      return new SkillAuthentication({
        rules: allowedChannels.length === 0 ? rules : { ...rules, channels },
        keys: keysOf(entra.openIdMetadataUrl, now),
        policy: createServiceUrlPolicy(cloud, serviceUrlRules),
        connectors: new NoConnectors(),
        now,
      });
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await entra.stop();
    },
  };
}

/** What becomes of a call: as POST /api/messages decides, the token first and then the activity. */
export async function decide(gate: SkillAuthentication, token: string, activity: Fields): Promise<string> {
  try {
    const caller = await gate.verifyCaller(`Bearer ${token}`);
    const { audience } = gate.admit(caller, activity);
    return caller.kind === 'channel' && audience === caller.appId ? 'channel' : caller.kind;
  } catch (error) {
    if (error instanceof AppError) return `${error.status} ${error.code}`;
    throw error;
  }
}

class NoConnectors extends ConnectorFactory {
  override create(): Promise<never> {
    return Promise.reject(new Error('the gate has no business with a channel'));
  }
}
