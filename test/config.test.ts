import { describe, expect, it } from 'vitest';
import { agent, appId, certificate, key, parse, pem, tenant } from './helpers/settings.ts';

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
    [
      'a public URL with a slash',
      { PUBLIC_URL: 'https://notify.example.com/' },
      { publicUrl: 'https://notify.example.com' },
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

  it('none for the least settings', () => {
    expect(parse({}).warnings).toEqual([]);
  });
});
