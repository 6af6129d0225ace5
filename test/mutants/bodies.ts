// What a request must be before anything is read from it, and what a body must be before anything is believed in it.

import type { Group } from './mutant.ts';

const guard = ['test/http/each-guard-check.test.ts'];
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
      ['the nesting is not looked at', '  checkNesting(value);\n', ''],
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
      ['a URL that restify cannot read', '!hasUsableUrl(req as Request)', 'false'],
      ['a path that is badly encoded', "decodeURIComponent(req.getUrl().pathname ?? '')", 'req.getUrl()'],
      ['a body in any encoding', "encoding !== undefined && encoding.trim().toLowerCase() !== 'identity'", 'false'],
      ['the plain encoding is refused', " && encoding.trim().toLowerCase() !== 'identity'", ''],
    ],
  },
  {
    file: 'src/http/server.ts',
    tests: guard,
    rows: [
      ['what is refused goes on', 'return refusal === undefined;', 'return true;'],
      ['HTTP/2 and WebSocket hang', "server.server.removeAllListeners('upgrade');", ''],
    ],
  },
  {
    file: 'src/http/inbound-activity.ts',
    tests: activity,
    rows: [
      ['an id of any length', '  .max(1024)\n', ''],
      ['an id that is no Unicode', "  .regex(/^\\P{Cs}*$/u, 'Must be well-formed Unicode')\n", ''],
      ['an id that is this folder', "value !== '.' && ", ''],
      ['an id that is the folder above', " && value !== '..'", ''],
      ['an empty id of a conversation', 'id: id.min(1)', 'id: id'],
      [
        'an id of a conversation that no header takes',
        ".regex(/^[\\x20-\\x7e\\xa0-\\xff]*$/, 'Must be printable Latin-1')",
        '',
      ],
      ['an empty type', '    .min(1)\n', ''],
      ['a type of any length', '    .max(100)\n', ''],
      ['an invoke', "type !== 'invoke'", 'true'],
      ['a channel of any length', 'channelId: z.string().max(100)', 'channelId: z.string()'],
      ['a service URL of any length', 'serviceUrl: z.string().max(512)', 'serviceUrl: z.string()'],
      ['the id of the activity is anything', '  id: id.nullish(),', '  id: z.any(),'],
      ['the id of what is answered is anything', 'replyToId: id.nullish()', 'replyToId: z.any()'],
      ['all faults are told', '.slice(0, maxFaults)', ''],
    ],
  },
];
