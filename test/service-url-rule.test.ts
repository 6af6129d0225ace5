import { describe, expect, it } from 'vitest';
import { parseServiceUrlRule } from '../src/service-url-rule.ts';

describe('dot-suffixes', () => {
  it.each(['.example.com', '.bots.example.com', '.example.co.uk', '.gateway.prod.island.powerapps.com'])(
    '%s is taken',
    (entry) => {
      expect(parseServiceUrlRule(entry)).toEqual({ rule: { kind: 'suffix', suffix: entry } });
    },
  );

  it.each([
    ['a public suffix', '.co.uk'],
    ['a registry below a region', '.westeurope.azurecontainerapps.io'],
    ['storage sites', '.z6.web.core.windows.net'],
    ['deployment sites', '.scm.azurewebsites.net'],
    ['buckets', '.s3.amazonaws.com'],
    ['virtual machines', '.westeurope.cloudapp.azure.com'],
    ['upper case', '.TrafficManager.NET'],
    ['an empty label', '.example..com'],
    ['a port', '.example.com:8443'],
    ['a path', '.example.com/api'],
  ])('%s is refused: %s', (_, entry) => {
    expect(parseServiceUrlRule(entry)).toHaveProperty('fault');
  });
});

describe('exact origins', () => {
  it.each([
    ['https://parent.azurewebsites.net', 'https://parent.azurewebsites.net'],
    ['https://Bots.Example.com:443/', 'https://bots.example.com'],
  ])('%s is taken', (entry, origin) => {
    expect(parseServiceUrlRule(entry)).toEqual({ rule: { kind: 'origin', origin } });
  });

  it.each([
    ['http://127.0.0.1:4000', /plain http/],
    ['https://10.0.0.5:8443', /private/],
    ['https://[::1]', /private/],
    ['https://parent', /private/],
  ])('%s is taken with a warning', (origin, warning) => {
    expect(parseServiceUrlRule(origin)).toEqual({
      rule: { kind: 'origin', origin },
      warning: expect.stringMatching(warning),
    });
  });

  it.each([
    'https://',
    'https://a.example.com?x',
    'https://a.example.com/#x',
    'ftp://a.example.com',
    'https://*.example.com',
  ])('%s is refused', (entry) => {
    expect(parseServiceUrlRule(entry)).toHaveProperty('fault');
  });

  it('a bare host is refused with both right forms', () => {
    expect(parseServiceUrlRule('bots.example.com')).toMatchObject({
      fault: expect.stringMatching(/\.bots\.example\.com.*https:\/\/bots\.example\.com/),
    });
  });
});
