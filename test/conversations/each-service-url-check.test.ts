// Each check of a service URL alone: a URL that is good but for that, and the words by which it was refused.

import { describe, expect, it } from 'vitest';
import { createServiceUrlPolicy } from '../../src/conversations/service-url-policy.ts';

const policy = createServiceUrlPolicy('public', [
  { kind: 'suffix', suffix: '.bots.example.com' },
  { kind: 'origin', origin: 'https://parent.example.net:8443' },
]);
const good = 'https://one.bots.example.com/';

function reasonOf(serviceUrl: unknown): string {
  const verdict = policy(serviceUrl);
  return verdict.allowed === 'no' ? verdict.reason : verdict.allowed;
}

const hostRefused = (host: string, why: string, scheme = 'https'): string =>
  `service URL host ${host} ${why}; if it is your parent's, add ${scheme}://${host} to ALLOWED_SERVICE_URLS`;

describe('the words name the check that a service URL did not pass', () => {
  it.each<[reason: string, serviceUrl: unknown]>([
    ['the service URL is not a text', 7],
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
    ['the service URL has a query or fragment', `${good}?`],
    ['the service URL has a query or fragment', `${good}#`],
    ['the service URL does not name its host as it is read', 'https:one.bots.example.com/'],
    ['the service URL does not name its host as it is read', 'https:///one.bots.example.com/'],
    ['the service URL does not name its host as it is read', 'https://%6fne.bots.example.com/'],
    ['the service URL does not name its host as it is read', 'https://one.bots.example.com:0443/'],
    ['the service URL does not name its host as it is read', 'https://0x7f.1/'],
    ['push', 'https://one.bots.example.com:443/'],
    ['push', 'https://one.bots.example.com./'],
    ['push', 'HTTPS://One.Bots.Example.com/'],
    ['the service URL is neither https nor http', 'wss://one.bots.example.com/'],
    [hostRefused('one.bots.example.com', 'is not https', 'http'), 'http://one.bots.example.com/'],
    [hostRefused('one.bots.example.com:8443', 'names a port'), 'https://one.bots.example.com:8443/'],
    [hostRefused('203.0.113.5', 'is an IP address'), 'https://203.0.113.5/'],
    [hostRefused('[2001:db8::1]', 'is an IP address'), 'https://[2001:db8::1]/'],
    [hostRefused('.bots.example.com', 'is not a host name'), 'https://.bots.example.com/'],
    [hostRefused('-a.bots.example.com', 'is not a host name'), 'https://-a.bots.example.com/'],
    [
      hostRefused('a.gateway.prod.island.powerapps.com.attacker.example', 'is not on the list'),
      'https://a.gateway.prod.island.powerapps.com.attacker.example/',
    ],
    [
      hostRefused('notgateway.prod.island.powerapps.com', 'is not on the list'),
      'https://notgateway.prod.island.powerapps.com/',
    ],
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

  it('a host for turns is none for another channel, in a turn or outside of one', () => {
    expect(policy('https://directline.botframework.com/', ['msteams']).allowed).toBe('no');
  });

  it('only an exact origin may be private', () => {
    expect(policy(good)).toEqual({ allowed: 'push', privateAllowed: false });
    expect(policy('https://parent.example.net:8443/')).toEqual({ allowed: 'push', privateAllowed: true });
  });
});
