// A sender that repeats itself gets its first answer, and nobody else's.

import type { Group } from './mutant.ts';

const store = ['test/notifications/each-repeat-check.test.ts'];
const forms = ['test/flows/idempotency-keys.test.ts'];
const header = ['test/http/idempotency-key.test.ts'];

export const idempotency: readonly Group[] = [
  {
    file: 'src/notifications/idempotency.ts',
    tests: store,
    rows: [
      ['another body gets the answer', 'known.fingerprint !== request.fingerprint', 'false'],
      ['another sender gets the answer', 'JSON.stringify([credential, key])', 'JSON.stringify([key])'],
      ['another key gets the answer', 'JSON.stringify([credential, key])', 'JSON.stringify([credential])'],
      ['an answer for ever', "    .where('expires_at', '>', now)\n", ''],
      ['an answer at its end', "'expires_at', '>', now", "'expires_at', '>=', now"],
      ['a repeat is accepted again', 'if (known !== undefined) return { replayed: true, ...known };', ''],
      ['a repeat is not told from the first', 'replayed: true, ...known', 'replayed: false, ...known'],
      ['an answer of a day only', 'Math.max(now + shortestLifeMs, answer.expiresAt)', 'now + shortestLifeMs'],
      [
        'an answer as long as its notification only',
        'Math.max(now + shortestLifeMs, answer.expiresAt)',
        'answer.expiresAt',
      ],
      ['fields in their order', '.toSorted(([a], [b]) => (a < b ? -1 : 1))', ''],
      [
        'an object is a list of its fields',
        'return { fields: entries.map(([key, entry]) => [key, sortFields(entry)]) };',
        'return entries.map(([key, entry]) => [key, sortFields(entry)]);',
      ],
      ['fields inside of lists in their order', 'return value.map(sortFields)', 'return value'],
      ['the values of fields do not count', '[key, sortFields(entry)]', '[key]'],
    ],
  },
  {
    file: 'src/notifications/idempotency.ts',
    tests: forms,
    rows: [
      ['two keys', 'values.length > 1 || ', ''],
      ['a key of any form', '?? bare;', '?? bare ?? values[0];'],
      ['a key of any length', ' || key.length > 255', ''],
      ['a key of 256 characters', 'key.length > 255', 'key.length > 256'],
      ['a key of 255 characters is too long', 'key.length > 255', 'key.length >= 255'],
      ['an empty key', '|\\\\["\\\\])+)"', '|\\\\["\\\\])*)"'],
      ['a key that begins with a quote', '([\\x21\\x23-\\x7e][\\x21-\\x7e]*)', '([\\x21-\\x7e]+)'],
      ['a key with a blank', '[\\x21-\\x7e]*))$/', '[\\x20-\\x7e]*))$/'],
      ['a quoted key with a blank', '"((?:[\\x21\\x23', '"((?:[\\x20-\\x21\\x23'],
      ['a key that is more than ASCII', '[\\x21-\\x7e]*))$/', '[\\x21-\\xff]*))$/'],
      ['an escape of anything', '|\\\\["\\\\])+)"', '|\\\\.)+)"'],
      ['an escape is part of the key', "?.replaceAll(/\\\\(.)/g, '$1')", ''],
    ],
  },
  {
    file: 'src/http/accept.ts',
    tests: header,
    rows: [
      [
        'the body is read before its repeat is known',
        'repeat && (await notifications.findAnswer(name, repeat))',
        'undefined',
      ],
      ['a repeat is not marked', 'earlier !== undefined || ', ''],
      ['the repeat of anybody', 'notifications.findAnswer(name, repeat)', "notifications.findAnswer('', repeat)"],
    ],
  },
  {
    file: 'src/notifications/accept-notification.ts',
    tests: store,
    rows: [['one scope for all senders', '{ credential: sender, ...repeat }', "{ credential: '', ...repeat }"]],
  },
  {
    file: 'src/notifications/delivery-engine.ts',
    tests: ['test/flows/idempotency-refused.test.ts'],
    rows: [
      [
        'one scope for all answers',
        'db, { credential, ...repeat }, now()',
        "db, { ...repeat, credential: 'test' }, now()",
      ],
    ],
  },
  {
    file: 'src/http/notifications.ts',
    tests: header,
    rows: [
      ['the body does not count', 'fingerprint: fingerprintOf(sent)', "fingerprint: ''"],
      [
        'the key does not count',
        'key === undefined ? undefined : { key,',
        "key === undefined ? undefined : { key: '',",
      ],
    ],
  },
];
