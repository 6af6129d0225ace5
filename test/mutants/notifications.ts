// What a sender may ask for: the limits of each field, the links of a card, and the header Prefer.

import type { Group } from './mutant.ts';

const limits = ['test/notifications/each-notify-check.test.ts'];
const requests = ['test/notifications/notify-request.test.ts'];
const cards = ['test/notifications/card-links.test.ts'];
const unknown = ['test/notifications/unknown-fields.test.ts'];

export const notifications: readonly Group[] = [
  {
    file: 'src/http/notifications.ts',
    tests: ['test/http/each-body-check.test.ts'],
    rows: [
      ['a body of 64 KB is too long', '64 * 1024', '63 * 1024'],
      ['a body of any length', '64 * 1024', '65 * 1024'],
      ['a body in any form', 'requireJsonContentType(req);', ''],
      [
        'a key that may not read is told where to poll',
        " && sender.scopes.includes('notify:read')",
        '',
        { tests: ['test/http/prefer-async.test.ts'] },
      ],
      [
        'whatever is polled',
        "polled !== 'true' && polled !== 'false'",
        'false',
        { tests: ['test/http/prefer-async.test.ts'] },
      ],
      [
        'a broadcast that is being spread is waited for',
        ' && accepted.recipients !== null',
        '',
        { tests: ['test/http/prefer-wait.test.ts'] },
      ],
    ],
  },
  {
    file: 'src/http/prefer.ts',
    tests: ['test/http/prefer-wait.test.ts'],
    rows: [['a wait of any length', 'Math.min(Number(wait), longestWaitSeconds)', 'Number(wait)']],
  },
  {
    file: 'src/notifications/notify-request.ts',
    tests: limits,
    rows: [
      ['a subject of any length', 'pipe(plainText(256))', 'pipe(plainText(257))'],
      ['an id of a conversation of any length', 'conversationId: plainText(64)', 'conversationId: plainText(65)'],
      ['an id of a user of any length', 'userId: plainText(256)', 'userId: plainText(257)'],
      ['a text of any length', 'longestText = 8_000', 'longestText = 8_001'],
      ['an empty text', ".min(1, 'must not be empty')\n    .max(longestText", '.max(longestText'],
      ['an empty subject', ".min(1, 'must not be empty')\n    .max(most", '.max(most'],
      ['a card of any size', '24 * 1024', '24 * 1024 + 1'],
      ['a card by its characters', 'Buffer.byteLength(JSON.stringify(card))', 'JSON.stringify(card).length'],
      ['a card of any type', "z.literal('AdaptiveCard', { error: 'must be \"AdaptiveCard\"' })", 'z.any()'],
      ['a result of 26 fields', 'Object.keys(result).length <= 25', 'Object.keys(result).length <= 26'],
      ['a field of a result of any length', '.max(4_000)', '.max(4_001)'],
      ['half numbers in a result', 'z.int()', 'z.number()'],
      ['metadata of 21 fields', 'Object.keys(metadata).length <= 20', 'Object.keys(metadata).length <= 21'],
      ['a field of metadata of any length', '.max(512)', '.max(513)'],
      ['control characters', ".regex(/^\\P{Cc}*$/u, 'must not have control characters')", ''],
      ['lone surrogates', '[/^\\P{Cs}*$/u,', '[/^/u,'],
      ['to nobody, or to several', 'Object.keys(to).length === 1', 'true'],
      ['both message and card, or neither', '(body.message === undefined) !== (body.card === undefined)', 'true'],
      ['a start in a year', 'times.startsAt > times.now + furthestSendMs', 'false'],
      ['the furthest start is too far', 'times.startsAt > times.now', 'times.startsAt >= times.now'],
      ['an end before the start', 'times.expiresAt <= times.startsAt', 'false'],
      ['an end at the start', 'times.expiresAt <= times.startsAt', 'times.expiresAt < times.startsAt'],
      ['an end in a year', 'times.expiresAt > times.startsAt + times.longestLifeMs', 'false'],
      [
        'the furthest end is too far',
        'times.expiresAt > times.startsAt + times.longestLifeMs',
        'times.expiresAt >= times.startsAt + times.longestLifeMs',
      ],
      ['the links of a card are not looked at', 'of findCardFaults(card))', 'of [])', { tests: requests }],
      [
        'a field that does not exist',
        '.strictObject({ to: recipientSchema',
        '.object({ to: recipientSchema',
        { tests: unknown },
      ],
      [
        'a field of the short form that does not exist',
        'z.strictObject({ subject: subjectText',
        'z.object({ subject: subjectText',
        { tests: unknown },
      ],
      [
        'a field of the message that does not exist',
        'messageSchema = z.strictObject(',
        'messageSchema = z.object(',
        { tests: unknown },
      ],
      ['all faults are told', '.slice(0, mostFaults)', '', { tests: unknown }],
      ['a path of any length', 'path.length <= longestPath', 'true', { tests: unknown }],
    ],
  },
  {
    file: 'src/notifications/card-links.ts',
    tests: cards,
    rows: [
      ['text that is no Unicode', '/\\p{Cs}/u.test(text)', 'false'],
      ['any address of the schema', "addressKey.test(key) || key === '$schema'", 'addressKey.test(key)'],
      ['any host that begins like that of the schema', "'http://adaptivecards.io/'", "'http://adaptivecards.io'"],
      ['keys in capitals are no addresses', 'name.toLowerCase()', 'name'],
      ['a list of addresses is none', '[...path, index], key)', "[...path, index], '')"],
      [
        'whatever parses as an address',
        '/^https:\\/\\/[^\\s\\p{Cc}\\\\/?#@]+(?:[/?#][^\\s\\p{Cc}\\\\]*)?$/iu.test(text) && ',
        '',
      ],
      ['an address that does not parse', ' && URL.canParse(text)', ''],
      ['any address in a text', '!beforeSlashes.every((part) => /(?:^|[^a-z0-9])https$/i.test(part))', 'false'],
      [
        'scripts and data in a text',
        '/(?:java|vb)script:|(?:^|[^a-z0-9])data:(?:[a-z]+\\/|[;,])/i.test(flat)',
        'false',
      ],
      ['control characters inside of an address', ".replaceAll(/\\p{Cc}/gu, '')", ''],
      ["any target of Markdown's links", "inline.every((target) => target === '' || isHttpsUrl(target))", 'true'],
      [
        "any target of Markdown's definitions",
        'defined.every((target) => /^[^:&/%\\\\]*$/.test(target) || isHttpsUrl(target))',
        'true',
      ],
      ['any scheme in angle brackets', "schemes.every((scheme) => scheme.toLowerCase() === 'https')", 'true'],
    ],
  },
];
