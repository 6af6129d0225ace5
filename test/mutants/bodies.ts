// What a request must be before anything is read from it, and what a body must be before anything is believed in it.

import type { Group } from './mutant.ts';

const guard = ['test/http/each-guard-check.test.ts'];
const urls = ['test/http/credentials-in-urls.test.ts'];
const body = ['test/http/each-body-check.test.ts'];
const activity = ['test/http/each-activity-check.test.ts'];

export const bodies: readonly Group[] = [
  {
    file: 'src/http/json-body.ts',
    tests: body,
    rows: [
      ['any content type', '/^application\\/json\\s*(;\\s*(charset="?utf-8"?\\s*)?)?$/i.test(contentType)', 'true'],
      ['any charset', '(;\\s*(charset="?utf-8"?\\s*)?)?$/i', '(;.*)?$/i'],
      ['a content type that begins so', '?)?$/i.test(contentType)', '?)?/i.test(contentType)'],
      ['a body that is no object', '!isObject(value)) throw', 'false) throw'],
      ['the values are not looked at', '  checkValues(value, nesting);\n', ''],
      ['two content types', 'others.length === 0 && ', ''],
      ['a number that is too large', 'refuseInfinity(value);', ''],
      ['33 levels', 'maxDepth: 32', 'maxDepth: 33'],
      ['501 keys', 'maxKeys: 500', 'maxKeys: 501'],
      ['a declared length is not believed', "Number(req.headers['content-length'] ?? 0) > maxBytes", 'false'],
      ['a body of any length', 'received <= maxBytes', 'true'],
      ['the longest body is too long', 'received <= maxBytes', 'received < maxBytes'],
      ['the longest declared body is too long', '?? 0) > maxBytes', '?? 0) >= maxBytes'],
      ['a body that has ended is waited for', 'if (req.destroyed)', 'if (false)'],
      ['bytes that are no UTF-8', 'fatal: true', 'fatal: false'],
      ['a byte order mark', 'ignoreBOM: true', 'ignoreBOM: false'],
      ['a list is an object', ' && !Array.isArray(value)', ''],
      ['null is an object', "typeof value === 'object' && value !== null &&", "typeof value === 'object' &&"],
      ['any depth', 'depth > maxDepth', 'false'],
      ['the deepest level is too deep', 'depth > maxDepth', 'depth >= maxDepth'],
      ['any number of keys', 'keys > maxKeys', 'false'],
      ['the last key is too many', 'keys > maxKeys', 'keys >= maxKeys'],
      [
        'only the top level',
        'for (const child of Object.values(value)) open.push({ value: child, depth: depth + 1 });',
        '',
      ],
      ['keys of a prototype', 'refusePrototypeKeys(value);', ''],
      ['__proto__', "Object.hasOwn(value, '__proto__') || ", ''],
      ['constructor.prototype', ' || hasConstructorPrototype', ''],
      ['any constructor is refused', " && Object.hasOwn(value.constructor, 'prototype')", ''],
    ],
  },
  {
    file: 'src/http/request-guard.ts',
    tests: guard,
    rows: [
      ['any version of HTTP', 'req.httpVersionMajor !== 1', 'false'],
      ['any number of headers', 'req.rawHeaders.length > mostHeaders * 2', 'false'],
      [
        'the last header is too many',
        'req.rawHeaders.length > mostHeaders * 2',
        'req.rawHeaders.length >= mostHeaders * 2',
      ],
      ['a Host of any form', 'hosts.every((host) => /^[^\\s/\\\\?#@]*$/.test(host))', 'true'],
      ['two Hosts', 'hosts.length <= 1 && ', ''],
      ['a URL that cannot be read', 'if (url === undefined)', 'if (false)'],
      ['a path that is badly encoded', 'decodeURIComponent(url.pathname);', ''],
      ['a URL with a user name', "url.username === '' && ", ''],
      ['a URL with a password', " && url.password === ''", ''],
      ['a credential in the URL', "url.pathname.startsWith('/api/') && hasCredential(url)", 'false'],
      ['a credential in the fragment', '&${hash.slice(1)}', '', { tests: urls }],
      ['a credential after a semicolon', ".replaceAll(';', '&')", '', { tests: urls }],
      ['a credential with dashes', ".replaceAll(/[-_.]/g, '')", ''],
      ['a credential in capitals', "'').toLowerCase()", "'')", { tests: urls }],
      ['parameters of other routes are its business', "url.pathname.startsWith('/api/') && ", '', { tests: urls }],
      ['a body in any encoding', "!isOnly('identity', req.headers['content-encoding'])", 'false'],
      ['a body in any transfer coding', "!isOnly('chunked', req.headers['transfer-encoding'])", 'false'],
      ['the plain encoding is refused', ' || header.trim().toLowerCase() === coding', ''],
    ],
  },
  {
    file: 'src/http/timeouts.ts',
    tests: ['test/http/timeouts.test.ts'],
    rows: [
      ['a head may take for ever', 'server.headersTimeout = headersMs;', 'server.headersTimeout = 0;'],
      ['a request may take for ever', 'server.requestTimeout = requestMs;', 'server.requestTimeout = 0;'],
      ['slow ones are looked for every half minute', 'connectionsCheckingInterval: Math.min(1_000, headersMs)', ''],
    ],
  },
  {
    file: 'src/http/server.ts',
    tests: guard,
    rows: [
      [
        'what is refused goes on',
        'sendProblem(res, refusal, requestId);\n  return false;',
        'sendProblem(res, refusal, requestId);\n  return true;',
      ],
      ['HTTP/2 and WebSocket hang', "server.server.removeAllListeners('upgrade');", ''],
    ],
  },
  {
    file: 'src/http/inbound-activity.ts',
    tests: activity,
    rows: [
      ['an id of any length', 'const id = plainText(1024)', 'const id = plainText(9999)'],
      [
        'an id of a user of any length',
        'account = z.looseObject({ id: plainText(1024)',
        'account = z.looseObject({ id: plainText(9999)',
      ],
      ['an id of a conversation of any length', '    .max(1024)\n', ''],
      ['an id that is no Unicode', '[^\\p{Cc}\\p{Cs}]', '[^\\p{Cc}]'],
      ['an id with control characters', '[^\\p{Cc}\\p{Cs}]', '[^\\p{Cs}]'],
      ['an id that is this folder', "value !== '.' && ", ''],
      ['an id that is the folder above', " && value !== '..'", ''],
      ['an id that is a dot segment', 'plainText(1024).refine(...isNoDotSegment)', 'plainText(1024)'],
      ['an id of a conversation that is a dot segment', '\n    .refine(...isNoDotSegment),', ','],
      ['an empty id of a conversation', '    .min(1)\n    .max(1024)', '    .max(1024)'],
      [
        'an id of a conversation that no header takes',
        ".regex(/^[\\x20-\\x7e\\xa0-\\xff]*$/, 'Must be printable Latin-1')",
        '',
      ],
      ['an empty type', '    .min(1)\n    .max(100)', '    .max(100)'],
      ['a type of any length', '    .max(100)\n', ''],
      ['an invoke', "type !== 'invoke'", 'true'],
      ['a channel of any length', 'channelId: plainText(100)', 'channelId: plainText(9999)'],
      ['a tenant of any kind', 'tenantId: plainText(100).nullish()', 'tenantId: z.any()'],
      ['a delivery mode of any kind', 'deliveryMode: plainText(100).nullish()', 'deliveryMode: z.any()'],
      ['a locale of any kind', 'locale: plainText(100).nullish()', 'locale: z.any()'],
      ['a service URL of any length', 'serviceUrl: z.string().max(512)', 'serviceUrl: z.string()'],
      ['the id of the activity is anything', '  id: id.nullish(),', '  id: z.any(),'],
      ['the id of what is answered is anything', 'replyToId: id.nullish()', 'replyToId: z.any()'],
      ['all faults are told', '.slice(0, maxFaults)', ''],
    ],
  },
  {
    file: 'src/http/messages.ts',
    tests: body,
    rows: [
      ['an activity of any length', '256 * 1024', '257 * 1024'],
      ['an activity of 65 levels', 'maxDepth: 64', 'maxDepth: 65'],
      ['an activity of 2,001 keys', 'maxKeys: 2000', 'maxKeys: 2001'],
    ],
  },
];
