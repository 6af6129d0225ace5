// Calls of a channel with one thing wrong each, while ALLOWED_CHANNELS names Teams: token, service URL, channel.

import { agent, appId, type ChannelBench, type Fields, type Settings, teamsUrl } from './channel-bench.ts';
import { hmac, rsa, unsigned } from './forge.ts';

export const connector = 'https://api.botframework.com';
export const govConnector = 'https://api.botframework.us';
export const parentUrl = 'https://pvaruntime.us-il102.gateway.prod.island.powerapps.com/api/';

type Outcome = 'channel' | 'parent' | '401' | 'channel_not_allowed' | 'service_url_not_allowed' | 'caller_not_allowed';
export type Call = {
  readonly claims?: Fields;
  readonly header?: Fields;
  /** In place of a token made of claims and header. */
  readonly token?: string;
  readonly activity?: Fields;
};
type Cell = readonly [name: string, call: Call | ((bench: ChannelBench) => Call), outcome: Outcome];

/** Token and activity name the same service URL. */
export const at = (serviceUrl: string, activity: Fields = {}): Call => ({
  claims: { serviceurl: serviceUrl },
  activity: { serviceUrl, ...activity },
});

export type Part = { readonly setting: string; readonly settings: Settings; readonly cells: readonly Cell[] };

export const cellsOfOneChannel: readonly Part[] = [
  {
    setting: 'ALLOWED_CHANNELS=msteams: the token',
    settings: { allowedChannels: ['msteams'] },
    cells: [
      ['a perfect one', {}, 'channel'],
      ['further claims', { claims: { jti: 'x', channelId: 'webchat' } }, 'channel'],
      ['another issuer', { claims: { iss: 'https://api.botframework.com.attacker.example' } }, '401'],
      ['the issuer with a slash', { claims: { iss: `${connector}/` } }, '401'],
      ['the issuer in capitals', { claims: { iss: 'https://API.botframework.com' } }, '401'],
      ['the issuer of the other cloud', { claims: { iss: govConnector } }, '401'],
      ['the issuer in a list', { claims: { iss: [connector] } }, '401'],
      ['no issuer', { claims: { iss: undefined } }, '401'],
      [
        'two issuers, ours last',
        (bench) => ({ token: twoIssuers(bench, `https://sts.windows.net/${bench.tenantId}/`, connector) }),
        'channel',
      ],
      [
        'two issuers, ours first',
        (bench) => ({ token: twoIssuers(bench, connector, `https://sts.windows.net/${bench.tenantId}/`) }),
        '401',
      ],
      ['a changed signature', (bench) => ({ token: `${bench.token().slice(0, -8)}AAAAAAAA` }), '401'],
      ['alg none', (bench) => ({ token: signedBy(bench, { alg: 'none' }, unsigned) }), '401'],
      [
        'HS256 with the key id as secret',
        (bench) => ({ token: signedBy(bench, { alg: 'HS256' }, hmac('all')) }),
        '401',
      ],
      ['RS512', (bench) => ({ token: signedBy(bench, { alg: 'RS512' }, rsa(bench.channel.key, 'sha512')) }), '401'],
      ['a key id that is not in the set', { header: { kid: 'unknown' } }, '401'],
      ['no key id', { header: { kid: undefined } }, '401'],
      ['the key id of the other set', (bench) => ({ header: { kid: bench.tenant.key.kid } }), '401'],
      ['the key of the other set', (bench) => ({ token: signedBy(bench, {}, rsa(bench.tenant.key)) }), '401'],
      ['a critical header', { header: { crit: ['b64'], b64: true } }, '401'],
      ['another audience', { claims: { aud: agent } }, '401'],
      ["the audience of the bot's own tokens", { claims: { aud: connector } }, '401'],
      ['the audience in a list', { claims: { aud: [appId] } }, '401'],
      ['the audience among others', { claims: { aud: [appId, agent] } }, '401'],
      ['the audience in capitals', { claims: { aud: appId.toUpperCase() } }, '401'],
      ['no audience', { claims: { aud: undefined } }, '401'],
      ['no exp', { claims: { exp: undefined } }, '401'],
      ['no nbf', { claims: { nbf: undefined } }, '401'],
      ['exp as text', { claims: { exp: '1900000000' } }, '401'],
      [
        'expired',
        (bench) => ({ claims: { nbf: bench.channel.seconds(-3_660), exp: bench.channel.seconds(-60) } }),
        '401',
      ],
      ['not valid yet', (bench) => ({ claims: { nbf: bench.channel.seconds(61) } }), '401'],
      ['living for 24 h 10 min', (bench) => ({ claims: { exp: bench.channel.seconds(87_000) } }), 'channel'],
      ['living longer', (bench) => ({ claims: { exp: bench.channel.seconds(87_001) } }), '401'],
    ],
  },
  {
    setting: 'ALLOWED_CHANNELS=msteams: the service URL',
    settings: { allowedChannels: ['msteams'] },
    cells: [
      ['no serviceurl claim', { claims: { serviceurl: undefined } }, '401'],
      ['an empty serviceurl claim', { claims: { serviceurl: '' } }, '401'],
      ['serviceurl in a list', { claims: { serviceurl: [teamsUrl] } }, '401'],
      ['the claim named serviceUrl', { claims: { serviceurl: undefined, serviceUrl: teamsUrl } }, '401'],
      [
        'another region in the token',
        { claims: { serviceurl: 'https://smba.trafficmanager.net/amer/' } },
        'service_url_not_allowed',
      ],
      ['a slash missing in the token', { claims: { serviceurl: teamsUrl.slice(0, -1) } }, 'service_url_not_allowed'],
      [
        'a slash missing in the activity',
        { activity: { serviceUrl: teamsUrl.slice(0, -1) } },
        'service_url_not_allowed',
      ],
      [
        'capitals in the activity',
        { activity: { serviceUrl: 'https://SMBA.trafficmanager.net/emea/' } },
        'service_url_not_allowed',
      ],
      ['none in the activity', { activity: { serviceUrl: undefined } }, 'service_url_not_allowed'],
      ['an empty one in the activity', { activity: { serviceUrl: '' } }, 'service_url_not_allowed'],
      ['none in either', { claims: { serviceurl: undefined }, activity: { serviceUrl: undefined } }, '401'],
      ["a parent's host in both", at(parentUrl), 'service_url_not_allowed'],
      ['another name below trafficmanager.net', at('https://evil.trafficmanager.net/'), 'service_url_not_allowed'],
      ['a name below that of Teams', at('https://x.smba.trafficmanager.net/'), 'service_url_not_allowed'],
      ['the host of Web Chat', at('https://webchat.botframework.com/'), 'service_url_not_allowed'],
      ['the Bot Framework itself', at(connector), 'service_url_not_allowed'],
      ['a government host', at('https://smba.infra.gov.teams.microsoft.us/teams/'), 'service_url_not_allowed'],
      ['Teams for GCC', at('https://smba.infra.gcc.teams.microsoft.com/teams/'), 'channel'],
      ['plain http', at('http://smba.trafficmanager.net/emea/'), 'service_url_not_allowed'],
      ['another port', at('https://smba.trafficmanager.net:8443/emea/'), 'service_url_not_allowed'],
      ['user info', at('https://smba.trafficmanager.net@attacker.example/'), 'service_url_not_allowed'],
    ],
  },
  {
    setting: 'ALLOWED_CHANNELS=msteams: the channel',
    settings: { allowedChannels: ['msteams'] },
    cells: [
      ['none', { activity: { channelId: undefined } }, 'channel_not_allowed'],
      ['an empty one', { activity: { channelId: '' } }, 'channel_not_allowed'],
      ['another one, which is endorsed', { activity: { channelId: 'webchat' } }, 'channel_not_allowed'],
      ['in other case', { activity: { channelId: 'MSTeams' } }, 'channel_not_allowed'],
      ['with a space', { activity: { channelId: 'msteams ' } }, 'channel_not_allowed'],
      ['emulator', { activity: { channelId: 'emulator' } }, 'channel_not_allowed'],
      ['AseChannel', { activity: { channelId: 'AseChannel' } }, 'channel_not_allowed'],
      ['a key of another channel', { header: { kid: 'only-webchat' } }, 'channel_not_allowed'],
      ['a key with an empty list', { header: { kid: 'none' } }, 'channel_not_allowed'],
      ['a key without endorsements', { header: { kid: 'absent' } }, 'channel_not_allowed'],
      ['a text for a list', { header: { kid: 'a-text' } }, 'channel_not_allowed'],
      ['numbers in the list', { header: { kid: 'of-numbers' } }, 'channel_not_allowed'],
      ['an endorsement in other case', { header: { kid: 'other-case' } }, 'channel_not_allowed'],
      ['endorsements that only look like it', { header: { kid: 'longer' } }, 'channel_not_allowed'],
      [
        'our tenant',
        (bench) => ({ activity: { conversation: { id: 'c', tenantId: bench.tenantId.toUpperCase() } } }),
        'channel',
      ],
      ['another tenant', { activity: { conversation: { id: 'c', tenantId: agent } } }, 'channel_not_allowed'],
    ],
  },
];

export function signedBy(bench: ChannelBench, header: Fields, signer: (input: string) => Buffer): string {
  const claims = {
    serviceurl: teamsUrl,
    nbf: bench.channel.seconds(0),
    exp: bench.channel.seconds(3_600),
    iss: connector,
    aud: appId,
  };
  return bench.channel.seal(bench.channel.header(header), claims, signer);
}

/** JSON with the claim twice: whoever reads it first and whoever verifies it must see the same. */
function twoIssuers(bench: ChannelBench, first: string, second: string): string {
  const rest = JSON.stringify({
    serviceurl: teamsUrl,
    nbf: bench.channel.seconds(0),
    exp: bench.channel.seconds(3_600),
    aud: appId,
  }).slice(1);
  return bench.channel.seal(bench.channel.header(), `{"iss":"${first}","iss":"${second}",${rest}`);
}
