// Users who write to the bot itself: the token of their channel, whose hosts they may name, and what they may open.

import type { Group } from './mutant.ts';

const tokens = ['test/gate/channel-tokens.test.ts'];
const sends = ['test/bot/connector.test.ts'];
const flows = ['test/flows/channels.test.ts'];
const limits = ['test/flows/channel-limits.test.ts'];

export const channels: readonly Group[] = [
  {
    file: 'src/bot/verify-channel-token.ts',
    tests: tokens,
    rows: [
      ['any audience', '{ audience: appId, findKey, now }', '{ audience: undefined as never, findKey, now }'],
      ['an audience among others', 'aud: z.string()', 'aud: z.any()'],
      [
        'an issuer of any form',
        'iss: z.string()',
        'iss: z.any()',
        { equivalent: 'it is compared with the one text that it may be' },
      ],
      ['no service URL in the token', 'serviceurl: z.string().min(1)', 'serviceurl: z.any()'],
      ['an empty service URL in the token', 'serviceurl: z.string().min(1)', 'serviceurl: z.string()'],
      ['a token for ever', 'exp - nbf > longestLifeSeconds', 'false'],
      ['any issuer', 'iss !== rules.issuer', 'false'],
      ['any channel', '!channels?.allowedChannels.includes(channelId)', 'false'],
      ['no channel', '!channelId || ', '', { equivalent: 'no list of allowed channels has an empty name' }],
      ['the key of another channel', '!caller.endorsements.includes(channelId)', 'false'],
      ['any tenant', 'tenantId && !allowedTenants.includes(tenantId)', 'false'],
      ['an activity without a tenant is refused', 'if (tenantId && ', 'if ('],
      ['a tenant in capitals is another', '?.toLowerCase()', ''],
      ['any service URL in the activity', 'serviceUrl !== caller.serviceUrl', 'false'],
      ['no service URL in the activity', '!serviceUrl || ', '', { equivalent: "the token's own is never empty" }],
    ],
  },
  {
    file: 'src/channels.ts',
    tests: tokens,
    rows: [
      ['a host below that of a channel', 'host === name', 'host.endsWith(name)'],
      ['a host that only ends like one', 'host.endsWith(name)', 'host.endsWith(name.slice(1))'],
      ['the hosts of the other cloud', 'hosts[channelId]?.[cloud]', 'hosts[channelId]?.public'],
      [
        'a property of objects is a channel',
        'Object.hasOwn(hosts, channelId)',
        'true',
        { equivalent: 'nothing that objects have has hosts for a cloud' },
      ],
      [
        'a token for the channels is like any other',
        'Object.values<string>(authorities).includes(text)',
        'false',
        { tests: sends },
      ],
      [
        'a token for the channels of the other cloud is like any other',
        'Object.values<string>(authorities).includes(text)',
        'text === authorities.public',
        { tests: sends },
      ],
    ],
  },
  {
    file: 'src/bot/connector.ts',
    tests: sends,
    rows: [
      ['a token for the channels of either cloud', 'isToChannel && channels?.issuer !== audience', 'false'],
      [
        'a token for the channels to hosts of parents',
        'isToChannel ? (channels?.allowedChannels ?? []) : undefined',
        'undefined',
      ],
      [
        'a token for a parent to hosts of channels',
        'isToChannel ? (channels?.allowedChannels ?? []) : undefined',
        'channels?.allowedChannels ?? []',
      ],
    ],
  },
  {
    file: 'src/config-channels.ts',
    tests: ['test/each-setting-check.test.ts'],
    rows: [
      ['the star among channels is no channel like any other', "entry === '*'", 'false'],
      ['a channel whose hosts are not known', '} else if (!knownChannels.includes(entry)) {', '} else if (false) {'],
    ],
  },
  {
    file: 'src/bot/process-turn.ts',
    tests: flows,
    rows: [
      ['a channel opens an action', 'turnsOfChannels.has(activity.type) && ', ''],
      ['the removal of the bot opens a turn', ' && !isRemovalOfBot(activity)', ''],
      [
        'a conversation on a channel is saved as that of a parent',
        'isOnChannel(conversation) ? [conversation.channelId] : undefined',
        'undefined',
        { tests: limits },
      ],
    ],
  },
  {
    file: 'src/bot/skill-bot.ts',
    tests: flows,
    rows: [
      ['whoever is removed, it is the bot', 'member.id === recipient.id', 'true'],
      ['a message on a channel calls an action', 'onChannel ? undefined : nameCalled', 'nameCalled'],
    ],
  },
  {
    file: 'src/bot/capture-conversation.ts',
    tests: limits,
    rows: [
      ['a room is the person who wrote in it', "caller.kind === 'channel' && isGroupConversation(", 'false && ('],
      ['a room has the key of the person who wrote in it', 'isGroup ? undefined : objectId', 'objectId'],
      ['anybody names his own object id', 'vouchesForObjectIds(caller, activity.channelId) ?', 'true ?'],
      ['the person who wrote in a room is kept', 'user && !isGroup', 'user'],
    ],
  },
];
