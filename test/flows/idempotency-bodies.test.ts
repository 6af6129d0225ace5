// T15, the body: which ones are the same for a key, and that another one is refused and changes nothing.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countSubjects, readRows, send } from '../helpers/repeats.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
/** Cases that must each have left one notification, under the case's subject. */
const expected: Record<string, number> = {};
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

/** Puts the case's name where the text has `$`, so that each case has a subject of its own. */
const named = (name: string, text: string): string => text.replaceAll('$', name);
const keyOf = (name: string): string => name.replaceAll(' ', '_');
const longForm =
  '{"to":{"subject":"$"},"message":{"text":"hello"},"result":{"n":1,"b":true},"metadata":{"a":"1","b":"2"}}';

describe('the same body in another spelling gets the first answer', () => {
  it.each<[name: string, first: string, second: string]>([
    ['fields in another order', '{"subject":"$","text":"hello"}', '{"text":"hello","subject":"$"}'],
    [
      'inner fields in another order',
      longForm,
      '{"metadata":{"b":"2","a":"1"},"result":{"b":true,"n":1},"message":{"text":"hello"},"to":{"subject":"$"}}',
    ],
    [
      'fields of a card in another order',
      '{"to":{"subject":"$"},"card":{"type":"AdaptiveCard","body":[{"type":"TextBlock","text":"t"}]}}',
      '{"card":{"body":[{"text":"t","type":"TextBlock"}],"type":"AdaptiveCard"},"to":{"subject":"$"}}',
    ],
    ['white space', '{"subject":"$","text":"hello"}', '\r\n { "subject" :\t"$",\n"text":"hello" } \n'],
    ['a letter as its escape', '{"subject":"$","text":"hello"}', '{"subject":"$","text":"\\u0068ello"}'],
    ['an emoji as its escapes', '{"subject":"$","text":"😀"}', '{"subject":"$","text":"\\ud83d\\ude00"}'],
    ['an escaped slash', '{"subject":"$","text":"a/b"}', '{"subject":"$","text":"a\\/b"}'],
    ['a short escape and a long one', '{"subject":"$","text":"a\\nb"}', '{"subject":"$","text":"a\\u000ab"}'],
    ['an escape in a field name', '{"subject":"$","text":"hello"}', '{"subject":"$","te\\u0078t":"hello"}'],
    ['1 and 1.0', '{"subject":"$","text":"t","result":{"n":1}}', '{"subject":"$","text":"t","result":{"n":1.0}}'],
    ['100 and 1e2', '{"subject":"$","text":"t","result":{"n":100}}', '{"subject":"$","text":"t","result":{"n":1e2}}'],
    ['0 and -0', '{"subject":"$","text":"t","result":{"n":0}}', '{"subject":"$","text":"t","result":{"n":-0}}'],
    [
      'a field twice, the last one alike',
      '{"subject":"$","text":"t"}',
      '{"subject":"x","text":"x","subject":"$","text":"t"}',
    ],
  ])('%s', async (name, first, second) => {
    const accepted = await send(skill, named(name, first), { key: keyOf(name) });
    expect(accepted).toMatchObject({ status: 202, replayed: null });
    const again = await send(skill, named(name, second), { key: keyOf(name) });
    expect(again).toMatchObject({ status: 202, replayed: 'true', body: accepted.body });
    expected[name] = 1;
  });
});

describe('the same request with other headers gets the first answer', () => {
  it.each<[name: string, headers: Record<string, string>]>([
    ['another request id', { 'x-request-id': 'second-try' }],
    ['a content type with its charset', { 'content-type': 'application/json; charset=utf-8' }],
    ['a wait', { prefer: 'wait=0' }],
    ['another user agent', { 'user-agent': 'second/1.0' }],
    // Both headers hold the same key: one credential.
    ['the key as bearer as well', { authorization: `Bearer ${apiKey}` }],
  ])('%s', async (name, headers) => {
    const body = { subject: name, text: 'hello' };
    const accepted = await send(skill, body, { key: keyOf(name) });
    expect(await send(skill, body, { key: keyOf(name), headers })).toMatchObject({
      status: 202,
      replayed: 'true',
      body: accepted.body,
    });
    expected[name] = 1;
  });
});

describe('another body is refused with 422, and the first one stands', () => {
  const short = '{"subject":"$","text":"hello"}';
  const card = '{"to":{"subject":"$"},"card":{"type":"AdaptiveCard","body":[{"type":"A"},{"type":"B"}]}}';
  const at = new Date(Date.now() + 3_600_000).toISOString();
  const later = new Date(Date.now() + 3_601_000).toISOString();
  const timed = `{"subject":"$","text":"t","sendAt":"${at}","expiresAt":"${later}"}`;
  it.each<[name: string, first: string, second: string]>([
    ['another text', short, '{"subject":"$","text":"hallo"}'],
    ['a text in another case', short, '{"subject":"$","text":"Hello"}'],
    ['a text with a blank more', short, '{"subject":"$","text":"hello "}'],
    ['a text with accents composed otherwise', '{"subject":"$","text":"\\u00e9"}', '{"subject":"$","text":"e\\u0301"}'],
    ['another subject', short, '{"subject":"$ 2","text":"hello"}'],
    // It would be trimmed to the same subject, but it is not the same body.
    ['a subject with a blank more', short, '{"subject":" $","text":"hello"}'],
    ['the long form of the same', short, '{"to":{"subject":"$"},"message":{"text":"hello"}}'],
    ['another recipient', longForm, longForm.replace('{"subject":"$"}', '{"all":true}')],
    ['another text in the long form', longForm, longForm.replace('hello', 'hallo')],
    ['a format that is the default', longForm, longForm.replace('"hello"', '"hello","textFormat":"markdown"')],
    ['another format', longForm, longForm.replace('"hello"', '"hello","textFormat":"plain"')],
    ['another result', longForm, longForm.replace('"n":1', '"n":2')],
    ['a result as text', longForm, longForm.replace('"n":1', '"n":"1"')],
    ['true as text', longForm, longForm.replace('"b":true', '"b":"true"')],
    ['a result less', longForm, longForm.replace('"n":1,', '')],
    ['a result of another name', longForm, longForm.replace('"n":1', '"N":1')],
    ['other metadata', longForm, longForm.replace('"a":"1"', '"a":"2"')],
    ['metadata more', longForm, longForm.replace('"a":"1"', '"a":"1","c":"3"')],
    ['metadata whose values changed places', longForm, longForm.replace('"a":"1","b":"2"', '"a":"2","b":"1"')],
    ['no metadata', longForm, longForm.replace(/,"metadata".*$/, '}')],
    ['empty metadata where there was none', short, '{"subject":"$","text":"hello","metadata":{}}'],
    ['keepOpen', short, '{"subject":"$","text":"hello","keepOpen":true}'],
    ['keepOpen as it is by default', short, '{"subject":"$","text":"hello","keepOpen":false}'],
    ['a card instead of the message', longForm, card],
    ['another card', card, card.replace('"A"', '"C"')],
    ['a card in another order', card, card.replace('{"type":"A"},{"type":"B"}', '{"type":"B"},{"type":"A"}')],
    [
      'a list instead of an object in a card',
      card.replace('"A"', '"A","x":{"a":1}'),
      card.replace('"A"', '"A","x":["a",1]'),
    ],
    ['another end', timed, timed.replace(later, new Date(Date.parse(later) + 1_000).toISOString())],
    ['another start', timed, timed.replace(at, new Date(Date.parse(at) + 1).toISOString())],
    ['the same end in another zone', timed, timed.replace(later, later.replace('Z', '+00:00'))],
    ['no end', timed, timed.replace(/,"expiresAt".*$/, '}')],
    ['the values of two fields exchanged', '{"subject":"$","text":"x"}', '{"subject":"x","text":"$"}'],
    ['a field that is not known', short, '{"subject":"$","text":"hello","wrong":1}'],
    ['an empty object', short, '{}'],
  ])('%s', async (name, first, second) => {
    const accepted = await send(skill, named(name, first), { key: keyOf(name) });
    expect(accepted).toMatchObject({ status: 202, replayed: null });
    const other = await send(skill, named(name, second), { key: keyOf(name) });
    expect(other).toMatchObject({ status: 422, code: 'idempotency_key_reused', replayed: null });
    const again = await send(skill, named(name, first), { key: keyOf(name) });
    expect(again).toMatchObject({ status: 202, replayed: 'true', body: accepted.body });
    expected[name] = 1;
  });
});

describe('a body that cannot be read is 400, also under a known key', () => {
  it.each<[name: string, second: string]>([
    ['a list', '[]'],
    ['half of it', '{"subject":"'],
    ['a byte order mark', '\uFEFF{"subject":"a byte order mark","text":"hello"}'],
    ['a trailing comma', '{"subject":"a trailing comma","text":"hello",}'],
    ['NaN', '{"subject":"NaN","text":NaN}'],
  ])('%s', async (name, second) => {
    const accepted = await send(skill, { subject: name, text: 'hello' }, { key: keyOf(name) });
    expect(await send(skill, second, { key: keyOf(name) })).toMatchObject({ status: 400, code: 'malformed_request' });
    expect(await send(skill, { subject: name, text: 'hello' }, { key: keyOf(name) })).toMatchObject({
      replayed: 'true',
      id: accepted.id,
    });
    expected[name] = 1;
  });
});

it('of all these, the database holds one notification and one key for each', async () => {
  const rows = await readRows(skill);
  expect(countSubjects(rows)).toEqual(expected);
  expect(rows.keys.map(({ key }) => key).toSorted()).toEqual(Object.keys(expected).map(keyOf).toSorted());
  console.log(`bodies: ${Object.keys(expected).length} cases, ${rows.notifications.length} notifications`);
});
