import { describe, expect, it } from 'vitest';
import { createServiceUrlPolicy, requireServiceUrl } from '../../src/conversations/service-url-policy.ts';

const policy = createServiceUrlPolicy('public', [
  { kind: 'suffix', suffix: '.bots.example.com' },
  { kind: 'origin', origin: 'https://parent.example.net:8443' },
  { kind: 'origin', origin: 'http://127.0.0.1:4000' },
]);

describe('service URLs that may be posted to', () => {
  it.each([
    ['Copilot Studio', 'https://pvaruntime.us-il102.gateway.prod.island.powerapps.com/api/runtime/bots/1/skillsV2/'],
    ['a region yet unknown', 'https://pvaruntime.xx-il9.gateway.prod.island.powerapps.com/api/'],
    ['upper case in the host', 'https://PVARUNTIME.us-il102.GATEWAY.prod.island.powerapps.com/'],
    ['the explicit default port', 'https://pvaruntime.us-il102.gateway.prod.island.powerapps.com:443/'],
    ["an operator's suffix", 'https://one.bots.example.com/api/skills'],
    ["an operator's exact origin", 'https://parent.example.net:8443/api/skills'],
    ['an exact plain-http origin', 'http://127.0.0.1:4000/api/skills'],
  ])('%s', (_, url) => {
    expect(policy(url).allowed).toBe('push');
  });

  it('lets only an exact origin resolve to a private address', () => {
    expect(policy('http://127.0.0.1:4000/')).toEqual({ allowed: 'push', privateAllowed: true });
    expect(policy('https://one.bots.example.com/')).toEqual({ allowed: 'push', privateAllowed: false });
  });
});

describe('service URLs that may only be named inside a turn', () => {
  it.each(['https://directline.botframework.com/', 'https://europe.directline.botframework.com/'])('%s', (url) => {
    expect(policy(url).allowed).toBe('inTurn');
  });
});

describe('service URLs of channels', () => {
  it.each([
    ['Teams', 'https://smba.trafficmanager.net/emea/', ['msteams'], 'push'],
    ['Teams among others', 'https://smba.trafficmanager.net/emea/', ['webchat', 'msteams'], 'push'],
    ['Teams for Web Chat', 'https://smba.trafficmanager.net/emea/', ['webchat'], 'no'],
    ['Teams for no channel', 'https://smba.trafficmanager.net/emea/', [], 'no'],
    ['Direct Line, posted to', 'https://directline.botframework.com/', ['directline'], 'push'],
    ["a parent's suffix", 'https://one.bots.example.com/api/skills', ['msteams'], 'no'],
    ["a parent's origin", 'http://127.0.0.1:4000/', ['msteams'], 'no'],
    ['a property of objects as a channel', 'https://smba.trafficmanager.net/', ['constructor'], 'no'],
  ])('%s', (_, url, channels, allowed) => {
    expect(policy(url, channels).allowed).toBe(allowed);
  });

  it('are none of a parent', () => {
    expect(policy('https://smba.trafficmanager.net/emea/').allowed).toBe('no');
  });

  it('names both settings when a host is of none', () => {
    expect(policy('https://teams.contoso.com/', ['msteams'])).toMatchObject({
      reason: expect.stringMatching(
        /ALLOWED_CHANNELS.*add msteams=https:\/\/teams.contoso.com to ALLOWED_SERVICE_URLS/,
      ),
    });
  });
});

describe('service URLs that are refused', () => {
  it.each([
    ['a stranger', 'https://attacker.example/'],
    ['a prefix of ours', 'https://pvaruntime.attacker.example/'],
    ['a suffix without its dot', 'https://evilgateway.prod.island.powerapps.com.attacker.example/'],
    ['the bare suffix host of another', 'https://notgateway.prod.island.powerapps.com/'],
    ['plain http', 'http://pvaruntime.us-il102.gateway.prod.island.powerapps.com/'],
    ['another port', 'https://pvaruntime.us-il102.gateway.prod.island.powerapps.com:8443/'],
    ['user info', 'https://user@pvaruntime.us-il102.gateway.prod.island.powerapps.com/'],
    [
      'user info that looks like the host',
      'https://pvaruntime.us-il102.gateway.prod.island.powerapps.com@attacker.example/',
    ],
    ['a query', 'https://one.bots.example.com/?to=x'],
    ['a fragment', 'https://one.bots.example.com/#x'],
    ['a backslash', 'https://attacker.example\\.bots.example.com/'],
    ['a tab in the host', 'https://attacker.example/\t.bots.example.com/'],
    ['an encoded slash in the host', 'https://attacker.example%2f.bots.example.com/'],
    ['an IPv4 literal', 'https://203.0.113.5/'],
    ['a decimal IPv4 literal', 'https://2130706433/'],
    ['an IPv6 literal', 'https://[::1]/'],
    ['the metadata service', 'http://169.254.169.254/latest/'],
    ['localhost', 'https://localhost/'],
    ['the same host on another port than the exact origin', 'http://127.0.0.1:4001/'],
    ['https on an exact plain-http origin', 'https://127.0.0.1:4000/'],
    ['file', 'file:///etc/passwd'],
    ['javascript', 'javascript:alert(1)'],
    ['nothing', ''],
    ['no URL', 'not a url'],
    ['too long', `https://one.bots.example.com/${'a'.repeat(512)}`],
    ['anyone can register under trafficmanager.net', 'https://evil.trafficmanager.net/'],
  ])('%s', (_, url) => {
    expect(policy(url).allowed).toBe('no');
  });

  it('names the setting that would let the host in', () => {
    expect(policy('https://parent.contoso.com/api/skills')).toMatchObject({
      reason: expect.stringContaining('add https://parent.contoso.com to ALLOWED_SERVICE_URLS'),
    });
  });
});

/** What the tables of hosts must hold whatever else changes: an empty one would refuse every parent. */
describe.each<[host: string, publicCloud: string, usGovernment: string]>([
  ['pvaruntime.us-il102.gateway.prod.island.powerapps.com', 'push', 'no'],
  ['pvaruntime.eu-ia106.gateway.prod.island.powerapps.com', 'push', 'no'],
  ['pvaruntime.uk-il1001.gateway.prod.island.powerapps.com', 'push', 'no'],
  ['PVARUNTIME.US-IL102.GATEWAY.PROD.ISLAND.POWERAPPS.COM', 'push', 'no'],
  ['pvaruntime.us-il102.gateway.prod.island.powerapps.com.', 'push', 'no'],
  ['pvaruntime.us-il102.gateway.prod.island.powerapps.com:443', 'push', 'no'],
  ['pvaruntime.us-il1.gateway.gov.island.powerapps.us', 'no', 'push'],
  ['pvaruntime.us-il1.gateway.gov.island.appsplatform.us', 'no', 'push'],
  ['directline.botframework.com', 'inTurn', 'no'],
  ['europe.directline.botframework.com', 'inTurn', 'no'],
  ['webchat.botframework.com', 'inTurn', 'no'],
  ['directline.botframework.azure.us', 'no', 'inTurn'],
  ['webchat.botframework.azure.us', 'no', 'inTurn'],
  // Channels of their own, whose tokens the gate refuses: nobody with a skill's token has business there.
  ['smba.trafficmanager.net', 'no', 'no'],
  ['token.botframework.com', 'no', 'no'],
  ['api.botframework.com', 'no', 'no'],
  ['smba.infra.gcc.teams.microsoft.com', 'no', 'no'],
  ['default1.environment.api.powerplatform.com', 'no', 'no'],
])('https://%s', (host, publicCloud, usGovernment) => {
  it(`${publicCloud} in the public cloud, ${usGovernment} for US government`, () => {
    for (const path of ['', '/', '/api/runtime/bots/1/skillsV2/']) {
      expect(createServiceUrlPolicy('public', [])(`https://${host}${path}`).allowed).toBe(publicCloud);
      expect(createServiceUrlPolicy('usgov', [])(`https://${host}${path}`).allowed).toBe(usGovernment);
    }
  });
});

describe('an activity', () => {
  const testPane = 'https://directline.botframework.com/';

  it('may name a host that takes no posts where its replies travel in the answer', () => {
    expect(() => requireServiceUrl(policy, { serviceUrl: testPane, deliveryMode: 'expectReplies' })).not.toThrow();
  });

  it.each(['normal', 'notification', undefined])('may not on delivery mode %s', (deliveryMode) => {
    expect(() => requireServiceUrl(policy, { serviceUrl: testPane, deliveryMode })).toThrow(
      expect.objectContaining({ code: 'service_url_not_allowed', reason: 'it takes no replies outside of a turn' }),
    );
  });
});
