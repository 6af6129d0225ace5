// Who may call the skill: the token, its issuer's keys, its caller, its service URL.

import type { Group } from './mutant.ts';

const matrix = ['test/gate/accept-matrix.test.ts'];
const each = ['test/gate/each-check.test.ts'];
const keys = ['test/gate/each-key-check.test.ts'];
const rotation = ['test/gate/signing-key-rotation.test.ts'];
const kept = ['test/gate/kept-tokens.test.ts'];
const bound = ['test/gate/kept-tokens-bound.test.ts'];
const places = ['test/gate/service-url-places.test.ts'];
const channels = ['test/gate/channel-tokens.test.ts'];

export const gate: readonly Group[] = [
  {
    file: 'src/signed-token.ts',
    tests: each,
    rows: [
      ['critical headers are let by', 'crit !== undefined', 'false'],
      ['any algorithm is looked up', "alg !== 'RS256' || ", ''],
      ['a key id may be anything', " || typeof kid !== 'string'", ''],
      ['a key that is not known is tried', 'if (!key)', 'if (false)'],
      [
        'the signature is not checked',
        'await jwtVerify(token, key, {',
        "{ payload: JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) }; void ({",
      ],
      ['any audience', '      audience,\n      clockTolerance', '      clockTolerance', { tests: matrix }],
      [
        'one more second of skew',
        'clockTolerance: clockSkewSeconds',
        'clockTolerance: clockSkewSeconds + 1',
        { tests: matrix },
      ],
      ['a second more of life', '24 * 3600 + 600', '24 * 3600 + 601'],
      ['time stands still', 'currentDate: new Date(now)', 'currentDate: new Date(1_800_000_000_000)'],
      ['exp may be missing', "['exp', 'nbf',", "['nbf',", { tests: ['test/keys/each-entra-check.test.ts'] }],
      ['nbf may be missing', "['exp', 'nbf',", "['exp',", { tests: ['test/keys/each-entra-check.test.ts'] }],
      [
        'jose is told of no algorithm',
        "algorithms: ['RS256'],",
        '',
        { equivalent: 'the header was checked above, and the key itself is imported for RS256 only', tests: matrix },
      ],
      [
        'jose is told of neither iss nor aud',
        ", 'iss', 'aud'],",
        '],',
        {
          equivalent: 'jose asks for aud where an audience is given, and both callers read iss by a schema',
          tests: matrix,
        },
      ],
    ],
  },
  {
    file: 'src/bot/verify-token.ts',
    tests: each,
    rows: [
      ['no token is a token', 'authorization === undefined', 'false'],
      ['a token of any length', 'authorization.length > longestToken', 'false'],
      ['the longest token is too long', 'authorization.length > longestToken', 'authorization.length >= longestToken'],
      ['anything before Bearer', '/^Bearer (', '/Bearer ('],
      ['anything after the token', ')$/i', ')/i'],
      ['a token of a user', "scp: z.undefined({ error: 'is a user token' }).optional()", 'scp: z.any()'],
      ['any version', "ver: z.enum(['1.0', '2.0'])", 'ver: z.any()'],
      ['a token for ever', 'exp - nbf > longestLifeSeconds', 'false'],
      [
        'the longest life is too long',
        'exp - nbf > longestLifeSeconds',
        'exp - nbf >= longestLifeSeconds',
        { tests: matrix },
      ],
      ['neither tenant nor issuer is looked at', 'checkIssuer(claims.iss, claims.tid, rules);', ''],
      ['any tenant', '!rules.allowedTenants.includes(tenantId)', 'false'],
      ['any issuer', '!issuersOf(tenantId, rules.cloud).includes(issuer)', 'false'],
      ['the issuers of government tenants everywhere', "return cloud === 'public'", 'return false'],
      ['our own token', 'appId === rules.appId', 'false'],
      ['any caller', '!rules.allowedCallers.includes(appId)', 'false'],
      [
        'every token is one of a channel',
        'readUnverifiedIssuer(token) === rules.channels.issuer',
        'true',
        { tests: channels },
      ],
      ['no caller claim', 'if (appId === undefined)', 'if (false)'],
      ['two callers', ' && claims.appid !== claims.azp', ' && false'],
      [
        'the caller of the other version',
        "claims.ver === '1.0' ? claims.appid : claims.azp",
        'claims.appid ?? claims.azp',
      ],
    ],
  },
  {
    file: 'src/bot/verify-token.ts',
    tests: kept,
    rows: [
      ['a kept token whatever has become of its key', '(await isKeyHeld(known, keys, rules))', 'true'],
      ['a kept token of a parent by another key of the same id', '(await keys.find(kid)) === key', 'true'],
      [
        'a kept token of a channel by another key of the same id',
        '(await rules.channels?.keys.findEndorsed(kid))?.key === key',
        'true',
      ],
      [
        'a kept token of a parent that may not call',
        "if (known.caller.kind === 'parent') checkParent(known.caller.claims, rules);",
        '',
      ],
    ],
  },
  {
    file: 'src/bot/kept-tokens.ts',
    tests: kept,
    rows: [
      ['a kept token before its time', 'now < proof.nbf * 1_000 || ', '', { tests: bound }],
      ['a kept token after its time', ' || now >= proof.exp * 1_000', ''],
      ['any number of tokens is kept', 'proofs.size > mostKeptTokens', 'false', { tests: bound }],
    ],
  },
  {
    file: 'src/bot/signing-keys.ts',
    tests: keys,
    rows: [
      ['a fetch for every unknown key id', 'isOver(triedAt, shortestRefreshMs)', 'true'],
      ['a fetch for half the time', 'shortestRefreshMs = 30_000', 'shortestRefreshMs = 29_999'],
      ['keys are good for ever', 'known && !isOver(fetchedAt, freshMs)', 'known', { tests: rotation }],
      ['keys of a time to come are good until then', 'age < 0 || ', '', { tests: ['test/bot/signing-keys.test.ts'] }],
      [
        'a set without keys replaces the keys',
        "if (keys.size === 0) throw new Error('the key set",
        "if (false) throw new Error('the key set",
      ],
      [
        'endorsements of any kind',
        'endorsements: z.array(z.string()).catch([]).optional()',
        'endorsements: z.any()',
        { tests: channels },
      ],
      ['a key for encryption', "use: z.literal('sig').optional()", 'use: z.any()'],
      [
        'a key for another operation',
        "operations.includes('verify')",
        'true',
        { equivalent: 'WebCrypto imports no RS256 key for it, and one for nothing verifies nothing' },
      ],
      ['a fetch for each that waits', 'inFlight ??= refresh()', 'inFlight = refresh()', { tests: rotation }],
    ],
  },
  {
    file: 'src/bot/read-json.ts',
    tests: keys,
    rows: [
      ['a document of any size', 'if (isCut)', 'if (false)'],
      ['any status is good', 'answer.status !== 200', 'false'],
      ['any success is good', 'answer.status !== 200', 'answer.status >= 300'],
    ],
  },
  {
    file: 'src/bot/skill-authentication.ts',
    tests: each,
    rows: [
      [
        'any service URL of a parent',
        'else if (activity.serviceUrl) requireServiceUrl(policy, activity);',
        '',
        { tests: places },
      ],
      [
        'the import ping is refused',
        'if (activity.serviceUrl) requireServiceUrl(policy, activity)',
        'requireServiceUrl(policy, activity)',
        { tests: places },
      ],
      ['any service URL of a channel', 'requireServiceUrl(policy, activity, [channelId]);', '', { tests: channels }],
      [
        'the service URL of a parent from a channel',
        'requireServiceUrl(policy, activity, [channelId])',
        'requireServiceUrl(policy, activity)',
        { tests: channels },
      ],
      [
        'the activity of a channel is not looked at',
        'checkChannelActivity(caller, activity, rules)',
        "activity.channelId ?? ''",
        { tests: channels },
      ],
      [
        'the SDK is let in without a token',
        'await this.verifyCaller(authHeader)',
        '{ appId: "a", claims: {} } as never',
      ],
      [
        'streaming is let in',
        "Promise.reject(new AppError('invalid_token', 'Streaming",
        "Promise.resolve(new AppError('invalid_token', 'Streaming",
      ],
    ],
  },
  {
    file: 'src/http/messages.ts',
    tests: ['test/http/messages.test.ts'],
    rows: [
      ['nobody asks for a token', 'await services.verifyCaller(req.headers.authorization)', 'undefined'],
      ['any content type of an activity', 'requireJsonContentType(req);', ''],
    ],
  },
];
