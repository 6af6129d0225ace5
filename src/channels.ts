// The Bot Framework's own channels: users who write to this service's bot itself, with no agent in between. Off unless
// ALLOWED_CHANNELS names them.

export type Cloud = 'public' | 'usgov';

/**
 * Who signs the tokens of a cloud's channels, which is also the audience of a reply there (botframework-connector
 * authenticationConstants.ts, governmentConstants.ts). A token for it lets its holder speak as the bot on every channel,
 * so it goes to a channel's hosts only. A conversation on a channel bears it in place of a parent's app id, which is a
 * GUID: neither can be taken for the other.
 */
const authorities = { public: 'https://api.botframework.com', usgov: 'https://api.botframework.us' } as const;

/**
 * Hosts of the service URLs of each channel; one that begins with a dot stands for every name below it. All of them are
 * Microsoft's: below trafficmanager.net anybody can get a name. Sources: Agents-for-js conversationReferenceBuilder.ts
 * and outboundHostValidator.ts, botbuilder-js governmentConstants.ts.
 */
const hosts: Readonly<Record<string, Readonly<Record<Cloud, readonly string[]>>>> = {
  msteams: {
    public: ['smba.trafficmanager.net', 'smba.infra.gcc.teams.microsoft.com'],
    usgov: ['smba.infra.gov.teams.microsoft.us', 'smba.infra.dod.teams.microsoft.us'],
  },
  webchat: {
    public: ['webchat.botframework.com', '.webchat.botframework.com'],
    usgov: ['webchat.botframework.azure.us'],
  },
  directline: {
    public: ['directline.botframework.com', '.directline.botframework.com'],
    usgov: ['directline.botframework.azure.us'],
  },
};

/** Ids of the channels whose hosts are known. */
export const knownChannels: readonly string[] = Object.keys(hosts);

/** Issuer of the tokens of this cloud's channels, and audience of replies there. */
export function channelAuthorityOf(cloud: Cloud): string {
  return authorities[cloud];
}

/** Whether a caller or an audience is that of a channel, of whichever cloud, and not a parent's. */
export function isChannelAuthority(text: string): boolean {
  return Object.values<string>(authorities).includes(text);
}

/** Whether a service URL with this host is one of the channel. */
export function isHostOfChannel(host: string, channelId: string, cloud: Cloud): boolean {
  const known = Object.hasOwn(hosts, channelId) ? (hosts[channelId]?.[cloud] ?? []) : [];
  return known.some((name) => (name.startsWith('.') ? host.endsWith(name) : host === name));
}
