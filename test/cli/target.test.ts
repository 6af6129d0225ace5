// Which service the commands ask, and with which key, by the options and the settings.

import { describe, expect, it } from 'vitest';
import { findTarget } from '../../src/cli/target.ts';

const first = `a:b${'c'.repeat(24)}`;
const second = 'd'.repeat(24);
const settings = { PORT: '4001', NOTIFY_API_KEYS: `erp:${first},crm:${second}` };
const files: Readonly<Record<string, string>> = { '/run/keys': `erp:${second}\n` };

const find = (given: Parameters<typeof findTarget>[0], env: Record<string, string>) =>
  findTarget(given, env, (path) => files[path] ?? '');

describe('a command asks', () => {
  it.each<[string, Parameters<typeof find>, string]>([
    ['this machine at 3978 with no settings', [{}, {}], 'http://localhost:3978'],
    ['this machine at PORT', [{}, settings], 'http://localhost:4001'],
    ['where --url says, whatever PORT is', [{ url: 'https://a.example' }, settings], 'https://a.example'],
    ['this machine at 3978 where PORT is no port', [{}, { PORT: 'x' }], 'http://localhost:3978'],
  ])('%s', (_, [given, env], url) => {
    expect(find(given, env).url).toBe(url);
  });
});

describe('a command shows', () => {
  const own = { ...settings, NOTIFY_API_KEY: 'own' };
  it.each<[string, Parameters<typeof find>, string]>([
    ['no key with no settings', [{}, {}], ''],
    ['the first of NOTIFY_API_KEYS, whose secret may have colons', [{}, settings], first],
    ['the first of the file of NOTIFY_API_KEYS_FILE', [{}, { NOTIFY_API_KEYS_FILE: '/run/keys' }], second],
    ['NOTIFY_API_KEY rather than that', [{}, own], 'own'],
    ['the first of NOTIFY_API_KEYS where NOTIFY_API_KEY is empty', [{}, { ...settings, NOTIFY_API_KEY: '' }], first],
    ['none of NOTIFY_API_KEYS to a service that was named', [{ url: 'https://a.example' }, settings], ''],
    ['--key rather than all of them', [{ key: 'given' }, own], 'given'],
    ['no key where --key is empty', [{ key: '' }, own], ''],
  ])('%s', (_, [given, env], key) => {
    expect(find(given, env).key).toBe(key);
  });
});
