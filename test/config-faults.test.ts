import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { agent, appId, certificate, faultsOf, key } from './helpers/settings.ts';

const ecPem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

describe('settings that are refused, by name', () => {
  it.each<[string, Record<string, string | undefined>, string]>([
    [
      'the audience that every bot has',
      { NOTIFY_ENTRA_AUDIENCE: 'https://api.botframework.com' },
      'NOTIFY_ENTRA_AUDIENCE',
    ],
    ['a tenant of senders without their audience', { NOTIFY_ENTRA_TENANT: appId }, 'NOTIFY_ENTRA_AUDIENCE'],
    [
      'a tenant of senders that is no GUID',
      { NOTIFY_ENTRA_AUDIENCE: 'api://x', NOTIFY_ENTRA_TENANT: 'contoso.com' },
      'NOTIFY_ENTRA_TENANT',
    ],
    [
      'two tenants of senders',
      { NOTIFY_ENTRA_AUDIENCE: 'api://x', NOTIFY_ENTRA_TENANT: `${appId},${agent}` },
      'NOTIFY_ENTRA_TENANT',
    ],
    ['a rate without its count', { CONVERSATION_SEND_RATES: '1' }, 'CONVERSATION_SEND_RATES'],
    ['a rate of nothing', { CONVERSATION_SEND_RATES: '1:0' }, 'CONVERSATION_SEND_RATES'],
    ['a rate over two hours', { CONVERSATION_SEND_RATES: '7200:1' }, 'CONVERSATION_SEND_RATES'],
    ['a negative host rate', { HOST_SEND_RATE: '-1' }, 'HOST_SEND_RATE'],
    ['room for nothing', { MAX_PENDING: '0' }, 'MAX_PENDING'],
    ['a history of no days', { HISTORY_DAYS: '0' }, 'HISTORY_DAYS'],
    ['conversations for ten years', { CONVERSATION_DAYS: '3650' }, 'CONVERSATION_DAYS'],
    ['a stop that takes a minute', { STOP_DELAY_SECONDS: '60' }, 'STOP_DELAY_SECONDS'],
    ['no app id', { MicrosoftAppId: undefined }, 'MicrosoftAppId'],
    ['an empty app id', { MicrosoftAppId: ' ' }, 'MicrosoftAppId'],
    ['an app id that is no GUID', { MicrosoftAppId: 'my-bot' }, 'MicrosoftAppId'],
    ['no secret', { MicrosoftAppPassword: undefined }, 'MicrosoftAppPassword'],
    ['an empty secret', { MicrosoftAppPassword: '' }, 'MicrosoftAppPassword'],
    ['no tenant', { MicrosoftAppTenantId: undefined }, 'MicrosoftAppTenantId'],
    ['a tenant name instead of its id', { MicrosoftAppTenantId: 'contoso.com' }, 'MicrosoftAppTenantId'],
    ['"common" as tenant', { MicrosoftAppTenantId: 'common' }, 'MicrosoftAppTenantId'],
    ['an unknown type', { MicrosoftAppType: 'Tenant' }, 'MicrosoftAppType'],
    [
      'MultiTenant without tenants that may call',
      { MicrosoftAppType: 'MultiTenant', MicrosoftAppTenantId: '' },
      'ALLOWED_TENANTS',
    ],
    [
      'MultiTenant without a secret',
      { MicrosoftAppType: 'MultiTenant', MicrosoftAppPassword: '' },
      'MicrosoftAppPassword',
    ],
    ['a managed identity with a secret', { MicrosoftAppType: 'UserAssignedMSI' }, 'MicrosoftAppPassword'],
    [
      'a managed identity with a certificate',
      { ...certificate, MicrosoftAppType: 'UserAssignedMSI' },
      'CertificateThumbprint',
    ],
    [
      'a managed identity without tenant',
      { MicrosoftAppType: 'UserAssignedMSI', MicrosoftAppPassword: '', MicrosoftAppTenantId: '' },
      'MicrosoftAppTenantId',
    ],
    ['a secret and a certificate', { ...certificate, MicrosoftAppPassword: 'x' }, 'MicrosoftAppPassword'],
    ['a thumbprint without key', { ...certificate, CertificatePrivateKey: '' }, 'CertificatePrivateKey'],
    ['a key without thumbprint', { ...certificate, CertificateThumbprint: '' }, 'CertificateThumbprint'],
    ['a thumbprint that is none', { ...certificate, CertificateThumbprint: 'abc' }, 'CertificateThumbprint'],
    ['a key that is none', { ...certificate, CertificatePrivateKey: 'abc' }, 'CertificatePrivateKey'],
    ['a key that is not RSA', { ...certificate, CertificatePrivateKey: ecPem }, 'CertificatePrivateKey'],
    ['no callers', { AllowedCallers: undefined }, 'AllowedCallers'],
    ['a list of nothing', { AllowedCallers: ' , ,' }, 'AllowedCallers'],
    ['every caller', { AllowedCallers: '*' }, 'AllowedCallers'],
    ['every caller, hidden in a list', { AllowedCallers: `${agent},*` }, 'AllowedCallers'],
    ['a caller that is no GUID', { AllowedCallers: `${agent},agent` }, 'AllowedCallers'],
    ['the skill itself as caller', { AllowedCallers: `${agent},${appId.toUpperCase()}` }, 'AllowedCallers'],
    ['a tenant that is no GUID', { ALLOWED_TENANTS: 'common' }, 'ALLOWED_TENANTS'],
    ['every channel', { ALLOWED_CHANNELS: '*' }, 'ALLOWED_CHANNELS'],
    ['a channel whose hosts are not known', { ALLOWED_CHANNELS: 'msteams,slack' }, 'ALLOWED_CHANNELS'],
    ['a property of objects as a channel', { ALLOWED_CHANNELS: 'constructor' }, 'ALLOWED_CHANNELS'],
    ['the emulator as a channel', { ALLOWED_CHANNELS: 'emulator' }, 'ALLOWED_CHANNELS'],
    [
      'plain http for the keys of channels',
      { CHANNEL_OPENID_METADATA_URL: 'http://l.example.com' },
      'CHANNEL_OPENID_METADATA_URL',
    ],
    [
      'a service URL of an unknown channel',
      { ALLOWED_SERVICE_URLS: 'slack=https://s.example.com' },
      'ALLOWED_SERVICE_URLS',
    ],
    ['a wide suffix for a channel', { ALLOWED_SERVICE_URLS: 'msteams=.trafficmanager.net' }, 'ALLOWED_SERVICE_URLS'],
    ['an unknown cloud', { ChannelService: 'https://botframework.example.com' }, 'ChannelService'],
    ['plain http for tokens', { LOGIN_URL: 'http://login.example.com' }, 'LOGIN_URL'],
    ['a login with a path', { LOGIN_URL: 'https://login.example.com/tenant' }, 'LOGIN_URL'],
    ['plain http for keys', { OPENID_METADATA_URL: 'http://keys.example.com' }, 'OPENID_METADATA_URL'],
    ['a login that is no URL', { LOGIN_URL: 'login' }, 'LOGIN_URL'],
    ['a host that only begins like loopback', { LOGIN_URL: 'http://127.0.0.1.example.com' }, 'LOGIN_URL'],
    ['a login with a password in it', { LOGIN_URL: 'https://user:pass@login.example.com' }, 'LOGIN_URL'],
    ['a bare host as service URL', { ALLOWED_SERVICE_URLS: 'bots.example.com' }, 'ALLOWED_SERVICE_URLS'],
    ['a wildcard as service URL', { ALLOWED_SERVICE_URLS: 'https://*.example.com' }, 'ALLOWED_SERVICE_URLS'],
    ['a single label as suffix', { ALLOWED_SERVICE_URLS: '.com' }, 'ALLOWED_SERVICE_URLS'],
    [
      'a suffix that anybody can get a name under',
      { ALLOWED_SERVICE_URLS: '.azurewebsites.net' },
      'ALLOWED_SERVICE_URLS',
    ],
    ['trafficmanager.net as suffix', { ALLOWED_SERVICE_URLS: '.trafficmanager.net' }, 'ALLOWED_SERVICE_URLS'],
    ['an address as suffix', { ALLOWED_SERVICE_URLS: '.127.0.0.1' }, 'ALLOWED_SERVICE_URLS'],
    ['an origin with a path', { ALLOWED_SERVICE_URLS: 'https://bots.example.com/api' }, 'ALLOWED_SERVICE_URLS'],
    ['an origin with a user', { ALLOWED_SERVICE_URLS: 'https://a@bots.example.com' }, 'ALLOWED_SERVICE_URLS'],
    ['another protocol', { ALLOWED_SERVICE_URLS: 'ftp://bots.example.com' }, 'ALLOWED_SERVICE_URLS'],
    ['a key without a name', { NOTIFY_API_KEYS: `:${key}` }, 'NOTIFY_API_KEYS'],
    ['a key without a secret', { NOTIFY_API_KEYS: 'erp' }, 'NOTIFY_API_KEYS'],
    ['a secret of 23 characters', { NOTIFY_API_KEYS: `erp:${'x'.repeat(23)}` }, 'NOTIFY_API_KEYS'],
    ['a secret with a space', { NOTIFY_API_KEYS: `erp:${'x'.repeat(12)} ${'x'.repeat(12)}` }, 'NOTIFY_API_KEYS'],
    ['a name twice', { NOTIFY_API_KEYS: `erp:${key},erp:${key}2` }, 'NOTIFY_API_KEYS'],
    ['a secret twice', { NOTIFY_API_KEYS: `erp:${key},crm:${key}` }, 'NOTIFY_API_KEYS'],
    ['every address as proxy', { TRUSTED_PROXIES: '10.0.0.1, 0.0.0.0/0' }, 'TRUSTED_PROXIES'],
    ['every IPv6 address as proxy', { TRUSTED_PROXIES: '::/0' }, 'TRUSTED_PROXIES'],
    ['a proxy by its name', { TRUSTED_PROXIES: 'proxy.example.com' }, 'TRUSTED_PROXIES'],
    ['a public URL that is none', { PUBLIC_URL: 'notify.example.com' }, 'PUBLIC_URL'],
    ['a public URL in plain http', { PUBLIC_URL: 'http://notify.example.com' }, 'PUBLIC_URL'],
    ['a public URL with a path', { PUBLIC_URL: 'https://notify.example.com/api' }, 'PUBLIC_URL'],
    ['a port that is none', { PORT: '80a' }, 'PORT'],
    ['a port out of range', { PORT: '70000' }, 'PORT'],
    ['a wait of no minutes', { WAIT_MAX_MINUTES: '0' }, 'WAIT_MAX_MINUTES'],
    ['a turn that takes too long', { WAIT_IN_TURN_SECONDS: '60' }, 'WAIT_IN_TURN_SECONDS'],
    ['half a worker', { DELIVERY_CONCURRENCY: '0.5' }, 'DELIVERY_CONCURRENCY'],
    ['yes instead of true', { PUSH_WHEN_CLOSED: 'yes' }, 'PUSH_WHEN_CLOSED'],
    ['a time without unit', { NOTIFICATION_TTL: '24' }, 'NOTIFICATION_TTL'],
    ['a time that is too long', { NOTIFICATION_TTL: '8d' }, 'NOTIFICATION_TTL'],
    ['no time at all', { NOTIFICATION_TTL: '0h' }, 'NOTIFICATION_TTL'],
    ['an unknown log level', { LOG_LEVEL: 'loud' }, 'LOG_LEVEL'],
    ['TLS checks switched off', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, 'NODE_TLS_REJECT_UNAUTHORIZED'],
    ['a database of another kind', { DATABASE_URL: 'mysql://user:password@db/name' }, 'DATABASE_URL'],
    ['a secret and its file', { MicrosoftAppPassword_FILE: '/run/secret' }, 'MicrosoftAppPassword'],
    [
      'a secret file that is not there',
      { MicrosoftAppPassword: '', MicrosoftAppPassword_FILE: '/run/none' },
      'MicrosoftAppPassword_FILE',
    ],
    [
      'a secret file that is empty',
      { MicrosoftAppPassword: '', MicrosoftAppPassword_FILE: '/run/empty' },
      'MicrosoftAppPassword_FILE',
    ],
  ])('%s', (_, change, setting) => {
    expect(faultsOf(change).map((fault) => fault.setting)).toEqual([setting]);
  });

  it.each([
    ['where its name was forgotten', 'canary-secret-without-a-name-1234'],
    ['that is too short', 'erp:canary'],
    ['that another name has', `erp:canary-${key},canary:canary-${key}`],
    ['whose name is there twice', `canary:${key},canary:${key}2`],
  ])('without repeating an API key %s', (_, keys) => {
    const faults = faultsOf({ NOTIFY_API_KEYS: keys });
    expect(faults.map((fault) => fault.setting)).toEqual(['NOTIFY_API_KEYS']);
    expect(JSON.stringify(faults)).not.toContain('canary');
  });

  it('each once', () => {
    expect(faultsOf({ LOGIN_URL: 'login' }).map((fault) => fault.setting)).toEqual(['LOGIN_URL']);
  });

  it('all at once, and never with a value', () => {
    const faults = faultsOf({
      MicrosoftAppId: 'x-my-id',
      AllowedCallers: '*',
      PORT: 'x-port',
      NOTIFY_API_KEYS: 'x:secret',
    });
    expect(faults.map((fault) => fault.setting)).toEqual([
      'PORT',
      'MicrosoftAppId',
      'AllowedCallers',
      'NOTIFY_API_KEYS',
    ]);
    expect(JSON.stringify(faults)).not.toMatch(/x-my-id|x-port|x:secret|secret"/);
  });

  it('says which channels are possible when it does not know one', () => {
    const [fault] = faultsOf({ ALLOWED_CHANNELS: 'msteams,slack' });
    expect(fault?.message).toBe('entry 2 is not a channel that is known here: msteams, webchat, directline');
  });
});
