// A gate for parents and channels whose issuer can rotate its keys, and whose settings can be changed under it.

import { randomUUID } from 'node:crypto';
import type { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import { channelAuthorityOf } from '../../src/channels.ts';
import { buildChannelClaims } from '../../standin/channel.ts';
import { createForge, type Forge } from './forge.ts';
import { createGate, keysOf } from './gate-bench.ts';
import { type Issuer, startIssuer } from './issuer.ts';

export const appId = 'aaaaaaaa-0000-4000-8000-00000000000a';
export const agent = 'bbbbbbbb-0000-4000-8000-00000000000b';
export const teamsUrl = 'https://smba.trafficmanager.net/emea/';
const tenantId = 'eeeeeeee-0000-4000-8000-00000000000e';

export type KeptBench = {
  readonly issuer: Issuer;
  readonly gate: SkillAuthentication;
  readonly forge: Forge;
  /** What the gate reads of its settings, to be changed under it. */
  readonly allowedCallers: string[];
  readonly allowedTenants: string[];
  readonly allowedChannels: string[];
  /** A good header; its token lives for an hour. */
  readonly parent: () => string;
  readonly channel: () => string;
};

/** One issuer for both kinds, with a key set of each kind read from it. */
export async function startBench(): Promise<KeptBench> {
  const issuer = await startIssuer();
  const { now, key, url } = issuer;
  const forge = createForge({ key, tenantId, appId, caller: agent, now });
  const lists = { allowedCallers: [agent], allowedTenants: [tenantId], allowedChannels: ['msteams'] };
  const channels = {
    issuer: channelAuthorityOf('public'),
    allowedChannels: lists.allowedChannels,
    keys: keysOf(url, now),
  };
  return {
    issuer,
    forge,
    ...lists,
    gate: createGate({ appId, cloud: 'public', ...lists, channels }, keysOf(url, now), now),
    parent: () => `Bearer ${forge.claiming(lifeOfAnHour(now))}`,
    channel: () => {
      const claims = {
        ...buildChannelClaims(appId, teamsUrl, now()),
        uti: randomUUID(),
      };
      return `Bearer ${forge.seal(forge.header(), { ...claims, ...lifeOfAnHour(now) })}`;
    },
  };
}

function lifeOfAnHour(now: () => number): { nbf: number; exp: number } {
  const seconds = Math.floor(now() / 1_000);
  return { nbf: seconds, exp: seconds + 3_600 };
}
