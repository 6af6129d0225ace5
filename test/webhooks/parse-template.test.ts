import { describe, expect, it } from 'vitest';
import { faultOf } from './templates.ts';

const header = (name: string) =>
  `text: {{header:${name}}} must name a header that begins with X-, ce- or aeg-, no credential`;
const path = (name: string) => `text: {{${name}}} must be a dotted path such as {{repository.full_name}}`;

describe('a template is refused when it is configured', () => {
  it.each([
    '',
    'Authorization',
    'Cookie',
    'Host',
    'X-API-Key',
    'X-Hub-Signature-256',
    'X-Gitlab-Token',
    'X-Auth',
    'X-My-Secret',
    'X-Forwarded-Authorization',
    'webhook-signature',
    'X-A B',
    'X-Ä',
    `X-${'a'.repeat(61)}`,
  ])('for the header %s', (name) => {
    expect(faultOf(JSON.stringify({ text: `{{header:${name}}}` }))).toBe(header(name));
  });

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    'a[0]',
    'a()',
    'a+b',
    'a{b',
    'a:b',
    '"a"',
    'x'.repeat(101),
    'a.'.repeat(16) + 'a',
  ])('for the path %j', (name) => {
    expect(faultOf(JSON.stringify({ text: `{{${name}}}` }))).toBe(path(name));
  });

  it.each([
    ['not JSON', '{', 'the template is not valid JSON'],
    ['nothing', '', 'the template is not valid JSON'],
    ['a text', '"{{a}}"', 'the template must be a JSON object'],
    ['a list', '[]', 'the template must be a JSON object'],
    ['null', 'null', 'the template must be a JSON object'],
    ['a placeholder in a name', '{"a": {"{{b}}": 1}}', 'a.{{b}}: a name must not have a placeholder'],
    ['no end', '{"a": ["{{b"]}', 'a.0: a placeholder that begins with {{ must end with }}'],
    ['no end of the first', '{"a": "{{b {{c}}"}', 'a: a placeholder that begins with {{ must end with }}'],
    ['too long', `{"a": "${'x'.repeat(16_384)}"}`, 'the template may have at most 16384 characters'],
    ['a default too long', `{"a": "{{b|${'x'.repeat(201)}}}"}`, 'a: the default of b may have at most 200 characters'],
    ['51 placeholders', `{"a": "${'{{b}}'.repeat(51)}"}`, 'the template may have at most 50 placeholders'],
    ['51 in all', `{"a": ["${'{{b}}'.repeat(50)}", "{{b}}"]}`, 'the template may have at most 50 placeholders'],
    ['17 levels', `${'{"a":'.repeat(17)}1${'}'.repeat(17)}`, 'the template is nested deeper than 16 levels'],
    ['8000 levels', `{"a":${'['.repeat(8_000)}${']'.repeat(8_000)}}`, 'the template is nested deeper than 16 levels'],
  ])('for %s', (_name, text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  it.each([
    ['50 placeholders', `{"a": "${'{{b}}'.repeat(50)}"}`],
    ['16 levels', `${'{"a":'.repeat(16)}1${'}'.repeat(16)}`],
    ['16 segments', `{"a": "{{${'a.'.repeat(15)}a}}"}`],
    ['a default of 200 characters', `{"a": "{{b|${'x'.repeat(200)}}}"}`],
    ['an empty object', '{}'],
  ])('but not for %s', (_name, text) => {
    expect(faultOf(text)).toBe('(taken)');
  });
});
