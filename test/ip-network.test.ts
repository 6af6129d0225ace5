import { describe, expect, it } from 'vitest';
import { parseAddress, parseNetwork } from '../src/ip-network.ts';

describe('an address has one spelling', () => {
  it.each<[string, string | undefined]>([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:DB8:0:0:0:0:0:0001', '2001:db8::1'],
    ['::1', '::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['::192.0.2.1', '::192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['', undefined],
    ['unknown', undefined],
    ['localhost', undefined],
    ['192.0.2', undefined],
    ['192.0.2.256', undefined],
    ['010.0.0.1', undefined],
    ['0x7f.0.0.1', undefined],
    ['3221225985', undefined],
    [' 192.0.2.1', undefined],
    ['192.0.2.1/32', undefined],
    ['2001:db8:::1', undefined],
    ['[2001:db8::1]', undefined],
  ])('%j is %s', (text, address) => {
    expect(parseAddress(text)?.address).toBe(address);
  });
});

describe('a network', () => {
  it.each<[string, string, number]>([
    ['192.0.2.1', '192.0.2.1', 32],
    ['192.0.2.0/24', '192.0.2.0', 24],
    ['10.0.0.0/8', '10.0.0.0', 8],
    ['2001:db8::1', '2001:db8::1', 128],
    ['2001:DB8::/32', '2001:db8::', 32],
    ['fc00::/7', 'fc00::', 7],
    ['::ffff:10.0.0.0/104', '10.0.0.0', 8],
    ['::ffff:192.0.2.1', '192.0.2.1', 32],
  ])('%s is taken', (entry, address, prefix) => {
    expect(parseNetwork(entry)).toMatchObject({ network: { address, prefix } });
  });

  it.each<[string, RegExp]>([
    ['0.0.0.0/0', /too wide \(at least \/8\)/],
    ['::/0', /too wide \(at least \/7\)/],
    // All of IPv4 in another spelling, and in two halves.
    ['::ffff:0.0.0.0/96', /too wide \(at least \/104\)/],
    ['::ffff:0:0/90', /too wide/],
    ['0.0.0.0/1', /too wide/],
    ['128.0.0.0/1', /too wide/],
    ['10.0.0.0/33', /at most \/32/],
    ['2001:db8::/129', /at most \/128/],
    ['10.0.0.0/', /address or a network/],
    ['10.0.0.0/08x', /address or a network/],
    ['10.0.0.0/-8', /address or a network/],
    ['10.0.0.0/255.0.0.0', /address or a network/],
    ['10.0.0.0/8/8', /address or a network/],
    ['10.*', /address or a network/],
    ['*', /address or a network/],
    ['loopback', /address or a network/],
    ['proxy.example.com', /address or a network/],
    ['[::1]', /address or a network/],
    ['192.0.2.1:80', /address or a network/],
  ])('%s is refused', (entry, fault) => {
    expect(parseNetwork(entry)).toEqual({ fault: expect.stringMatching(fault) });
  });
});
