// O3: every range that no public parent is in, in its first, middle and last address, and what lies right beside it.

import { expect, describe, it } from 'vitest';
import { isPrivateAddress } from '../../src/outbound/private-addresses.ts';
import { ranges } from './private-ranges.ts';

describe.each(ranges)('%s (%s)', (_network, _what, first, middle, last) => {
  it.each([first, middle, last])('%s is refused', (address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });
});

describe('other ways to write them', () => {
  it.each([
    ['upper case', 'FE80::1'],
    ['in full', '0000:0000:0000:0000:0000:0000:0000:0001'],
    ['with a zone', 'fe80::1%eth0'],
    ['loopback with a zone', '::1%1'],
    ['mapped in hexadecimal', '::ffff:7f00:1'],
    ['mapped in full', '0:0:0:0:0:ffff:a9fe:a9fe'],
  ])('%s: %s is refused', (_, address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });
});

describe('what is no address is refused', () => {
  it.each([
    '',
    'nonsense',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '[::1]',
    ' 8.8.8.8',
    '8.8.8.8 ',
  ])('"%s"', (text) => {
    expect(isPrivateAddress(text)).toBe(true);
  });
});

describe('public addresses, among them the neighbours of each range', () => {
  it.each([
    '1.0.0.0',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '20.42.0.1',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '191.255.255.255',
    '192.0.1.0',
    '192.0.3.0',
    '192.88.98.255',
    '192.88.100.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '198.51.99.255',
    '198.51.101.0',
    '203.0.112.255',
    '203.0.114.0',
    '223.255.255.255',
    '2000::',
    '2001:200::',
    '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:db9::',
    '2001:4860:4860::8888',
    '2003::',
    '2603:1030::1',
    '2606:2800:220:1:248:1893:25c8:1946',
    '3ffd:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '3fff:1000::',
  ])('%s', (address) => {
    expect(isPrivateAddress(address)).toBe(false);
  });
});
