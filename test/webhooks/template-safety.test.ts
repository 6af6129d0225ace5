// What a sender puts into a webhook is text in the notification, and nothing else.
import { assert, dictionary, jsonValue, property, string } from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { fillTemplate } from '../../src/webhooks/fill-template.ts';
import type { WebhookHeaders } from '../../src/webhooks/webhook-headers.ts';
import { faultOf, faultsOf, fill, fillText, missing, templateOf } from './templates.ts';

describe('what is sent cannot change the template', () => {
  it.each([
    '{{sender.login}}',
    '{{secret}}',
    '{{header:X-GitHub-Event}}',
    '}}{{secret}}{{',
    '${secret}',
    '<%= secret %>',
    '$&$1$`',
    '", "to": {"all": true}, "x": "',
    '\\u0022}',
    '|none',
    '__proto__',
  ])('a value %j is inserted as it is', (value) => {
    expect(fill({ subject: 's/{{n}}', text: '{{n}}' }, { n: value, secret: 'canary' })).toEqual({
      subject: `s/${value}`,
      text: value,
    });
  });

  it('two values do not make a placeholder together', () => {
    expect(fillText('{{a}}{{b}}', { a: '{{sec', b: 'ret}}', secret: 'canary' })).toBe('{{secret}}');
  });

  it('any text, number, true or false: the same names, texts only', () => {
    const template = templateOf({ to: { subject: 's/{{a|x}}' }, message: { text: '{{b|x}}', textFormat: 'plain' } });
    assert(
      property(dictionary(string(), jsonValue()), jsonValue().filter(isSimple), (body, b) => {
        expect(fillTemplate(template, { body: { ...body, b, a: 'a' }, headers: {} })).toEqual({
          to: { subject: 's/a' },
          message: { text: b === null ? 'x' : String(b), textFormat: 'plain' },
        });
      }),
      { seed: 19 },
    );
  });

  it('any list or object is refused', () => {
    const template = templateOf({ subject: 's', text: '{{a|x}}' });
    assert(
      property(
        jsonValue().filter((value) => !isSimple(value)),
        (a) => {
          expect(() => fillTemplate(template, { body: { a }, headers: {} })).toThrow(AppError);
        },
      ),
      { seed: 19 },
    );
  });

  it('any text: is inserted up to its limit', () => {
    const template = templateOf({ text: '<{{a}}>' });
    assert(
      property(string({ unit: 'binary', maxLength: 400 }), (a) => {
        expect(fillTemplate(template, { body: { a }, headers: {} })['text']).toBe(`<${a}>`);
      }),
      { seed: 19 },
    );
  });
});

describe('prototypes', () => {
  afterEach(() => {
    Reflect.deleteProperty(Object.prototype, 'polluted');
  });

  it.each([
    'toString',
    'valueOf',
    'hasOwnProperty',
    'sender.toString',
    'commits.map',
    'commits.at',
    'ref.trim',
    'size.toFixed',
    'forced.valueOf',
    'isPrototypeOf',
    '__defineGetter__',
    '__lookupGetter__',
  ])('{{%s}} is not there', (name) => {
    expect(faultsOf({ text: `{{${name}}}` })).toEqual([missing(name)]);
  });

  it.each([
    '__proto__',
    'constructor',
    'prototype',
    'a.__proto__.b',
    'constructor.prototype',
    'constructor.name',
    'commits.0.__proto__',
  ])('{{%s}} is refused when it is configured', (name) => {
    expect(faultOf(JSON.stringify({ text: `{{${name}}}` }))).toBe(`text: {{${name}}} has a name that is not allowed`);
  });

  it.each(['{"__proto__": "x"}', '{"constructor": {"prototype": "x"}}', '{"prototype": 1}'])(
    'the template %s is refused',
    (text) => {
      expect(faultOf(text)).toMatch(/: this name is not allowed$/);
    },
  );

  it('that somebody polluted give nothing', () => {
    Reflect.defineProperty(Object.prototype, 'polluted', { value: 'canary', configurable: true });
    expect(faultsOf({ text: '{{polluted}}' })).toEqual([missing('polluted')]);
    expect(fillText('{{sender.polluted|none}}')).toBe('none');
  });

  it('in a body are neither read nor changed', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const body: unknown = JSON.parse('{"__proto__": {"a": "canary"}, "constructor": {"prototype": {"a": "canary"}}}');
    expect(faultsOf({ text: '{{a}}' }, body)).toEqual([missing('a')]);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });

  it('of headers are not read', () => {
    const input = { body: {}, headers: Object.create({ 'x-a': ['canary'] }) as WebhookHeaders };
    expect(fillTemplate(templateOf({ text: '{{header:X-A|none}}' }), input)).toEqual({ text: 'none' });
  });
});

function isSimple(value: unknown): value is string | number | boolean | null {
  return typeof value !== 'object' || value === null;
}
