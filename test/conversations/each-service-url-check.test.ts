// Each check of a service URL alone: a URL that is good but for that, and the words by which it was refused.

import { describe, expect, it } from 'vitest';
import { createServiceUrlPolicy, isPrivateAddress } from '../../src/conversations/service-url-policy.ts';

const policy = createServiceUrlPolicy('public', [
  { kind: 'suffix', suffix: '.bots.example.com' },
  { kind: 'origin', origin: 'https://parent.example.net:8443' },
]);
const good = 'https://one.bots.example.com/';

function reasonOf(serviceUrl: string): string {
  const verdict = policy(serviceUrl);
  return verdict.allowed === 'no' ? verdict.reason : verdict.allowed;
}

const hostRefused = (host: string, why: string, scheme = 'https'): string =>
  `service URL host ${host} ${why}; if it is your parent's, add ${scheme}://${host} to ALLOWED_SERVICE_URLS`;

describe('the words name the check that a service URL did not pass', () => {
  it.each([
    ['the service URL is longer than 512 characters', good.padEnd(513, 'a')],
    ['push', good.padEnd(512, 'a')],
    ['the service URL has characters that do not belong in a URL', `${good} `],
    ['the service URL has characters that do not belong in a URL', `${good}\\`],
    ['the service URL has characters that do not belong in a URL', 'https://one.bots\t.example.com/'],
    ['the service URL is not a URL', 'one.bots.example.com'],
    ['the service URL has a user name', 'https://user@one.bots.example.com/'],
    ['the service URL has a user name', 'https://:password@one.bots.example.com/'],
    ['the service URL has a query or fragment', `${good}?a`],
    ['the service URL has a query or fragment', `${good}#a`],
    ['the service URL is neither https nor http', 'wss://one.bots.example.com/'],
    [hostRefused('one.bots.example.com', 'is not https', 'http'), 'http://one.bots.example.com/'],
    [hostRefused('one.bots.example.com:8443', 'names a port'), 'https://one.bots.example.com:8443/'],
    [hostRefused('203.0.113.5', 'is an IP address'), 'https://203.0.113.5/'],
    [hostRefused('[2001:db8::1]', 'is an IP address'), 'https://[2001:db8::1]/'],
    [hostRefused('attacker.example', 'is not on the list'), 'https://attacker.example/'],
    [
      hostRefused('a.bots.example.com.attacker.example', 'is not on the list'),
      'https://a.bots.example.com.attacker.example/',
    ],
    [hostRefused('notbots.example.com', 'is not on the list'), 'https://notbots.example.com/'],
    [hostRefused('parent.example.net:8444', 'names a port'), 'https://parent.example.net:8444/'],
    ['inTurn', 'https://directline.botframework.com/'],
  ])('%s: %s', (reason, serviceUrl) => {
    expect(reasonOf(serviceUrl)).toBe(reason);
  });

  it('only an exact origin may be private', () => {
    expect(policy(good)).toEqual({ allowed: 'push', privateAllowed: false });
    expect(policy('https://parent.example.net:8443/')).toEqual({ allowed: 'push', privateAllowed: true });
  });
});

describe('addresses', () => {
  it.each([
    ['0.0.0.0', '0.255.255.255'],
    ['10.0.0.0', '10.255.255.255'],
    ['100.64.0.0', '100.127.255.255'],
    ['127.0.0.0', '127.255.255.255'],
    ['169.254.0.0', '169.254.255.255'],
    ['172.16.0.0', '172.31.255.255'],
    ['192.0.0.0', '192.0.0.255'],
    ['192.168.0.0', '192.168.255.255'],
    ['198.18.0.0', '198.19.255.255'],
    ['224.0.0.0', '255.255.255.255'],
    ['::', '::1'],
    ['64:ff9b::', '64:ff9b::ffff:ffff'],
    ['2001::', '2001:0:ffff:ffff::1'],
    ['2002::', '2002:ffff::1'],
    ['fc00::', 'fdff:ffff::1'],
    ['fe80::', 'febf:ffff::1'],
    ['ff00::', 'ffff:ffff::1'],
    ['::ffff:10.0.0.1', '::ffff:127.0.0.1'],
    ['', 'localhost'],
  ])('from %s to %s are private', (first, last) => {
    expect([isPrivateAddress(first), isPrivateAddress(last)]).toEqual([true, true]);
  });

  it.each([
    '1.0.0.0',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2001:1::1',
    '2003::1',
    'fec0::1',
    '2606:4700::1111',
  ])('%s is public', (address) => {
    expect(isPrivateAddress(address)).toBe(false);
  });
});
