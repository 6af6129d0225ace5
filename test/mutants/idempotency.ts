// A sender that repeats itself gets its first answer, and nobody else's.

import type { Group } from './mutant.ts';

const store = ['test/notifications/each-repeat-check.test.ts'];
const header = ['test/http/idempotency-key.test.ts'];

export const idempotency: readonly Group[] = [
  {
    file: 'src/notifications/idempotency.ts',
    tests: store,
    rows: [
      ['another body gets the answer', 'known.fingerprint !== request.fingerprint', 'false'],
      ['another sender gets the answer', "    .where('credential', '=', request.credential)\n", ''],
      ['another key gets the answer', "    .where('key', '=', request.key)\n", ''],
      ['an answer for ever', "    .where('expires_at', '>', now)\n", ''],
      ['an answer at its end', "'expires_at', '>', now", "'expires_at', '>=', now"],
      ['a repeat is accepted again', 'if (known) return { answer: known, replayed: true };', ''],
      ['a repeat is not told from the first', 'answer: known, replayed: true', 'answer: known, replayed: false'],
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
    file: 'src/http/accept.ts',
    tests: header,
    rows: [
      [
        'the body is read before its repeat is known',
        'repeat && (await notifications.findAnswer(name, repeat))',
        'undefined',
      ],
      ['a repeat is not marked', 'replayed: true }', 'replayed: false }'],
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
    tests: ['test/flows/idempotency.test.ts'],
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
      ['two keys', 'values.length > 1 || ', ''],
      ['a key of any form', ' || key === undefined) {', ') {'],
      [
        'a key of 256 characters',
        '|([\\x21\\x23-\\x5b\\x5d-\\x7e]{1,255}))$/',
        '|([\\x21\\x23-\\x5b\\x5d-\\x7e]{1,256}))$/',
      ],
      [
        'a quoted key of 256 characters',
        '"([\\x21\\x23-\\x5b\\x5d-\\x7e]{1,255})"',
        '"([\\x21\\x23-\\x5b\\x5d-\\x7e]{1,256})"',
      ],
      ['the body does not count', 'fingerprint: fingerprintOf(sent)', "fingerprint: ''"],
      [
        'the key does not count',
        'key === undefined ? undefined : { key,',
        "key === undefined ? undefined : { key: '',",
      ],
    ],
  },
];
