// Which channels of the Bot Framework may call this service directly. None, unless they are named.

import { type Cloud, knownChannels } from './channels.ts';
import type { SettingReader } from './setting-reader.ts';

export type ChannelConfig = {
  /** Ids of channels; without one every token of a channel is refused. */
  readonly allowed: readonly string[];
  readonly openIdMetadataUrl: string;
};

/** botframework-connector authenticationConstants.ts, governmentConstants.ts: without a dash, unlike Entra's. */
const metadataUrls = {
  public: 'https://login.botframework.com/v1/.well-known/openidconfiguration',
  usgov: 'https://login.botframework.azure.us/v1/.well-known/openidconfiguration',
} as const;

/** Reads them; faults and warnings go to `settings`. */
export function readChannels(settings: SettingReader, cloud: Cloud): ChannelConfig {
  return {
    allowed: readAllowedChannels(settings),
    openIdMetadataUrl: settings.warnWhenMoved(
      'CHANNEL_OPENID_METADATA_URL',
      settings.readUrl('CHANNEL_OPENID_METADATA_URL'),
      metadataUrls[cloud],
    ),
  };
}

function readAllowedChannels(settings: SettingReader): readonly string[] {
  const name = 'ALLOWED_CHANNELS';
  const entries = settings.readList(name).map((entry) => entry.toLowerCase());
  for (const [index, entry] of entries.entries()) {
    if (entry === '*') {
      settings.addFault(name, '"*" would let every channel call that the bot is ever connected to; list their ids');
    } else if (!knownChannels.includes(entry)) {
      settings.addFault(name, `entry ${index + 1} is not a channel that is known here: ${knownChannels.join(', ')}`);
    }
  }
  return [...new Set(entries.filter((entry) => knownChannels.includes(entry)))];
}
