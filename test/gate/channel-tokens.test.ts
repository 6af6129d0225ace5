// Tokens of the Bot Framework's own channels, cell by cell: refused by default, and with ALLOWED_CHANNELS only when the
// token, the activity and the key's endorsements all name the same (bot-docs "Authenticate requests", step 4).

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyChannelToken } from '../../src/bot/verify-channel-token.ts';
import { appId, type ChannelBench, decide, endorsementsOf, startChannelBench, teamsUrl } from './channel-bench.ts';
import {
  at,
  type Call,
  cellsOfOneChannel,
  connector,
  govConnector,
  parentUrl,
  type Part,
  signedBy,
} from './channel-cells.ts';
import { unsigned } from './forge.ts';

const now = () => 1_800_000_000_000;

let gates: ChannelBench;
beforeAll(async () => {
  gates = await startChannelBench(now);
});
afterAll(() => gates.stop());

const inGov = (serviceUrl: string): Call => ({
  ...at(serviceUrl),
  claims: { iss: govConnector, serviceurl: serviceUrl },
});

const table: readonly Part[] = [
  {
    setting: 'ALLOWED_CHANNELS empty',
    settings: { allowedChannels: [] },
    cells: [
      ['a perfect token of Teams', {}, '401'],
      ['of Web Chat', at('https://webchat.botframework.com/', { channelId: 'webchat' }), '401'],
      ['of the government cloud', { claims: { iss: govConnector } }, '401'],
      [
        'of a channel by the tenant',
        (bench) => ({ token: bench.tenant.claiming({ iss: connector, tid: undefined }) }),
        '401',
      ],
      [
        'of a parent, as ever',
        (bench) => ({ token: bench.tenant.claiming(), activity: { serviceUrl: parentUrl } }),
        'parent',
      ],
    ],
  },
  ...cellsOfOneChannel,
  {
    setting: 'ALLOWED_CHANNELS=msteams: who else',
    settings: { allowedChannels: ['msteams'] },
    cells: [
      ['a parent', (bench) => ({ token: bench.tenant.claiming(), activity: { serviceUrl: parentUrl } }), 'parent'],
      [
        'a parent with the URL of a channel',
        (bench) => ({ token: bench.tenant.claiming() }),
        'service_url_not_allowed',
      ],
      [
        'a parent that is not allowed',
        (bench) => ({ token: bench.tenant.claiming({ appid: appId.replace('a', 'f') }) }),
        'caller_not_allowed',
      ],
      [
        "a parent's token with the issuer of channels",
        (bench) => ({ token: bench.tenant.claiming({ iss: connector, serviceurl: teamsUrl }) }),
        '401',
      ],
      ["a channel's key under a parent's claims", (bench) => ({ token: bench.channel.claiming() }), '401'],
      ['our own token', (bench) => ({ token: bench.tenant.claiming({ appid: appId }) }), '401'],
      [
        'our own token for the Bot Framework',
        (bench) => ({ token: bench.tenant.claiming({ appid: appId, aud: connector }) }),
        '401',
      ],
      [
        'the emulator',
        (bench) => ({
          token: bench.tenant.claiming({ appid: appId, aud: connector }),
          activity: { channelId: 'emulator' },
        }),
        '401',
      ],
      [
        'AseChannel with our own token',
        (bench) => ({
          token: bench.tenant.claiming({ appid: appId, aud: 'x' }),
          activity: { channelId: 'AseChannel' },
        }),
        '401',
      ],
    ],
  },
  {
    setting: 'ALLOWED_CHANNELS=webchat,directline',
    settings: { allowedChannels: ['webchat', 'directline'] },
    cells: [
      ['Web Chat', at('https://webchat.botframework.com/', { channelId: 'webchat' }), 'channel'],
      ['Direct Line', at('https://directline.botframework.com/', { channelId: 'directline' }), 'channel'],
      [
        'Direct Line in Europe',
        at('https://europe.directline.botframework.com/', { channelId: 'directline' }),
        'channel',
      ],
      [
        'a host without the dot',
        at('https://evildirectline.botframework.com/', { channelId: 'directline' }),
        'service_url_not_allowed',
      ],
      [
        'Web Chat at the host of Direct Line',
        at('https://directline.botframework.com/', { channelId: 'webchat' }),
        'service_url_not_allowed',
      ],
      ['Web Chat at the host of Teams', { activity: { channelId: 'webchat' } }, 'service_url_not_allowed'],
      ['Teams', {}, 'channel_not_allowed'],
    ],
  },
  {
    setting: 'ALLOWED_CHANNELS=msteams, ALLOWED_SERVICE_URLS with hosts of parents and of channels',
    settings: {
      allowedChannels: ['msteams'],
      serviceUrlRules: [
        { kind: 'origin', origin: 'https://teams.example.com', channel: 'msteams' },
        { kind: 'suffix', suffix: '.relay.example.com', channel: 'webchat' },
        { kind: 'origin', origin: 'https://parent.example.com' },
        { kind: 'suffix', suffix: '.bots.example.com' },
      ],
    },
    cells: [
      ['a host of this channel', at('https://teams.example.com/x'), 'channel'],
      ['a host of another channel', at('https://a.relay.example.com/'), 'service_url_not_allowed'],
      ['a host of a parent', at('https://parent.example.com/'), 'service_url_not_allowed'],
      ['a suffix of a parent', at('https://a.bots.example.com/'), 'service_url_not_allowed'],
      [
        'a parent at its host',
        (bench) => ({ token: bench.tenant.claiming(), ...at('https://parent.example.com/') }),
        'parent',
      ],
      [
        "a parent at the channel's",
        (bench) => ({ token: bench.tenant.claiming(), ...at('https://teams.example.com/x') }),
        'service_url_not_allowed',
      ],
    ],
  },
  {
    setting: 'ALLOWED_CHANNELS=msteams in the government cloud',
    settings: { allowedChannels: ['msteams'], cloud: 'usgov' },
    cells: [
      ['Teams for GCC High', inGov('https://smba.infra.gov.teams.microsoft.us/teams/'), 'channel'],
      ['Teams for DoD', inGov('https://smba.infra.dod.teams.microsoft.us/teams/'), 'channel'],
      ['a public host', inGov(teamsUrl), 'service_url_not_allowed'],
      ['the public issuer', {}, '401'],
    ],
  },
];

describe.each(table)('$setting', ({ settings, cells }) => {
  it.each(cells)('%s', async (_, make, outcome) => {
    const { claims, header, token, activity } = typeof make === 'function' ? make(gates) : make;
    const call = {
      type: 'message',
      channelId: 'msteams',
      serviceUrl: teamsUrl,
      conversation: { id: 'c' },
      ...activity,
    };
    const decided = await decide(gates.gate(settings), token ?? gates.token(claims, header), call);
    const expected =
      outcome === 'channel' || outcome === 'parent'
        ? outcome
        : outcome === '401'
          ? '401 invalid_token'
          : `403 ${outcome}`;
    expect(decided).toBe(expected);
  });
});

describe('the issuer of a verified token', () => {
  it('is checked again, as what the token said before only picked the key set', async () => {
    const rules = { issuer: connector, allowedChannels: ['msteams'], keys: gates.keys };
    const verify = (issuer: string) => verifyChannelToken(gates.token({ iss: issuer }), rules, appId, now());
    expect((await verify(connector)).caller).toMatchObject({ kind: 'channel', appId: connector, tenantId: '' });
    for (const issuer of [govConnector, `${connector}/`, `https://sts.windows.net/${gates.tenantId}/`]) {
      await expect(verify(issuer)).rejects.toMatchObject({ code: 'invalid_token', status: 401 });
    }
  });
});

describe('the key set of the channels', () => {
  it('is never fetched while no channel is allowed, whatever comes', async () => {
    const before = gates.fetches();
    const gate = gates.gate({ allowedChannels: [] });
    for (const kid of Object.keys(endorsementsOf)) {
      expect(await decide(gate, gates.token({}, { kid }), { channelId: 'msteams', serviceUrl: teamsUrl })).toMatch(
        /^401/,
      );
    }
    expect(gates.fetches()).toBe(before);
  });

  it('is fetched for a token of a channel alone, and once for many that come together', async () => {
    const gate = gates.gate({ allowedChannels: ['msteams'] });
    const before = gates.fetches();
    await decide(gate, gates.tenant.claiming(), { serviceUrl: parentUrl });
    expect(gates.fetches()).toBe(before);
    const activity = { channelId: 'msteams', serviceUrl: teamsUrl };
    const decided = await Promise.all(Array.from({ length: 50 }, () => decide(gate, gates.token(), activity)));
    expect(new Set(decided)).toEqual(new Set(['channel']));
    expect(gates.fetches() - before).toBe(2);
  });

  it('is not fetched for a token without signature, whatever its issuer says', async () => {
    const before = gates.fetches();
    await decide(gates.gate({ allowedChannels: ['msteams'] }), signedBy(gates, { alg: 'none' }, unsigned), {});
    expect(gates.fetches()).toBe(before);
  });
});

it('the table has 40 cells or more', () => {
  const cells = table.flatMap((part) => part.cells);
  const accepted = cells.filter(([, , outcome]) => outcome === 'channel').length;
  console.log(
    `channel tokens: ${cells.length} cells under ${table.length} settings, ${accepted} of a channel accepted`,
  );
  expect(cells.length).toBeGreaterThanOrEqual(40);
});
