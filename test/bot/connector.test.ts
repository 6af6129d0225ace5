// The last gate before a token leaves: whose token may go to whose host. Real connector clients; the transport and the
// token source note what they are asked for.

import { describe, expect, it } from 'vitest';
import { ParentConnectorFactory } from '../../src/bot/connector.ts';
import type { ParentTransport } from '../../src/bot/parent-transport.ts';
import { channelAuthorityOf } from '../../src/channels.ts';
import type { ServiceUrlRule } from '../../src/config.ts';
import { createServiceUrlPolicy } from '../../src/conversations/service-url-policy.ts';

const parent = 'bbbbbbbb-0000-4000-8000-00000000000b';
const stranger = 'dddddddd-0000-4000-8000-00000000000d';
const connector = 'https://api.botframework.com';
const govConnector = 'https://api.botframework.us';

const teams = 'https://smba.trafficmanager.net/emea/';
const webChat = 'https://webchat.botframework.com/';
const govTeams = 'https://smba.infra.gov.teams.microsoft.us/teams/';
const copilotStudio = 'https://pvaruntime.us-il102.gateway.prod.island.powerapps.com/api/';
const ownParent = 'https://parent.example.com/api/';
const ownRelay = 'https://teams.example.com/';

const rules: readonly ServiceUrlRule[] = [
  { kind: 'origin', origin: 'https://parent.example.com' },
  { kind: 'suffix', suffix: '.bots.example.com' },
  { kind: 'origin', origin: 'https://teams.example.com', channel: 'msteams' },
];

type Setting = { readonly allowedChannels: readonly string[]; readonly cloud?: 'public' | 'usgov' };

/** Sends one activity; the audiences that a token was asked for, the addresses that were posted to, and the refusal. */
async function send({ allowedChannels, cloud = 'public' }: Setting, serviceUrl: string, audience: string) {
  const asked: string[] = [];
  const sent: string[] = [];
  const transport: ParentTransport = ({ url, authorization }) => {
    sent.push(`${authorization} -> ${new URL(url).host}`);
    return Promise.resolve({ status: 200, body: '' });
  };
  const factory = new ParentConnectorFactory({
    policy: createServiceUrlPolicy(cloud, rules),
    tokens: (wanted) => {
      asked.push(wanted);
      return Promise.resolve(`token for ${wanted}`);
    },
    transport,
    allowedCallers: [parent],
    channels: allowedChannels.length === 0 ? undefined : { issuer: channelAuthorityOf(cloud), allowedChannels },
  });
  const client = await factory.create(serviceUrl, audience);
  const refusal = await client.conversations.sendToConversation('c', { type: 'message' }).then(
    () => undefined,
    (error: unknown) => (error as { errorClass?: string }).errorClass,
  );
  return { asked, sent, refusal };
}

const off: Setting = { allowedChannels: [] };
const onTeams: Setting = { allowedChannels: ['msteams'] };
const onWebChat: Setting = { allowedChannels: ['webchat'] };
const gov: Setting = { allowedChannels: ['msteams'], cloud: 'usgov' };

describe('a token for the channels', () => {
  it.each([
    ['to Teams', onTeams, teams, connector],
    ['to an own host of Teams', onTeams, ownRelay, connector],
    ['to Web Chat', onWebChat, webChat, connector],
    ['to Teams of the government', gov, govTeams, govConnector],
  ] as const)('goes %s', async (_, setting, serviceUrl, audience) => {
    const { sent, refusal } = await send(setting, serviceUrl, audience);
    expect(refusal).toBeUndefined();
    expect(sent).toEqual([`token for ${audience} -> ${new URL(serviceUrl).host}`]);
  });

  it.each([
    ["a parent's host of Copilot Studio", onTeams, copilotStudio, connector],
    ["a parent's own host", onTeams, ownParent, connector],
    ["a host below a parent's suffix", onTeams, 'https://x.bots.example.com/', connector],
    ['a channel that is not allowed', onWebChat, teams, connector],
    ['an own host of a channel that is not allowed', onWebChat, ownRelay, connector],
    ['Teams while no channel is allowed', off, teams, connector],
    ["a parent's host while no channel is allowed", off, copilotStudio, connector],
    ['another name below trafficmanager.net', onTeams, 'https://evil.trafficmanager.net/', connector],
    ['Teams without TLS', onTeams, 'http://smba.trafficmanager.net/emea/', connector],
    ['the public Teams with the token of the other cloud', onTeams, teams, govConnector],
    ['the public Teams from the government cloud', gov, teams, govConnector],
    ['nowhere', onTeams, '', connector],
  ] as const)('never goes to %s, and is not even asked for', async (_, setting, serviceUrl, audience) => {
    expect(await send(setting, serviceUrl, audience)).toEqual({ asked: [], sent: [], refusal: 'channel_not_allowed' });
  });
});

describe("a parent's token", () => {
  it.each([
    ['to Copilot Studio', onTeams, copilotStudio],
    ['to its own host', onTeams, ownParent],
    ['to Copilot Studio with no channel allowed', off, copilotStudio],
  ] as const)('goes %s', async (_, setting, serviceUrl) => {
    const { sent } = await send(setting, serviceUrl, parent);
    expect(sent).toEqual([`token for ${parent} -> ${new URL(serviceUrl).host}`]);
  });

  it.each([
    ['Teams', onTeams, teams],
    ['an own host of Teams', onTeams, ownRelay],
    ['Web Chat', onWebChat, webChat],
    ['Direct Line', { allowedChannels: ['directline'] }, 'https://directline.botframework.com/'],
    ['Teams while no channel is allowed', off, teams],
  ] as const)('never goes to %s', async (_, setting, serviceUrl) => {
    const refused = { asked: [], sent: [], refusal: 'service_url_not_allowed' };
    expect(await send(setting, serviceUrl, parent)).toEqual(refused);
  });

  it('goes nowhere for a caller that is not allowed, or none', async () => {
    for (const audience of [
      stranger,
      '',
      '*',
      'https://api.botframework.com/',
      'https://api.botframework.com.evil.example',
    ]) {
      const refused = { asked: [], sent: [], refusal: 'audience_missing' };
      expect(await send(onTeams, copilotStudio, audience)).toEqual(refused);
    }
  });
});
