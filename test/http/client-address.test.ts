import { describe, expect, it } from 'vitest';
import { createClientAddress } from '../../src/http/client-address.ts';
import { type IpNetwork, parseNetwork } from '../../src/ip-network.ts';
import { apiKey, startTestServer } from './http-harness.ts';

function networksOf(...entries: string[]): IpNetwork[] {
  return entries.flatMap((entry) => {
    const parsed = parseNetwork(entry);
    if ('fault' in parsed) throw new Error(`${entry} ${parsed.fault}`);
    return [parsed.network];
  });
}

const proxies = networksOf('10.0.0.0/8', '192.0.2.10', '2001:db8:aaaa::/48', '::ffff:172.16.0.0/108');

describe('the address of a client', () => {
  it.each<[string, string | undefined, string | undefined, string | undefined]>([
    ['no proxy: the peer', '198.51.100.1', undefined, '198.51.100.1'],
    ['no proxy, but a header: the peer', '198.51.100.1', '203.0.113.7', '198.51.100.1'],
    ['no proxy, but a header that names one', '198.51.100.1', '10.0.0.1', '198.51.100.1'],
    ['the neighbour of a proxy is none', '192.0.2.11', '203.0.113.7', '192.0.2.11'],
    ['one proxy', '10.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['a proxy named by its address', '192.0.2.10', '203.0.113.7', '203.0.113.7'],
    ['two proxies', '10.0.0.1', '203.0.113.7, 10.0.0.2', '203.0.113.7'],
    ['what the client itself has written is not reached', '10.0.0.1', '1.1.1.1, 203.0.113.7', '203.0.113.7'],
    ['also where it names a proxy', '10.0.0.1', '10.9.9.9, 203.0.113.7', '203.0.113.7'],
    ['also between two proxies', '10.0.0.1', '1.1.1.1, 203.0.113.7, 10.0.0.2', '203.0.113.7'],
    ['proxies alone: the first of them', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['a proxy without the header', '10.0.0.1', undefined, '10.0.0.1'],
    ['an empty header', '10.0.0.1', '', '10.0.0.1'],
    ['an entry that cannot be read ends it', '10.0.0.1', '203.0.113.7, unknown', '10.0.0.1'],
    ['an empty entry ends it', '10.0.0.1', '203.0.113.7,, 10.0.0.2', '10.0.0.2'],
    ['an obfuscated entry ends it', '10.0.0.1', '203.0.113.7, _hidden, 10.0.0.2', '10.0.0.2'],
    ['an octal look-alike ends it', '10.0.0.1', '203.0.113.7, 012.0.0.1', '10.0.0.1'],
    ['a port', '10.0.0.1', '203.0.113.7:49152', '203.0.113.7'],
    ['a port of a proxy', '10.0.0.1', '203.0.113.7:49152, 10.0.0.2:80', '203.0.113.7'],
    ['no blanks', '10.0.0.1', '203.0.113.7,10.0.0.2', '203.0.113.7'],
    ['more blanks', '10.0.0.1', '  203.0.113.7  ,\t10.0.0.2 ', '203.0.113.7'],
    ['IPv6', '2001:db8:aaaa::1', '2001:db8:1::7', '2001:db8:1::7'],
    ['IPv6 in another spelling', '2001:db8:aaaa::1', '2001:0DB8:0001:0::7', '2001:db8:1::7'],
    ['IPv6 in brackets', '10.0.0.1', '[2001:db8:1::7]', '2001:db8:1::7'],
    ['IPv6 in brackets with a port', '10.0.0.1', '[2001:db8:1::7]:443', '2001:db8:1::7'],
    ['IPv6 whose end looks like a port', '10.0.0.1', '2001:db8:1::7:443', '2001:db8:1::7:443'],
    ['a proxy in brackets', '10.0.0.1', '203.0.113.7, [2001:db8:aaaa::2]:443', '203.0.113.7'],
    ['brackets that do not close', '10.0.0.1', '203.0.113.7, [2001:db8:1::7', '10.0.0.1'],
    ['IPv4 in IPv6 form as peer', '::ffff:10.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['IPv4 in IPv6 form as entry', '10.0.0.1', '203.0.113.7, ::ffff:a00:2', '203.0.113.7'],
    ['IPv4 in IPv6 form as client', '10.0.0.1', '::ffff:203.0.113.7', '203.0.113.7'],
    ['a proxy whose network is in IPv6 form', '172.16.5.5', '203.0.113.7', '203.0.113.7'],
    ['a stranger in IPv6 form', '::ffff:198.51.100.1', '203.0.113.7', '198.51.100.1'],
    ['a connection that is gone', undefined, '203.0.113.7', undefined],
  ])('%s', (_, remoteAddress, forwarded, expected) => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
    expect(createClientAddress(proxies)({ socket: { remoteAddress }, headers })).toBe(expected);
  });

  it('without proxies is the peer, whatever the header says', () => {
    const clientAddress = createClientAddress([]);
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    expect(clientAddress({ socket: { remoteAddress: '127.0.0.1' }, headers })).toBe('127.0.0.1');
  });

  it('of IPv4 is in no network of IPv6, however wide', () => {
    const clientAddress = createClientAddress(networksOf('::/8'));
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    expect(clientAddress({ socket: { remoteAddress: '192.0.2.1' }, headers })).toBe('192.0.2.1');
    expect(clientAddress({ socket: { remoteAddress: '::1' }, headers })).toBe('203.0.113.7');
  });

  it('is found at the far end of a header of 16 KB', () => {
    const clientAddress = createClientAddress(proxies);
    const headers = { 'x-forwarded-for': ['203.0.113.7', ...Array<string>(1_600).fill('10.0.0.2')].join(', ') };
    expect(clientAddress({ socket: { remoteAddress: '10.0.0.1' }, headers })).toBe('203.0.113.7');
  });
});

/** The statuses of so many requests with wrong keys; `forwardedFor` gives the header of each. */
async function guess(trustedProxies: readonly IpNetwork[], count: number, forwardedFor: (index: number) => string) {
  const server = await startTestServer({}, { failureRate: 10, trustedProxies });
  const statuses: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const headers = { 'x-api-key': `guess-${index}`, 'x-forwarded-for': forwardedFor(index) };
    statuses.push((await server.get('/api/status', { headers })).status);
  }
  return { server, statuses };
}

const tenThenRefused = [...Array<number>(10).fill(401), 429, 429, 429];

describe('whoever guesses at keys', () => {
  it('gets no fresh budget by an invented header, without proxies', async () => {
    const { statuses } = await guess([], 13, (index) => `203.0.113.${index}`);
    expect(statuses).toEqual(tenThenRefused);
  });

  it('gets none behind a proxy either: the proxy has added his own address', async () => {
    const { statuses } = await guess(networksOf('127.0.0.1'), 13, (index) => `203.0.113.${index}, 198.51.100.9`);
    expect(statuses).toEqual(tenThenRefused);
  });

  it('gets none from within one IPv6 network, in any spelling', async () => {
    const { statuses } = await guess(networksOf('127.0.0.1'), 13, (index) =>
      index % 2 === 0 ? `2001:db8:1:2::${index}` : `[2001:0DB8:0001:0002:ffff::${index}]:443`,
    );
    expect(statuses).toEqual(tenThenRefused);
  });

  it('does not use up the budget of others behind the same proxy', async () => {
    const { server, statuses } = await guess(networksOf('127.0.0.1'), 13, () => '198.51.100.9');
    expect(statuses).toEqual(tenThenRefused);
    const ask = (key: string, address: string) =>
      server.get('/api/status', { headers: { 'x-api-key': key, 'x-forwarded-for': address } });
    expect((await ask('wrong', '198.51.100.10')).status).toBe(401);
    expect((await ask(apiKey, '198.51.100.9')).status).toBe(200);
  });
});
