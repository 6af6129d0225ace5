// Each check of an entry of ALLOWED_SERVICE_URLS alone, with its words.

import { describe, expect, it } from 'vitest';
import { parseServiceUrlRule } from '../src/service-url-rule.ts';

const form = 'must be a dot-suffix such as .bots.example.com or an exact origin such as https://bots.example.com';
const unknown = 'the channel before the = is not known here: msteams, webchat, directline';
const suffix = 'a dot-suffix has at least two labels, such as .example.com';
const shared = 'others can get a name under this suffix; name the exact origin, such as https://bots.example.com';
const origin = 'an exact origin is https://host or https://host:port';
const parts = 'an exact origin has no path, query, user name or *';
const http = 'is plain http: tokens can be read on the way';
const bare = 'is a private host or a bare address';

function wordsOf(entry: string): string | undefined {
  const parsed = parseServiceUrlRule(entry);
  return 'fault' in parsed ? parsed.fault : parsed.warning;
}

describe('the words name the check that an entry did not pass', () => {
  it.each([
    [form, 'bots.example.com'],
    [form, 'msteams=bots.example.com'],
    [unknown, 'slack=https://bots.example.com'],
    [unknown, 'constructor=.bots.example.com'],
    [shared, 'msteams=.trafficmanager.net'],
    [suffix, '.com'],
    [suffix, '.example..com'],
    [suffix, '.10.0.0.1'],
    [shared, '.co.uk'],
    [shared, '.corp.local'],
    [shared, '.microsoft.com'],
    [shared, '.azurewebsites.net'],
    [shared, '.westeurope.azurecontainerapps.io'],
    [shared, '.AzureWebsites.NET'],
    [origin, 'ftp://bots.example.com'],
    [origin, 'https://'],
    [parts, 'https://user@bots.example.com'],
    [parts, 'https://:password@bots.example.com'],
    [parts, 'https://bots.example.com/api'],
    [parts, 'https://bots.example.com?a'],
    [parts, 'https://bots.example.com#a'],
    [parts, 'https://*.example.com'],
    [http, 'http://bots.example.com'],
    [bare, 'https://localhost'],
    [bare, 'https://127.0.0.1'],
    [bare, 'https://10.0.0.5'],
    [bare, 'https://[::1]'],
    [bare, 'https://[fd00::1]'],
    [bare, 'https://parent'],
    [undefined, 'https://bots.example.com:8443'],
    [undefined, '.example.com'],
  ])('%s: %s', (words, entry) => {
    expect(wordsOf(entry)).toBe(words);
  });
});

it('a rule for a channel is one for no parent', () => {
  expect(parseServiceUrlRule('msteams=.bots.example.com')).toEqual({
    rule: { kind: 'suffix', suffix: '.bots.example.com', channel: 'msteams' },
  });
  expect(parseServiceUrlRule('webchat=https://bots.example.com')).toEqual({
    rule: { kind: 'origin', origin: 'https://bots.example.com', channel: 'webchat' },
  });
});
