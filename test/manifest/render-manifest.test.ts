import { describe, expect, it } from 'vitest';
import { fillPlaceholders, listValues, loadManifests } from '../../src/manifest/render-manifest.ts';

const values = {
  appId: '11111111-2222-4333-8444-555555555555',
  endpointUrl: 'https://notify.example.com/api/messages',
  publicUrl: 'https://notify.example.com',
};

describe('fillPlaceholders', () => {
  it('fills in every place of every value', () => {
    const text = fillPlaceholders('{"a":"${appId}","b":"${endpointUrl}","c":"at ${publicUrl} as ${appId}"}', values);
    expect(JSON.parse(text)).toEqual({
      a: values.appId,
      b: values.endpointUrl,
      c: `at ${values.publicUrl} as ${values.appId}`,
    });
  });

  it.each(['${unknown}', '${}', '${toString}'])('throws for %s, which has no value, and names it', (placeholder) => {
    expect(() => fillPlaceholders(`{"a":"${placeholder}"}`, values)).toThrow(placeholder);
  });

  it('throws for a value that is empty', () => {
    expect(() => fillPlaceholders('{"a":"${appId}"}', { ...values, appId: '' })).toThrow('${appId}');
  });

  it('keeps the file valid JSON whatever a value holds', () => {
    const publicUrl = 'https://notify.example.com/"\\\n$&${appId}';
    expect(JSON.parse(fillPlaceholders('{"a":"${publicUrl}"}', { ...values, publicUrl }))).toEqual({ a: publicUrl });
  });
});

describe('listValues', () => {
  it.each([
    ['https://notify.example.com/api/messages', 'https://notify.example.com'],
    ['https://example.com/notify/api/messages', 'https://example.com/notify'],
    ['https://example.com/notify/bot', 'https://example.com'],
  ])('finds with the endpoint %s the service itself at %s', (endpointUrl, publicUrl) => {
    expect(listValues({ appId: 'x', endpointUrl })).toMatchObject({ publicUrl, filesUrl: `${publicUrl}/manifests` });
  });
});

describe('loadManifests', () => {
  it('says name and publisher as they are given', () => {
    for (const text of loadManifests({ ...values, name: 'ERP "news"', publisher: 'Contoso' }).values()) {
      expect(JSON.parse(text)).toMatchObject({ name: 'ERP "news"', publisherName: 'Contoso' });
    }
  });

  it('offers both schema versions under their file names', () => {
    expect([...loadManifests(values).keys()]).toEqual(['skill-manifest-2.2.json', 'skill-manifest-2.0.json']);
  });

  it('leaves no placeholder behind', () => {
    for (const text of loadManifests(values).values()) expect(text).not.toContain('${');
  });
});
