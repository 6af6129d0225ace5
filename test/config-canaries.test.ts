// T23: all other settings, each with a value of another form and a canary in it. The fault names the setting and the form it should
// have, and nowhere is the value.

import { expect, it } from 'vitest';
import { agent, appId, type BadSetting, refusalOf, tenant } from './helpers/settings.ts';

const integer = (min: number, max: number): string => `must be a whole number from ${min} to ${max}`;
const duration = 'must be a time such as 90s, 30m, 24h or 7d, at most 7d';
const url = 'must be an https URL (http only for localhost or 127.0.0.1)';
const rate = (entry: number): string => `entry ${entry} must be seconds:count, such as 1:7, with at most 3600 seconds`;

const bad: readonly BadSetting[] = [
  ['a caller', { AllowedCallers: `${agent},canary-agent` }, 'AllowedCallers', 'entry 2 is not a GUID'],
  [
    'every caller',
    { AllowedCallers: `${agent},*` },
    'AllowedCallers',
    '"*" would let every app of the tenant call and choose where our tokens go; list the app ids',
  ],
  [
    'itself as caller',
    { AllowedCallers: appId },
    'AllowedCallers',
    'holds MicrosoftAppId: parent and skill need two app registrations',
  ],
  ['a further tenant', { ALLOWED_TENANTS: `${tenant}, canary` }, 'ALLOWED_TENANTS', 'entry 2 is not a GUID'],
  ['a cloud', { ChannelService: 'https://canary.azure.us' }, 'ChannelService', 'must be https://botframework.azure.us'],
  ['a login in plain http', { LOGIN_URL: 'http://canary.example.com' }, 'LOGIN_URL', url],
  ['a login by its name', { LOGIN_URL: 'canary.example.com' }, 'LOGIN_URL', url],
  [
    'a login with a path',
    { LOGIN_URL: 'https://login.example.com/canary' },
    'LOGIN_URL',
    'must have no path, query or fragment',
  ],
  [
    'a login with a query',
    { LOGIN_URL: 'https://login.example.com?code=canary' },
    'LOGIN_URL',
    'must have no path, query or fragment',
  ],
  [
    'a login with a password',
    { LOGIN_URL: 'https://canary:canary-secret@login.example.com' },
    'LOGIN_URL',
    'must not have a user name or password',
  ],
  ['keys in plain http', { OPENID_METADATA_URL: 'http://canary.example.com/keys' }, 'OPENID_METADATA_URL', url],
  [
    'keys with a password',
    { OPENID_METADATA_URL: 'https://canary:canary@keys.example.com/keys' },
    'OPENID_METADATA_URL',
    'must not have a user name or password',
  ],
  ['a public URL in plain http', { PUBLIC_URL: 'http://canary.example.com' }, 'PUBLIC_URL', url],
  ['a public URL of another protocol', { PUBLIC_URL: 'ftp://canary.example.com' }, 'PUBLIC_URL', url],
  [
    'a public URL with a path',
    { PUBLIC_URL: 'https://notify.example.com/canary' },
    'PUBLIC_URL',
    'must have no path, query or fragment',
  ],
  [
    'a host that is a URL',
    { HOST: 'http://canary.example.com' },
    'HOST',
    'must be an address or a host name to listen on, such as 0.0.0.0',
  ],
  [
    'a host with a port',
    { HOST: 'canary.example.com:80' },
    'HOST',
    'must be an address or a host name to listen on, such as 0.0.0.0',
  ],
  ['a port', { PORT: 'canary' }, 'PORT', integer(0, 65_535)],
  ['a port beyond the last', { PORT: '65536' }, 'PORT', integer(0, 65_535)],
  ['a port in hex', { PORT: '0xCAFE' }, 'PORT', integer(0, 65_535)],
  ['a named pipe as port', { PORT: '\\\\.\\pipe\\canary' }, 'PORT', integer(0, 65_535)],
  ['a wait', { WAIT_MAX_MINUTES: '25 canaries' }, 'WAIT_MAX_MINUTES', integer(1, 1_440)],
  ['a wait in the turn', { WAIT_IN_TURN_SECONDS: 'canary' }, 'WAIT_IN_TURN_SECONDS', integer(0, 8)],
  ['a stop', { STOP_DELAY_SECONDS: 'canary' }, 'STOP_DELAY_SECONDS', integer(0, 8)],
  ['a choice', { PUSH_WHEN_CLOSED: 'canary' }, 'PUSH_WHEN_CLOSED', 'must be true or false'],
  ['a life', { NOTIFICATION_TTL: 'canary' }, 'NOTIFICATION_TTL', duration],
  ['a life in weeks', { NOTIFICATION_TTL: '1w' }, 'NOTIFICATION_TTL', duration],
  ['a concurrency', { DELIVERY_CONCURRENCY: 'canary' }, 'DELIVERY_CONCURRENCY', integer(1, 256)],
  ['a pace of conversations', { CONVERSATION_SEND_RATES: '1:7,canary' }, 'CONVERSATION_SEND_RATES', rate(2)],
  ['a pace of hosts', { HOST_SEND_RATE: 'canary' }, 'HOST_SEND_RATE', integer(0, 10_000)],
  ['a limit of what is pending', { MAX_PENDING: '1_000_000canary' }, 'MAX_PENDING', integer(1, 10_000_000)],
  ['days of history', { HISTORY_DAYS: 'canary' }, 'HISTORY_DAYS', integer(1, 730)],
  ['days of conversations', { CONVERSATION_DAYS: '731' }, 'CONVERSATION_DAYS', integer(1, 730)],
  [
    'a log level',
    { LOG_LEVEL: 'canary' },
    'LOG_LEVEL',
    'must be trace or debug or info or warn or error or fatal or silent',
  ],
  [
    'a database',
    { DATABASE_URL: 'mysql://canary:canary-secret@db/canary' },
    'DATABASE_URL',
    'must have the form postgres://user:password@host:5432/database',
  ],
  [
    'a service URL by its host',
    { ALLOWED_SERVICE_URLS: 'canary.example.com' },
    'ALLOWED_SERVICE_URLS',
    'entry 1: must be a dot-suffix such as .bots.example.com or an exact origin such as https://bots.example.com',
  ],
  [
    'a service URL with a path',
    { ALLOWED_SERVICE_URLS: '.bots.example.com,https://bots.example.com/canary' },
    'ALLOWED_SERVICE_URLS',
    'entry 2: an exact origin has no path, query, user name or *',
  ],
  [
    'a service URL with a password',
    { ALLOWED_SERVICE_URLS: 'https://canary:canary-secret@bots.example.com' },
    'ALLOWED_SERVICE_URLS',
    'entry 1: an exact origin has no path, query, user name or *',
  ],
  [
    'a service URL of another protocol',
    { ALLOWED_SERVICE_URLS: 'wss://canary.example.com' },
    'ALLOWED_SERVICE_URLS',
    'entry 1: an exact origin is https://host or https://host:port',
  ],
  [
    'a suffix of one label',
    { ALLOWED_SERVICE_URLS: '.canary' },
    'ALLOWED_SERVICE_URLS',
    'entry 1: a dot-suffix has at least two labels, such as .example.com',
  ],
  [
    'a suffix that others share',
    { ALLOWED_SERVICE_URLS: '.canary.azurewebsites.net' },
    'ALLOWED_SERVICE_URLS',
    'entry 1: others can get a name under this suffix; name the exact origin, such as https://bots.example.com',
  ],
];

it.each(bad)('%s', (_, change, setting, message) => {
  expect(refusalOf(change)).toEqual({ faults: [{ setting, message }], exitCode: 1, leaked: [] });
});
