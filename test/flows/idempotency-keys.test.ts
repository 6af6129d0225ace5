// T15, the key: its forms on the wire, byte by byte. Table 4.3 of the goals is held by the idempotency tests together:
// its row "same body, still running: 409" is replaced by decision 0007, requests that arrive together are one notification.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countSubjects, readRows } from '../helpers/repeats.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';
import { exchange, requestText, statusOf } from '../http/http-harness.ts';

let skill: Skill;
/** Notifications that a case must have left, by its subject; its keys. */
const expected: Record<string, number> = {};
const expectedKeys = new Set<string>();
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

/** Posts with these header lines as they are; each character is a byte. */
async function post(subject: string, lines: readonly string[]) {
  const body = JSON.stringify({ subject, text: 'hello' });
  const headers = [
    `X-API-Key: ${apiKey}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...lines,
  ];
  const bytes = Buffer.from(requestText('POST /api/notify HTTP/1.1', headers, body), 'latin1');
  const answer = await exchange(Number(new URL(skill.url).port), bytes);
  const content = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4) || '{}') as { id?: string; code?: string };
  return {
    status: statusOf(answer),
    replayed: /^idempotent-replayed: true\r$/im.test(answer),
    id: content.id,
    code: content.code,
  };
}

const visible = Array.from({ length: 94 }, (_, index) => String.fromCodePoint(0x21 + index)).join('');

describe('one key in two forms', () => {
  it.each<[name: string, first: string, second: string, key: string]>([
    ['bare and bare', 'Idempotency-Key: order-42', 'Idempotency-Key: order-42', 'order-42'],
    ['quoted and bare', 'Idempotency-Key: "k-1"', 'Idempotency-Key: k-1', 'k-1'],
    ['bare and quoted', 'Idempotency-Key: k-2', 'Idempotency-Key: "k-2"', 'k-2'],
    ['a header name in another case', 'IDEMPOTENCY-KEY: k-3', 'idempotency-key: k-3', 'k-3'],
    ['blanks around it', 'Idempotency-Key:   k-4  ', 'Idempotency-Key:k-4', 'k-4'],
    ['tabs around it', 'Idempotency-Key:\tk-5\t', 'Idempotency-Key: k-5', 'k-5'],
    ['one character', 'Idempotency-Key: x', 'Idempotency-Key: "x"', 'x'],
    ['255 characters', `Idempotency-Key: ${'y'.repeat(255)}`, `Idempotency-Key: "${'y'.repeat(255)}"`, 'y'.repeat(255)],
    ['a backslash', 'Idempotency-Key: CORP\\job', 'Idempotency-Key: "CORP\\\\job"', 'CORP\\job'],
    ['a quote within', 'Idempotency-Key: 5"-pipe', 'Idempotency-Key: "5\\"-pipe"', '5"-pipe'],
    [
      '255 characters with escapes, which count once',
      `Idempotency-Key: "${'\\\\'.repeat(255)}"`,
      `Idempotency-Key: ${'\\'.repeat(255)}`,
      '\\'.repeat(255),
    ],
    [
      'all visible characters',
      `Idempotency-Key: ${visible}`,
      `Idempotency-Key: "${visible.replaceAll(/["\\]/g, '\\$&')}"`,
      visible,
    ],
    ['single quotes, which are part of it', "Idempotency-Key: 'k'", 'Idempotency-Key: "\'k\'"', "'k'"],
    ['a comma without a blank', 'Idempotency-Key: a,b', 'Idempotency-Key: "a,b"', 'a,b'],
    ['a name that objects have', 'Idempotency-Key: __proto__', 'Idempotency-Key: "__proto__"', '__proto__'],
    [
      'words of SQL',
      "Idempotency-Key: ');drop/**/table/**/deliveries;--",
      'Idempotency-Key: "\');drop/**/table/**/deliveries;--"',
      "');drop/**/table/**/deliveries;--",
    ],
  ])('%s: the first answer again', async (name, first, second, key) => {
    const accepted = await post(name, [first]);
    expect(accepted).toMatchObject({ status: 202, replayed: false });
    expect(await post(name, [second])).toEqual({ ...accepted, replayed: true });
    expected[name] = 1;
    expectedKeys.add(key);
  });
});

describe('two keys that only look alike', () => {
  it.each<[name: string, first: string, second: string]>([
    ['in another case', 'case-a', 'CASE-A'],
    ['percent encoded', 'enc-a', 'enc-%61'],
    ['with a leading zero', '7', '07'],
    ['in single quotes', 'single', "'single'"],
    ['with a comma at the end', 'comma', 'comma,'],
    ['in quotes that are escaped', 'esc', '"\\"esc\\""'],
    ['of 254 and 255 characters', 'z'.repeat(254), 'z'.repeat(255)],
  ])('%s: two notifications', async (name, first, second) => {
    const answers = [await post(name, [`Idempotency-Key: ${first}`]), await post(name, [`Idempotency-Key: ${second}`])];
    expect(answers.map(({ status, replayed }) => ({ status, replayed }))).toEqual([
      { status: 202, replayed: false },
      { status: 202, replayed: false },
    ]);
    expect(answers[0]?.id).not.toBe(answers[1]?.id);
    expected[name] = 2;
    for (const key of [first, second]) expectedKeys.add(key.replace('"\\"esc\\""', '"esc"'));
  });
});

describe('a key that is refused', () => {
  it.each<[name: string, lines: readonly string[]]>([
    ['empty', ['Idempotency-Key:']],
    ['of blanks', ['Idempotency-Key:    ']],
    ['quoted and empty', ['Idempotency-Key: ""']],
    ['of 256 characters', [`Idempotency-Key: ${'x'.repeat(256)}`]],
    ['of 256 characters in quotes', [`Idempotency-Key: "${'x'.repeat(256)}"`]],
    ['of 10,000 characters', [`Idempotency-Key: ${'x'.repeat(10_000)}`]],
    ['there twice, with two values', ['Idempotency-Key: a', 'Idempotency-Key: b']],
    ['there twice, with one value', ['Idempotency-Key: a', 'Idempotency-Key: a']],
    ['there twice, once empty', ['Idempotency-Key: a', 'Idempotency-Key:']],
    ['a list', ['Idempotency-Key: a, b']],
    ['a list of quoted ones', ['Idempotency-Key: "a","b"']],
    ['with a space', ['Idempotency-Key: a b']],
    ['with a space in quotes', ['Idempotency-Key: "a b"']],
    ['with a tab', ['Idempotency-Key: a\tb']],
    ['with an open quote', ['Idempotency-Key: "abc']],
    ['with an open quote that is escaped', ['Idempotency-Key: "abc\\"']],
    ['with an escape of something else', ['Idempotency-Key: "a\\nb"']],
    ['with parameters', ['Idempotency-Key: "a";v=1']],
    ['with text after the quotes', ['Idempotency-Key: "a"b']],
    ['with an umlaut in Latin-1', ['Idempotency-Key: k\u00e4se']],
    ['with an umlaut in UTF-8', ['Idempotency-Key: k\u00c3\u00a4se']],
    ['with a non-breaking space', ['Idempotency-Key: a\u00a0b']],
    ['with DEL', ['Idempotency-Key: a\u007fb']],
    ['with NUL', ['Idempotency-Key: a\u0000b']],
    ['folded over two lines', ['Idempotency-Key: a', ' b']],
    ['in curly quotes', ['Idempotency-Key: \u00e2\u0080\u009ca\u00e2\u0080\u009d']],
  ])('%s: 400', async (name, lines) => {
    const { status, code } = await post(name, lines);
    expect(status).toBe(400);
    // What Node's own parser refuses never gets as far as the routes.
    expect([undefined, 'malformed_request']).toContain(code);
  });
});

it('of all these, the database holds what was accepted, once, under its key', async () => {
  const rows = await readRows(skill);
  expect(countSubjects(rows)).toEqual(expected);
  expect(new Set(rows.keys.map(({ key }) => key))).toEqual(expectedKeys);
  expect(rows.keys).toHaveLength(expectedKeys.size);
  console.log(`keys: ${rows.notifications.length} notifications, ${rows.keys.length} keys`);
});
