import { describe, expect, it } from 'vitest';
import { agent, appId, certificate, type Change, key, leaksOf, parse, pem, tenant } from './helpers/settings.ts';

describe('settings that are taken', () => {
  it.each<[string, Record<string, string | undefined>, object]>([
    ['the least', {}, { port: 3978, host: '0.0.0.0', dataDir: './data', cloud: 'public', logLevel: 'info' }],
    [
      'identity',
      {},
      { identity: { appId, appType: 'SingleTenant', tenantId: tenant, credential: { kind: 'secret' } } },
    ],
    ['types in any case', { MicrosoftAppType: 'singletenant' }, { identity: { appType: 'SingleTenant' } }],
    ['a certificate', certificate, { identity: { credential: { kind: 'certificate', privateKey: pem.trim() } } }],
    [
      'a key with \\n for newlines',
      { ...certificate, CertificatePrivateKey: pem.replaceAll('\n', '\\n') },
      { identity: { credential: { kind: 'certificate' } } },
    ],
    [
      'a managed identity',
      { MicrosoftAppType: 'UserAssignedMsi', MicrosoftAppPassword: '' },
      { identity: { credential: { kind: 'managedIdentity' } } },
    ],
    [
      'MultiTenant with tenants',
      { MicrosoftAppType: 'MultiTenant', MicrosoftAppTenantId: '', ALLOWED_TENANTS: tenant },
      { identity: { tenantId: undefined }, allowedTenants: [tenant] },
    ],
    [
      'GUIDs in lower case, each once',
      { AllowedCallers: `${agent.toUpperCase()}, ${agent}` },
      { allowedCallers: [agent] },
    ],
    ['own and further tenants', { ALLOWED_TENANTS: `${agent},${tenant}` }, { allowedTenants: [tenant, agent] }],
    [
      'US government',
      { ChannelService: 'https://botframework.azure.us' },
      { cloud: 'usgov', loginUrl: 'https://login.microsoftonline.us' },
    ],
    ['a login on loopback', { LOGIN_URL: 'http://127.0.0.1:4000/' }, { loginUrl: 'http://127.0.0.1:4000' }],
    [
      'service URLs',
      { ALLOWED_SERVICE_URLS: '.Bots.example.com, https://a.example.com:8443/' },
      {
        serviceUrlRules: [
          { kind: 'suffix', suffix: '.bots.example.com' },
          { kind: 'origin', origin: 'https://a.example.com:8443' },
        ],
      },
    ],
    [
      'API keys, also with a colon in the secret',
      { NOTIFY_API_KEYS: `erp:${key}, crm:a:${key}` },
      {
        apiKeys: [
          { name: 'erp', secret: key },
          { name: 'crm', secret: `a:${key}` },
        ],
      },
    ],
    [
      'API keys from a file',
      { NOTIFY_API_KEYS: '', NOTIFY_API_KEYS_FILE: '/run/keys' },
      { apiKeys: [{ name: 'crm', secret: key }] },
    ],
    [
      'a secret from a file',
      { MicrosoftAppPassword: '', MicrosoftAppPassword_FILE: '/run/secret' },
      { identity: { credential: { secret: 'from-a-file' } } },
    ],
    ...['/run/bare', '/run/crlf', '/run/bom'].map((path): [string, Change, object] => [
      `a secret from ${path}`,
      { MicrosoftAppPassword: undefined, MicrosoftAppPassword_FILE: path },
      { identity: { credential: { secret: 'from-a-file' } } },
    ]),
    [
      'a private key from a file with CRLF',
      { ...certificate, CertificatePrivateKey: undefined, CertificatePrivateKey_FILE: '/run/pem' },
      { identity: { credential: { kind: 'certificate', privateKey: pem.replaceAll('\n', '\r\n').trim() } } },
    ],
    [
      'API keys from a file with CRLF',
      { NOTIFY_API_KEYS: undefined, NOTIFY_API_KEYS_FILE: '/run/keys-crlf' },
      {
        apiKeys: [
          { name: 'crm', secret: key },
          { name: 'erp', secret: `another-${key}` },
        ],
      },
    ],
    ['an empty setting is none', { PORT: ' ', LOG_LEVEL: '', HOST: '' }, { port: 3978, logLevel: 'info' }],
    ['an address of IPv6 to listen on', { HOST: '::' }, { host: '::' }],
    ['a host name to listen on', { HOST: 'localhost' }, { host: 'localhost' }],
    [
      'the smallest numbers',
      {
        PORT: '0',
        SENDER_RATE: '0',
        FAILURE_RATE: '0',
        WAIT_MAX_MINUTES: '1',
        WAIT_IN_TURN_SECONDS: '0',
        STOP_DELAY_SECONDS: '0',
        DELIVERY_CONCURRENCY: '1',
        HOST_SEND_RATE: '0',
        MAX_PENDING: '1',
        HISTORY_DAYS: '1',
        CONVERSATION_DAYS: '1',
        NOTIFICATION_TTL: '1s',
      },
      { port: 0, senderRate: 0, failureRate: 0, waitMaxMinutes: 1, maxPending: 1, notificationTtlMs: 1_000 },
    ],
    [
      'the largest numbers',
      {
        PORT: '65535',
        SENDER_RATE: '1000000',
        FAILURE_RATE: '1000000',
        WAIT_MAX_MINUTES: '1440',
        WAIT_IN_TURN_SECONDS: '8',
        STOP_DELAY_SECONDS: '8',
        DELIVERY_CONCURRENCY: '256',
        HOST_SEND_RATE: '10000',
        MAX_PENDING: '10000000',
        HISTORY_DAYS: '730',
        CONVERSATION_DAYS: '730',
        NOTIFICATION_TTL: '7d',
      },
      { port: 65_535, waitMaxMinutes: 1_440, stopDelayMs: 8_000, maxPending: 10_000_000, historyMs: 730 * 86_400_000 },
    ],
    [
      'a public URL with a slash',
      { PUBLIC_URL: 'https://notify.example.com/' },
      { publicUrl: 'https://notify.example.com' },
    ],
    [
      'proxies in front',
      { TRUSTED_PROXIES: '10.0.0.0/8, 2001:DB8::1' },
      {
        trustedProxies: [
          { address: '10.0.0.0', family: 'ipv4', prefix: 8 },
          { address: '2001:db8::1', family: 'ipv6', prefix: 128 },
        ],
      },
    ],
    [
      'no channel, unless one is named',
      {},
      {
        channels: {
          allowed: [],
          openIdMetadataUrl: 'https://login.botframework.com/v1/.well-known/openidconfiguration',
        },
      },
    ],
    [
      'channels in any case, each once',
      { ALLOWED_CHANNELS: 'MsTeams, webchat,directline,webchat' },
      { channels: { allowed: ['msteams', 'webchat', 'directline'] } },
    ],
    [
      'the keys of channels of US government',
      { ChannelService: 'https://botframework.azure.us' },
      {
        channels: { openIdMetadataUrl: 'https://login.botframework.azure.us/v1/.well-known/openidconfiguration' },
      },
    ],
    [
      'service URLs of a channel',
      { ALLOWED_SERVICE_URLS: 'msteams=https://teams.example.com, webchat=.chat.example.com' },
      {
        serviceUrlRules: [
          { kind: 'origin', origin: 'https://teams.example.com', channel: 'msteams' },
          { kind: 'suffix', suffix: '.chat.example.com', channel: 'webchat' },
        ],
      },
    ],
    ['times', { NOTIFICATION_TTL: '90s' }, { notificationTtlMs: 90_000 }],
    ['pushing when closed', { PUSH_WHEN_CLOSED: 'true' }, { pushWhenClosed: true }],
  ])('%s', (_, change, expected) => {
    expect(parse(change)).toMatchObject(expected);
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(parse({}))).toBe(true);
  });
});

describe('warnings', () => {
  it.each<[string, Record<string, string | undefined>, RegExp]>([
    ['no public URL', { PUBLIC_URL: '' }, /PUBLIC_URL is not set/],
    ['no API key', { NOTIFY_API_KEYS: '' }, /NOTIFY_API_KEYS is not set.*503/],
    [
      'a plain-http service URL',
      { ALLOWED_SERVICE_URLS: 'http://127.0.0.1:4000' },
      /ALLOWED_SERVICE_URLS: .* plain http/,
    ],
    ['a private service URL', { ALLOWED_SERVICE_URLS: 'https://10.0.0.5' }, /private/],
    ['a moved login', { LOGIN_URL: 'https://login.example.com' }, /LOGIN_URL is moved/],
    [
      'moved keys of channels',
      { CHANNEL_OPENID_METADATA_URL: 'https://l.example.com' },
      /CHANNEL_OPENID_METADATA_URL is/,
    ],
    ['moved keys', { OPENID_METADATA_URL: 'https://login.example.com/keys' }, /OPENID_METADATA_URL is moved/],
  ])('%s', (_, change, warning) => {
    expect(parse(change).warnings.join('\n')).toMatch(warning);
  });

  it.each<[string, Change]>([
    ['a plain-http service URL', { ALLOWED_SERVICE_URLS: 'http://canary.example.com' }],
    ['a private service URL', { ALLOWED_SERVICE_URLS: 'https://canary' }],
    ['a moved login', { LOGIN_URL: 'https://canary.example.com' }],
    ['moved keys', { OPENID_METADATA_URL: 'https://canary.example.com/keys?code=canary-secret' }],
    ['a public URL in plain http', { PUBLIC_URL: 'http://localhost:12345' }],
    ['a misspelt setting', { NOTIFY_API_KEYS: '', NOTIFY_API_KEY: 'canary:canary-secret-canary-secret' }],
  ])('without the value of %s', (_, change) => {
    const { warnings } = parse(change);
    expect(warnings).not.toEqual([]);
    expect(leaksOf(warnings.join('\n'), change)).toEqual([]);
  });

  it('none for the least settings', () => {
    expect(parse({}).warnings).toEqual([]);
  });
});
