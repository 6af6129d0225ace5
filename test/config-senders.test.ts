// T23: senders, each with a value of another form and a canary in it. The fault names the setting and the form it should
// have, and nowhere is the value.

import { expect, it } from 'vitest';
import { type BadSetting, refusalOf, key } from './helpers/settings.ts';

const integer = (min: number, max: number): string => `must be a whole number from ${min} to ${max}`;
const network = (entry: number): string =>
  `entry ${entry} must be an address or a network, such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32`;

const bad: readonly BadSetting[] = [
  [
    'a key without a secret',
    { NOTIFY_API_KEYS: 'canary-secret-without-a-name-1234' },
    'NOTIFY_API_KEYS',
    'entry 1: must be name:secret, the name of at most 64 letters, digits, - and _',
  ],
  [
    'a key with a short secret',
    { NOTIFY_API_KEYS: `erp:${key},canary:canary-secret` },
    'NOTIFY_API_KEYS',
    'entry 2: the secret needs at least 24 characters',
  ],
  [
    'a key with another alphabet',
    { NOTIFY_API_KEYS: 'erp:canary-secret-with-an-ümlaut-1234' },
    'NOTIFY_API_KEYS',
    'entry 1: the secret may have printable ASCII characters only',
  ],
  [
    'two keys of one name',
    { NOTIFY_API_KEYS: `canary:${key},canary:${key}2` },
    'NOTIFY_API_KEYS',
    'entry 2: has the name of an earlier entry',
  ],
  [
    'two keys with one secret',
    { NOTIFY_API_KEYS: `a:canary-${key},b:canary-${key}` },
    'NOTIFY_API_KEYS',
    'entry 2: has the secret of an earlier entry',
  ],
  ['a sender rate', { SENDER_RATE: 'canary' }, 'SENDER_RATE', integer(0, 1_000_000)],
  ['a failure rate', { FAILURE_RATE: '1e3canary' }, 'FAILURE_RATE', integer(0, 1_000_000)],
  ['a proxy', { TRUSTED_PROXIES: '10.0.0.1, canary.example.com' }, 'TRUSTED_PROXIES', network(2)],
  [
    'every address as proxy',
    { TRUSTED_PROXIES: '0.0.0.0/0' },
    'TRUSTED_PROXIES',
    'entry 1 is too wide (at least /8): whoever is in it chooses his own address',
  ],
  [
    'every IPv6 address as proxy',
    { TRUSTED_PROXIES: '10.0.0.0/8,::/0' },
    'TRUSTED_PROXIES',
    'entry 2 is too wide (at least /7): whoever is in it chooses his own address',
  ],
  [
    'an audience that every bot has',
    { NOTIFY_ENTRA_AUDIENCE: 'https://API.botframework.com' },
    'NOTIFY_ENTRA_AUDIENCE',
    "must be this service's own: every bot has tokens for that one",
  ],
  [
    'a tenant of senders',
    { NOTIFY_ENTRA_AUDIENCE: 'api://canary', NOTIFY_ENTRA_TENANT: 'canary.onmicrosoft.com' },
    'NOTIFY_ENTRA_TENANT',
    'entry 1 is not a GUID',
  ],
  [
    'keys and their file',
    { NOTIFY_API_KEYS: `canary:${key}`, NOTIFY_API_KEYS_FILE: '/run/keys' },
    'NOTIFY_API_KEYS',
    'set either this or NOTIFY_API_KEYS_FILE, not both',
  ],
  [
    'a file of keys that is not there',
    { NOTIFY_API_KEYS: undefined, NOTIFY_API_KEYS_FILE: '/run/canary' },
    'NOTIFY_API_KEYS_FILE',
    'the file cannot be read',
  ],
  [
    'a file with a short secret of a key',
    { NOTIFY_API_KEYS: undefined, NOTIFY_API_KEYS_FILE: '/run/short-key' },
    'NOTIFY_API_KEYS',
    'entry 1: the secret needs at least 24 characters',
  ],
];

it.each(bad)('%s', (_, change, setting, message) => {
  expect(refusalOf(change)).toEqual({ faults: [{ setting, message }], exitCode: 1, leaked: [] });
});
