// Each check of a setting alone, with its words: where two checks refuse the same value, they tell which one did.

import { describe, expect, it } from 'vitest';
import { agent, appId, certificate, faultsOf, key, parse, tenant } from './helpers/settings.ts';

type Change = Record<string, string | undefined>;

const form = 'entry 1: must be name:secret, the name of at most 64 letters, digits, - and _';
const multiTenant = { MicrosoftAppType: 'MultiTenant', MicrosoftAppTenantId: '', ALLOWED_TENANTS: tenant };

describe('the words name the check that a setting did not pass', () => {
  it.each<[setting: string, message: string, Change]>([
    [
      'AllowedCallers',
      '"*" would let every app of the tenant call and choose where our tokens go; list the app ids',
      { AllowedCallers: `${agent},*` },
    ],
    [
      'ALLOWED_CHANNELS',
      '"*" would let every channel call that the bot is ever connected to; list their ids',
      { ALLOWED_CHANNELS: 'msteams,*' },
    ],
    [
      'ALLOWED_CHANNELS',
      'entry 2 is not a channel that is known here: msteams, webchat, directline',
      { ALLOWED_CHANNELS: 'msteams,slack' },
    ],
    ['NOTIFY_API_KEYS', form, { NOTIFY_API_KEYS: `:${key}` }],
    ['NOTIFY_API_KEYS', form, { NOTIFY_API_KEYS: `a b:${key}` }],
    ['NOTIFY_API_KEYS', form, { NOTIFY_API_KEYS: `${'n'.repeat(65)}:${key}` }],
    ['NOTIFY_API_KEYS', form, { NOTIFY_API_KEYS: 'erp:' }],
    [
      'NOTIFY_API_KEYS',
      'entry 1: the secret needs at least 24 characters',
      { NOTIFY_API_KEYS: `erp:${'x'.repeat(23)}` },
    ],
    [
      'NOTIFY_API_KEYS',
      'entry 1: the secret may have printable ASCII characters only',
      { NOTIFY_API_KEYS: `erp:${'ü'.repeat(24)}` },
    ],
    ['NOTIFY_API_KEYS', 'entry 2: has the name of an earlier entry', { NOTIFY_API_KEYS: `erp:${key},erp:${key}2` }],
    ['NOTIFY_API_KEYS', 'entry 2: has the secret of an earlier entry', { NOTIFY_API_KEYS: `erp:${key},crm:${key}` }],
    ['NOTIFY_ENTRA_AUDIENCE', 'is missing: the audience of the tokens of senders', { NOTIFY_ENTRA_TENANT: tenant }],
    [
      'NOTIFY_ENTRA_TENANT',
      'must be one tenant',
      { NOTIFY_ENTRA_AUDIENCE: 'api://x', NOTIFY_ENTRA_TENANT: `${tenant},${appId}` },
    ],
    [
      'NOTIFY_ENTRA_AUDIENCE',
      "must be this service's own: every bot has tokens for that one",
      { NOTIFY_ENTRA_AUDIENCE: 'https://API.BotFramework.com' },
    ],
    [
      'NOTIFY_ENTRA_TENANT',
      'is missing: the tenant whose apps may notify',
      { ...multiTenant, NOTIFY_ENTRA_AUDIENCE: 'api://x' },
    ],
    [
      'NODE_TLS_REJECT_UNAUTHORIZED',
      'must not be 0: tokens would go to anybody who answers',
      { NODE_TLS_REJECT_UNAUTHORIZED: ' 0 ' },
    ],
    [
      'DATABASE_URL',
      'must have the form postgres://user:password@host:5432/database',
      { DATABASE_URL: 'mysql://user:password@db/name' },
    ],
    [
      'DATABASE_URL',
      'must have the form postgres://user:password@host:5432/database',
      { DATABASE_URL: 'postgres://user:password@db:port/name' },
    ],
    [
      'CertificateThumbprint',
      'is missing: it goes with CertificatePrivateKey',
      { ...certificate, CertificateThumbprint: '' },
    ],
    [
      'CertificatePrivateKey',
      'is missing: it goes with CertificateThumbprint',
      { ...certificate, CertificatePrivateKey: '' },
    ],
    ['LOGIN_URL', 'must have no path, query or fragment', { LOGIN_URL: 'https://login.example.com?a' }],
    ['LOGIN_URL', 'must have no path, query or fragment', { LOGIN_URL: 'https://login.example.com#a' }],
    ['LOGIN_URL', 'must not have a user name or password', { LOGIN_URL: 'https://user@login.example.com' }],
    ['LOGIN_URL', 'must not have a user name or password', { LOGIN_URL: 'https://:password@login.example.com' }],
    [
      'LOGIN_URL',
      'must be an https URL (http only for localhost or 127.0.0.1)',
      { LOGIN_URL: 'ftp://login.example.com' },
    ],
  ])('%s %s', (setting, message, change) => {
    expect(faultsOf(change)).toEqual([{ setting, message }]);
  });
});

describe('what is just good enough', () => {
  it.each<[string, Change, object]>([
    [
      'a secret of 24 characters',
      { NOTIFY_API_KEYS: `erp:${'x'.repeat(24)}` },
      { apiKeys: [{ secret: 'x'.repeat(24) }] },
    ],
    [
      'a name of 64 characters',
      { NOTIFY_API_KEYS: `${'n'.repeat(64)}:${key}` },
      { apiKeys: [{ name: 'n'.repeat(64) }] },
    ],
    ['a blank setting', { LOGIN_URL: ' ' }, { loginUrl: 'https://login.microsoftonline.com' }],
    ['TLS that is checked', { NODE_TLS_REJECT_UNAUTHORIZED: '1' }, {}],
    [
      'a tenant of senders where the service has none of its own',
      { ...multiTenant, NOTIFY_ENTRA_AUDIENCE: 'api://x', NOTIFY_ENTRA_TENANT: tenant },
      { notifyEntra: { audience: 'api://x', tenantId: tenant } },
    ],
  ])('%s', (_, change, expected) => {
    expect(parse(change)).toMatchObject(expected);
  });
});
