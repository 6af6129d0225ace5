// Who may notify and operate: API keys, tokens of Entra, scopes, subjects, rates.

import type { Group } from './mutant.ts';

const keys = ['test/flows/keys.test.ts'];
const rights = ['test/flows/rights.test.ts'];
const entra = ['test/keys/each-entra-check.test.ts'];
const ring = ['test/keys/each-key-ring-check.test.ts'];
const clients = ['test/http/client-address.test.ts'];
const networks = ['test/ip-network.test.ts'];
const sender = ['test/http/each-sender-check.test.ts'];

export const credentials: readonly Group[] = [
  {
    file: 'src/keys/api-key.ts',
    tests: ring,
    rows: [
      ['every digest is the same', 'digest.length === presented.length && timingSafeEqual(digest, presented)', 'true'],
      ['every digest of the same length is the same', ' && timingSafeEqual(digest, presented)', ''],
      ['digests of any length are compared', 'digest.length === presented.length && ', ''],
    ],
  },
  {
    file: 'src/keys/key-ring.ts',
    tests: ring,
    rows: [
      ['a stored key is good whatever it is', '!isGood(stored, digest, now())', 'false'],
      ['a revoked key', 'key.revokedAt !== undefined || ', ''],
      ['an expired key', 'key.expiresAt <= now', 'false'],
      ['a key at its expiry', 'key.expiresAt <= now', 'key.expiresAt < now'],
      ['a key that is over', ' && !isOver', ''],
      ['a rotated key for ever', ' && now < previous.until', ''],
      ['a rotated key at its end', 'now < previous.until', 'now <= previous.until'],
      ['any key in place of the one before', 'isSameDigest(previous.digest, digest) && ', ''],
      ['any secret with a known id', 'const isCurrent = isSameDigest(key.digest, digest)', 'const isCurrent = true'],
      ['any text is a key of the settings', 'if (isSameDigest(key.digest, digest)) found', 'found'],
      [
        'a name of the settings is given again',
        'apiKeys.some((configuredKey) => configuredKey.name === name)',
        'false',
      ],
      [
        'a key of the settings has the name of one that was made',
        'if (taken.length === 0) return;',
        'return;',
        { tests: keys },
      ],
      ['every unknown key is a token', 'entra && looksLikeToken(presented)', 'entra', { tests: entra }],
    ],
  },
  {
    file: 'src/rotation.ts',
    tests: keys,
    rows: [
      ['what was replaced before ends later than what is replaced now', 'Math.min(one.until, until)', 'one.until'],
    ],
  },
  {
    file: 'src/keys/key-store.ts',
    tests: ring,
    rows: [
      ['a revoked key is rotated', 'known.revokedAt !== undefined || ', ''],
      ['an expired key is rotated', '(known.expiresAt ?? Infinity) <= now', 'false', { tests: keys }],
      ['a key for some subjects is for all', '...(subjects && { subjects })', ''],
      ['a key is whichever comes first', ".selectAll().where('id', '=', id)", '.selectAll()'],
      ['the time of a revocation moves', "fn.coalesce('revoked_at', val(now))", 'val(now)'],
    ],
  },
  {
    file: 'src/app.ts',
    tests: keys,
    rows: [['nobody looks at the names of the settings', 'await checkNames(db, apiKeys);', '']],
  },
  {
    file: 'src/storage/sqlite.ts',
    tests: ['test/storage/database.test.ts'],
    rows: [['anybody on the machine reads the database', '0o600', '0o644']],
  },
  {
    file: 'src/keys/entra-token.ts',
    tests: entra,
    rows: [
      ['any length', 'presented.length <= longestToken && ', ''],
      ['any tenant of senders', 'tid !== rules.tenantId', 'false'],
      ['any issuer of senders', 'iss !== issuerOf(rules, ver)', 'false'],
      ['the issuer of either version', 'issuerOf(rules, ver)', "issuerOf(rules, iss.includes('sts') ? '1.0' : '2.0')"],
      ['a sender without a name', 'if (caller === undefined)', 'if (false)'],
      ['a token of a user, by its type', "idtyp: z.literal('app').optional()", 'idtyp: z.any()'],
      [
        'a token of a user, by its scope',
        "scp: z.undefined({ error: 'is of a user token' }).optional()",
        'scp: z.any()',
      ],
      ['any version of a token', "ver: z.enum(['1.0', '2.0'])", 'ver: z.any()'],
      [
        'every role gives everything',
        '[scopeOfRole[role] as Scope]',
        "['notify:send', 'notify:read', 'operate'] as Scope[]",
      ],
      ['a role that Object has', 'Object.hasOwn(scopeOfRole, role)', 'true'],
    ],
  },
  {
    file: 'src/http/api-keys.ts',
    tests: sender,
    rows: [
      ['no sender is a sender', 'sender === undefined', 'false'],
      ['a service without keys is asked', 'await keys.isEmpty()', 'false'],
      ['failures are not counted', 'error instanceof AppError && error.status === 401', 'false'],
      ['failures are counted for the proxy', 'clientAddress(req)', 'req.socket.remoteAddress', { tests: clients }],
      ['failures alone are counted', 'await limits.countRequest(sender.name);', ''],
      ['any scope will do', '!sender.scopes.includes(scope)', 'false'],
      [
        'everybody owns everything',
        "sender.scopes.includes('operate') ? undefined : sender.name",
        'undefined',
        { tests: rights },
      ],
      ['another scheme beside a good key', 'req.headers.authorization !== undefined && bearer === undefined', 'false'],
      ['an empty key', " || key === ''", ''],
      ['no key at all', "typeof key !== 'string' || ", ''],
      ['two different keys', 'apiKey !== undefined && apiKey !== key', 'false'],
    ],
  },
  {
    file: 'src/http/client-address.ts',
    tests: clients,
    rows: [
      ['a stranger is believed', 'client && isTrusted(client)', 'client'],
      ['no proxy is believed', 'client && isTrusted(client)', 'false'],
      ['what the client itself has written is believed', 'entries.pop()', 'entries.shift()'],
      [
        'an entry that cannot be read is passed over',
        'if (!next) break;',
        'if (!next && entries.length === 0) break;\n      if (!next) continue;',
      ],
      [
        'networks of IPv6 have addresses of IPv4',
        'trusted[family].check(address, family)',
        'trusted.ipv4.check(address, family) || trusted.ipv6.check(address, family)',
      ],
    ],
  },
  {
    file: 'src/ip-network.ts',
    tests: networks,
    rows: [
      ['a network of any width', 'prefix < widest[family]', 'false'],
      ['a prefix of any length', 'prefix > bits[family]', 'false'],
      ['the widest network is too wide', 'prefix < widest[family]', 'prefix <= widest[family]'],
      ['a network of IPv4 in the form of IPv6 by its whole prefix', "text.includes(':') ? 96 : 0", 'false ? 96 : 0'],
      ['an address of IPv4 has a second spelling', 'mapped === undefined ?', 'true ?'],
      [
        'what is no address',
        'if (version === 0) return undefined;',
        "if (version === 0) return { address: text, family: 'ipv4' };",
      ],
    ],
  },
  {
    file: 'src/http/accept.ts',
    tests: ['test/http/check-recipient.test.ts'],
    rows: [
      ['any recipient', '!subjects || ', 'true || '],
      ['a subject with the prefix inside', 'to.subject.startsWith(prefix)', 'to.subject.includes(prefix)'],
      ['a subject with all prefixes', 'subjects.some(', 'subjects.every('],
    ],
  },
  {
    file: 'src/http/rate-limits.ts',
    tests: ['test/http/rate-limits.test.ts'],
    rows: [
      ['requests are not counted', 'if (senderRate === 0)', 'if (true)'],
      ['failed requests are not counted', 'if (failureRate === 0)', 'if (true)'],
      ['one request more', "create('sender', senderRate)", "create('sender', senderRate + 1)"],
      ['one failed request more', "create('address', failureRate)", "create('address', failureRate + 1)"],
      ['each IPv6 address on its own', '.slice(0, 4)', ''],
      ['all IPv4 addresses are one', " || address.startsWith('::ffff:')", ''],
      ['all senders are one', 'requests(sender)', "requests('')"],
      ['all addresses are one', "failures(networkOf(address ?? ''))", "failures('')"],
    ],
  },
  {
    file: 'src/http/notifications.ts',
    tests: keys,
    rows: [
      ['the subjects of a key are not looked at', 'checkRecipient(sender, request);', ''],
      [
        'a notification of another is found',
        'notifications.find(String(req.params.id), ownerFor(sender))',
        'notifications.find(String(req.params.id))',
        { tests: rights },
      ],
      [
        'notifications of others are listed',
        'notifications.list(page, ownerFor(sender))',
        'notifications.list(page)',
        { tests: rights },
      ],
      [
        'a notification of another is cancelled',
        'notifications.cancel(String(req.params.id), ownerFor(sender))',
        'notifications.cancel(String(req.params.id))',
        { tests: rights },
      ],
    ],
  },
  {
    file: 'src/http/keys.ts',
    tests: keys,
    rows: [['a key that has expired is made', 'at !== undefined && at <= now()', 'false']],
  },
];
