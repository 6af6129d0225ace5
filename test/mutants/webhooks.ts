// Whose an event is, and which events are notified of.

import type { Group } from './mutant.ts';

const signature = ['test/webhooks/verify-signature.test.ts'];
const headers = ['test/webhooks/signature-headers.test.ts'];
const flows = ['test/flows/webhooks.test.ts'];
const routes = ['test/flows/webhook-routes.test.ts'];
const events = ['test/flows/each-event-check.test.ts'];

export const webhooks: readonly Group[] = [
  {
    file: 'src/webhooks/verify-signature.ts',
    tests: headers,
    rows: [
      ['a secret that cannot be used is left out', ' || usable.length < keys.length', '', { tests: signature }],
      ['no secret is a secret', 'first === undefined || ', '', { tests: signature }],
      [
        'any id of Standard Webhooks',
        '!idPattern.test(id)) return refuse(`${names.id} is malformed`);\n  if (!/^[1-9]',
        'false) return refuse("");\n  if (!/^[1-9]',
      ],
      [
        'any id of GitHub',
        '!idPattern.test(id)) return refuse(`${names.id} is malformed`);\n  if (!signature',
        'false) return refuse("");\n  if (!signature',
      ],
      ['any timestamp', '!/^[1-9]\\d{0,11}$/.test(timestamp)', 'false', { tests: signature }],
      ['signatures of any version', ".filter((entry) => entry.startsWith('v1,'))", ''],
      ['no signature is one too', 'signatures.length === 0', 'false'],
      ['any number of signatures', 'signatures.length > mostSignatures', 'false'],
      [
        'the last signature is one too many',
        'signatures.length > mostSignatures',
        'signatures.length >= mostSignatures',
      ],
      ['any signature of Standard Webhooks', '!isAnySignedBy(keys, sign, signatures)', 'false'],
      ['any signature of GitHub', '!isAnySignedBy(keys, sign, [signature])', 'false'],
      ['the id is not signed', '.update(`${id}.${timestamp}.`)', '.update(`${timestamp}.`)'],
      ['the time is not signed', '.update(`${id}.${timestamp}.`)', '.update(`${id}.`)'],
      ['the body is not signed', '.update(`${id}.${timestamp}.`).update(rawBody)', '.update(`${id}.${timestamp}.`)'],
      [
        'the body of GitHub is not signed',
        ".update(rawBody).digest('hex')",
        ".digest('hex')",
        { tests: ['test/webhooks/signature-flips.test.ts'] },
      ],
      ['any age', 'ageSeconds > toleranceSeconds', 'false', { tests: signature }],
      [
        'the oldest is too old',
        'ageSeconds > toleranceSeconds',
        'ageSeconds >= toleranceSeconds',
        { tests: signature },
      ],
      ['any time to come', 'ageSeconds < -toleranceSeconds', 'false', { tests: signature }],
      [
        'the latest is too late',
        'ageSeconds < -toleranceSeconds',
        'ageSeconds <= -toleranceSeconds',
        { tests: signature },
      ],
      ['any kind of signature of GitHub', "!signature.startsWith('sha256=')", 'false'],
      ['signatures of the same length are the same', ' && timingSafeEqual(signature, expected)', ''],
      ['signatures of any length are compared', 'signature.length === expected.length && ', ''],
      [
        'only the first secret counts',
        'for (const key of keys)',
        'for (const key of keys.slice(0, 1))',
        { tests: signature },
      ],
      ['only the last signature counts', 'isSigned = true', 'isSigned = true; else isSigned = false'],
      ['a secret of any length', ' && key.length >= fewestSecretBytes', '', { tests: signature }],
      ['a secret of one byte less', 'fewestSecretBytes = 24', 'fewestSecretBytes = 23', { tests: signature }],
      [
        'a secret that is no base64',
        "bytes.toString('base64') === text ? bytes : undefined",
        'bytes',
        { tests: signature },
      ],
    ],
  },
  {
    file: 'src/webhooks/webhook-headers.ts',
    tests: headers,
    rows: [
      ['a header twice', 'others.length > 0', 'false'],
      ['a header that is missing', "value === undefined || value === ''", "value === ''"],
      ['a header that is empty', "value === undefined || value === ''", 'value === undefined'],
      ['a header of the prototype', 'Object.hasOwn(headers, name)', 'true'],
    ],
  },
  {
    file: 'src/webhooks/match-condition.ts',
    tests: ['test/webhooks/match-condition.test.ts'],
    rows: [
      ['one part of the condition will do', 'condition.every(', 'condition.length === 0 || condition.some('],
      ['a list or nothing is a value', 'isScalar(found) && ', ''],
      ['any value', 'values.has(String(found))', 'true'],
    ],
  },
  {
    file: 'src/webhooks/read-event.ts',
    tests: flows,
    rows: [
      ['events that `when` leaves out', '!matches(webhook.condition, input)', 'false'],
      ['a ping', "webhook.scheme === 'github' && isPing(headers)", 'false', { tests: events }],
      ['every webhook has the same events', '[webhook.id, source, id]', '[source, id]'],
      ['every source has the same events', '[webhook.id, source, id]', '[webhook.id, id]', { tests: events }],
    ],
  },
  {
    file: 'src/rotation.ts',
    tests: flows,
    rows: [['a secret before the last one ends later than it', 'Math.min(one.until, until)', 'one.until']],
  },
  {
    file: 'src/webhooks/webhook-registry.ts',
    tests: routes,
    rows: [
      [
        'a revoked webhook takes events',
        "if (stored.revokedAt !== undefined) throw new AppError('webhook_revoked'",
        "if (false) throw new AppError('webhook_revoked'",
      ],
      [
        'a revoked webhook is rotated',
        '!known || known.revokedAt !== undefined',
        '!known',
        { equivalent: 'the store changes no webhook that is revoked' },
      ],
      ['an old secret for ever', 'until === null || until > now', 'true', { tests: flows }],
      ['an old secret at its end', 'until > now', 'until >= now', { tests: flows }],
      ['a secret that cannot be used is kept', 'if (fault !== undefined)', 'if (false)'],
      [
        'CloudEvents with a secret',
        'if (given === undefined) return undefined;\n    const',
        'if (true) return undefined;\n    const',
      ],
      ['a secret for CloudEvents later', 'if (next === undefined)', 'if (false)'],
      ['a name that is taken', '!(await insertWebhook(db, stored))', '(await insertWebhook(db, stored)) === undefined'],
      ['a template that cannot be read', "if ('fault' in parsed) throw", 'if (false) throw'],
      ['a template with a fault', 'if (faults.length > 0)', 'if (false)'],
      ['a condition with a fault', "if ('fault' in condition) throw", 'if (false) throw'],
    ],
  },
  {
    file: 'src/webhooks/webhook-store.ts',
    tests: routes,
    rows: [['a revoked webhook is changed', "    .where('revoked_at', 'is', null)\n", '']],
  },
  {
    file: 'src/http/webhook-events.ts',
    tests: events,
    rows: [
      ['the verdict of a signature does not count', '!verdict.ok', 'false'],
      ['wrong signatures are not counted', 'await limits.countFailure(clientAddress(req));', ''],
      ['wrong signatures are counted for the proxy', 'clientAddress(req)', 'req.socket.remoteAddress'],
      ['an event of any length', '1024 * 1024', '1025 * 1024'],
      ['an event of any depth', 'maxDepth: 64', 'maxDepth: 65'],
      ['an event of any number of keys', 'maxKeys: 20_000', 'maxKeys: 20_001'],
      ['events of a webhook are not counted', 'await limits.countRequest(sender.name);', ''],
      ['the subjects of a webhook are not looked at', 'checkRecipient(webhook, request);', ''],
      ['the subjects of a source with a key are not looked at', 'checkRecipient(sender, request);', ''],
      ['an event in any form', 'requireJsonContentType(req);', ''],
      [
        'a source without a key',
        "await options.authenticate(req, 'notify:send')",
        "{ name: 'anybody', scopes: ['notify:send'] } as const",
      ],
      [
        'a source with a key for something else',
        "authenticate(req, 'notify:send')",
        "authenticate(req, 'notify:read')",
      ],
      [
        'a CloudEvent that is none',
        "if (!event.ok) throw new AppError('malformed_request', `The event",
        "if (false) throw new AppError('malformed_request', `The event",
      ],
      ['consent without an origin', '!consent.ok', 'false'],
    ],
  },
];
