import { describe, expect, it } from 'vitest';
import { readCloudEvent } from '../../src/webhooks/cloud-events.ts';
import { fillTemplate } from '../../src/webhooks/fill-template.ts';
import { parseTemplate } from '../../src/webhooks/parse-template.ts';
import type { WebhookHeaders } from '../../src/webhooks/webhook-headers.ts';
import { binary, event, example, outcomeOf, structured } from './events.ts';

describe('an event', () => {
  it('is the same in both modes', () => {
    expect(outcomeOf(structured, example)).toEqual(event);
    expect(outcomeOf(binary, example.data)).toEqual(event);
  });

  it.each([
    'application/cloudevents+json',
    'Application/CloudEvents+JSON',
    'application/cloudevents+json;charset=UTF-8',
    'application/cloudevents+json ; charset="utf-8"',
    'application/cloudevents+json; profile=x',
  ])('is structured as %s', (contentType) => {
    expect(outcomeOf({ 'content-type': [contentType] }, example)).toEqual(event);
  });

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'text/json',
    'application/vnd.github+json',
    'APPLICATION/JSON',
  ])('has data as %s in binary mode', (contentType) => {
    expect(outcomeOf({ ...binary, 'content-type': [contentType] }, example.data)).toEqual(event);
  });

  it.each([[1.5], ["I'm just a string"], [null], [false], [[1, 2]], [{}], ['']])('may have the data %j', (data) => {
    expect(outcomeOf(structured, { ...example, data })).toEqual({ ...event, data });
    expect(outcomeOf(binary, data)).toEqual({ ...event, data });
  });

  it('may have no data', () => {
    const { data: _data, ...rest } = example;
    expect(outcomeOf(structured, rest)).not.toHaveProperty('data');
    expect(outcomeOf({ ...binary, 'content-type': undefined }, undefined)).not.toHaveProperty('data');
  });

  it('may have a text as data that is not JSON', () => {
    const xml = { ...example, datacontenttype: 'application/xml', data: '<much wow="xml"/>' };
    expect(outcomeOf(structured, xml)).toMatchObject({ data: '<much wow="xml"/>' });
  });

  it('may have a subject', () => {
    expect(outcomeOf(structured, { ...example, subject: 'mynewfile.jpg' })).toEqual({
      ...event,
      subject: 'mynewfile.jpg',
    });
    expect(outcomeOf({ ...binary, 'ce-subject': ['mynewfile.jpg'] }, event.data)).toEqual({
      ...event,
      subject: 'mynewfile.jpg',
    });
  });

  it('in structured mode may have headers besides, which count for nothing', () => {
    expect(outcomeOf({ ...binary, ...structured, 'ce-id': ['other', 'another'] }, example)).toEqual(event);
  });

  it('fills a template', () => {
    const parsed = parseTemplate('{"subject": "{{source}}", "text": "{{type}}: {{data.appinfoA}} {{subject|-}}"}');
    const read = readCloudEvent(binary, example.data);
    if ('fault' in parsed || !read.ok) throw new Error('must be taken');
    expect(fillTemplate(parsed.template, { body: read.event, headers: binary })).toEqual({
      subject: '/mycontext',
      text: 'com.example.someevent: abc -',
    });
  });
});

describe('attributes', () => {
  it.each(['id', 'source', 'type'])('%s must be a text that is not empty', (name) => {
    const reason = `${name} is missing or malformed`;
    for (const value of [
      undefined,
      null,
      '',
      7,
      true,
      {},
      ['a'],
      'a\nb',
      'a\u0000',
      '\u0085',
      '\ud800',
      'x'.repeat(2_049),
    ]) {
      expect(outcomeOf(structured, { ...example, [name]: value })).toBe(reason);
    }
    expect(outcomeOf(structured, { ...example, [name]: 'x'.repeat(2_048) })).toHaveProperty(name);
    expect(outcomeOf({ ...binary, [`ce-${name}`]: undefined }, {})).toBe(`ce-${name} is missing`);
    expect(outcomeOf({ ...binary, [`ce-${name}`]: [] }, {})).toBe(`ce-${name} is missing`);
    expect(outcomeOf({ ...binary, [`ce-${name}`]: [''] }, {})).toBe(`ce-${name} is missing`);
    expect(outcomeOf({ ...binary, [`ce-${name}`]: ['a', 'b'] }, {})).toBe(`ce-${name} was sent more than once`);
    expect(outcomeOf({ ...binary, [`ce-${name}`]: ['%0A'] }, {})).toBe(reason);
  });

  it.each(['', 7, {}, 'a\tb', '\udc00'])('a subject may not be %j', (subject) => {
    expect(outcomeOf(structured, { ...example, subject })).toBe('subject is malformed');
  });

  it.each([undefined, null, '', '0.3', '1.1', '2.0', '1', 1, '1.0 '])('specversion may not be %j', (specversion) => {
    expect(outcomeOf(structured, { ...example, specversion })).toBe('specversion is not 1.0');
  });

  it('are own ones only', () => {
    expect(outcomeOf(structured, Object.create(example))).toBe('specversion is not 1.0');
    expect(outcomeOf(structured, JSON.parse(`{"__proto__": ${JSON.stringify(example)}}`))).toBe(
      'specversion is not 1.0',
    );
    expect(outcomeOf(Object.create(binary) as WebhookHeaders, {})).toBe('it is not a CloudEvent');
  });

  it.each([
    ['Euro%20%E2%82%AC%20%F0%9F%98%80', 'Euro € \u{1f600}'],
    ['Euro%20%e2%82%ac', 'Euro €'],
    ['plain text', 'plain text'],
    ['"quoted text"', 'quoted text'],
    ['"a \\"b\\" \\\\ c"', 'a "b" \\ c'],
    ['"Euro%20%E2%82%AC"', 'Euro €'],
    ['%41%42', 'AB'],
    ['100%2525', '100%25'],
    ['a%22b', 'a"b'],
  ])('in a header are decoded once: %s', (header, subject) => {
    expect(outcomeOf({ ...binary, 'ce-subject': [header] }, {})).toMatchObject({ subject });
  });

  it.each(['%C0%A0', '%', '%4', '%zz', '%ED%A0%80', '%FF', 'ä', 'a\tb', 'a\r\nb'])(
    'in a header may not be %j',
    (header) => {
      expect(outcomeOf({ ...binary, 'ce-subject': [header] }, {})).toBe('ce-subject is malformed');
    },
  );

  it('of an extension must be well-formed too', () => {
    expect(outcomeOf({ ...binary, 'ce-myextension': ['%FF'] }, {})).toBe('ce-myextension is malformed');
    expect(outcomeOf({ ...binary, 'ce-myextension': ['a', 'a'] }, {})).toBe('ce-myextension was sent more than once');
  });
});
