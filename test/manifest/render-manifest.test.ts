import { describe, expect, it } from 'vitest';
import { loadManifests, renderManifest } from '../../src/manifest/render-manifest.ts';

const values = {
  appId: '11111111-2222-4333-8444-555555555555',
  endpointUrl: 'https://notify.example.com/api/messages',
  publicUrl: 'https://notify.example.com',
};

describe('renderManifest', () => {
  it('fills in every place of every value', () => {
    const text = renderManifest('{"a":"${appId}","b":"${endpointUrl}","c":"at ${publicUrl} as ${appId}"}', values);
    expect(JSON.parse(text)).toEqual({
      a: values.appId,
      b: values.endpointUrl,
      c: `at ${values.publicUrl} as ${values.appId}`,
    });
  });

  it.each(['${unknown}', '${}', '${toString}'])('throws for %s, which has no value, and names it', (placeholder) => {
    expect(() => renderManifest(`{"a":"${placeholder}"}`, values)).toThrow(placeholder);
  });

  it('throws for a value that is empty', () => {
    expect(() => renderManifest('{"a":"${appId}"}', { ...values, appId: '' })).toThrow('${appId}');
  });

  it('keeps the file valid JSON whatever a value holds', () => {
    const publicUrl = 'https://notify.example.com/"\\\n$&${appId}';
    expect(JSON.parse(renderManifest('{"a":"${publicUrl}"}', { ...values, publicUrl }))).toEqual({ a: publicUrl });
  });
});

describe('loadManifests', () => {
  it('offers both schema versions under their file names', () => {
    expect([...loadManifests(values).keys()]).toEqual(['skill-manifest-2.2.json', 'skill-manifest-2.0.json']);
  });

  it('leaves no placeholder behind', () => {
    for (const text of loadManifests(values).values()) expect(text).not.toContain('${');
  });
});
