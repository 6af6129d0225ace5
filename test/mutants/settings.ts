// What is refused at the start instead of at the first call: a service without its checks does not come up.

import type { Group } from './mutant.ts';

const faults = ['test/config-faults.test.ts'];
const files = ['test/config-identity.test.ts'];
const each = ['test/each-setting-check.test.ts'];

export const settings: readonly Group[] = [
  {
    file: 'src/config.ts',
    tests: each,
    rows: [
      ['faults do not end the start', 'if (settings.faults.length > 0) throw', 'if (false) throw', { tests: faults }],
      ['the settings can be changed', 'Object.freeze(config)', 'config', { tests: ['test/config.test.ts'] }],
      ['unsafe settings are let by', '  refuseUnsafe(settings);\n', '', { tests: faults }],
      ['nobody may call', 'if (entries.length === 0)', 'if (false)', { tests: faults }],
      ['the star among callers is no GUID like any other', "if (entries.includes('*'))", 'if (false)'],
      ['the skill may call itself', 'callers.includes(ownAppId)', 'false', { tests: faults }],
      ['no tenant may call', "identity.appType === 'MultiTenant' && tenants.length === 0", 'false', { tests: faults }],
      [
        'a service URL with a fault',
        "if ('fault' in parsed) settings.addFault(name,",
        "if ('fault' in parsed) void (name,",
        { tests: faults },
      ],
      ['a service URL without a warning', "'warning' in parsed && ", 'false && ', { tests: ['test/config.test.ts'] }],
      [
        'a host of any form',
        'isIP(host) === 0 && !/^[a-z\\d](?:[a-z\\d.-]{0,252}[a-z\\d])?$/i.test(host)',
        'false',
        { tests: ['test/config-canaries.test.ts'] },
      ],
      ['TLS is not checked', "settings.readForeign('NODE_TLS_REJECT_UNAUTHORIZED') === '0'", 'false'],
      ['a database of another kind', '!/^postgres(ql)?:\\/\\//.test(url) || ', ''],
      ['a database whose URL cannot be read', ' || !URL.canParse(url)', ''],
    ],
  },
  {
    file: 'src/config-senders.ts',
    tests: each,
    rows: [
      [
        'an API key with a fault',
        'else settings.addFault(name, `entry ${index + 1}: ${fault}`);',
        '',
        { tests: faults },
      ],
      ['a key of any name', '!/^[\\w-]{1,64}$/.test(name) || ', ''],
      ['a key without a secret', " || secret === ''", ''],
      ['a secret of any length', 'secret.length < 24', 'false'],
      ['a secret of 24 characters is too short', 'secret.length < 24', 'secret.length <= 24'],
      ['a secret of any characters', '!/^[\\x21-\\x7e]+$/.test(secret)', 'false'],
      ['two keys of one name', 'key.name === name', 'false'],
      ['two keys of one secret', 'key.secret === secret', 'false'],
      ['a tenant of senders without an audience', 'if (entries.length > 0) {', 'if (false) {'],
      ['several tenants of senders', 'if (entries.length > 1)', 'if (false)'],
      ['the audience that every bot has', "audience.toLowerCase() === 'https://api.botframework.com'", 'false'],
      ['the audience that every bot has, in capitals', 'audience.toLowerCase() ===', 'audience ==='],
      ['senders of no tenant', 'tenantId === undefined && entries.length === 0', 'false'],
      [
        'a proxy with a fault',
        "if ('fault' in parsed) settings.addFault(name,",
        "if ('fault' in parsed) void (name,",
        { tests: ['test/config-senders.test.ts'] },
      ],
    ],
  },
  {
    file: 'src/config-identity.ts',
    tests: faults,
    rows: [
      [
        'a managed identity with a secret',
        "if (secret !== undefined) settings.addFault('MicrosoftAppPassword', 'must",
        "if (false) settings.addFault('MicrosoftAppPassword', 'must",
      ],
      [
        'a managed identity with a certificate',
        'if (hasCertificate) settings.addFault',
        'if (false) settings.addFault',
      ],
      [
        'a secret and a certificate',
        "if (secret !== undefined) settings.addFault('MicrosoftAppPassword', 'set",
        "if (false) settings.addFault('MicrosoftAppPassword', 'set",
      ],
      ['no secret', '  if (secret === undefined) {', '  if (false) {'],
      ['no thumbprint', 'if (thumbprint === undefined) {', 'if (false) {', { tests: each }],
      ['any thumbprint', '!/^[0-9a-f]{40}$/i.test(thumbprint)', 'false'],
      ['no private key', 'if (privateKey === undefined) {', 'if (false) {', { tests: each }],
      ['any private key', '!isRsaPrivateKey(privateKey)', 'false'],
      [
        'a private key of any kind',
        "createPrivateKey(pem).asymmetricKeyType === 'rsa'",
        'createPrivateKey(pem) !== undefined',
      ],
      ['a single tenant without its tenant', "appType === 'MultiTenant' && settings.readText", 'settings.readText'],
    ],
  },
  {
    file: 'src/setting-reader.ts',
    tests: faults,
    rows: [
      [
        'an empty setting is one',
        "?.trim();\n    return text === '' ? undefined : text",
        '?.trim();\n    return text',
        { tests: each },
      ],
      ['a secret and its file', 'if (direct !== undefined)', 'if (false)'],
      ['an empty file', "text === '') return 'the file is empty'", "false) return ''", { tests: files }],
      [
        'a file that cannot be read',
        "text === undefined) return 'the file cannot be read'",
        "false) return ''",
        { tests: files },
      ],
      [
        'a file in UTF-16',
        "? 'the file must be text in UTF-8' : undefined",
        '? undefined : undefined',
        { tests: files },
      ],
      [
        'the login is moved without a word',
        'if (moved !== standard)',
        'if (false)',
        { tests: ['test/config.test.ts'] },
      ],
      ['a misspelt setting without a word', 'meant !== undefined', 'false', { tests: ['test/setting-reader.test.ts'] }],
      ['a word that is no choice', 'if (choice === undefined) this.addFault', 'if (false) this.addFault'],
      ['a number below the least', 'value >= limits.min && ', ''],
      ['a number above the most', ' && value <= limits.max', ''],
      ['a time of any length', ' && ms <= limits.maxMs', ''],
      ['no time', 'ms > 0 && ', ''],
      ['an id that is no GUID', 'text !== undefined && guidPattern.test(text)', 'text !== undefined'],
      ['a list of what is no GUID', 'if (!guidPattern.test(entry)) this.addFault', 'if (false) this.addFault'],
      ['an origin with a path', "url.pathname !== '/' || ", ''],
      ['an origin with a query', 'url.search || ', '', { tests: each }],
      ['an origin with a fragment', ' || url.hash', '', { tests: each }],
      ['plain http to any host', ' && isLoopback(url.hostname)', ''],
      ['any protocol but http', "url.protocol !== 'https:' && ", "url.protocol === 'http:' && ", { tests: each }],
      ['a URL with a user name', 'if (url.username || url.password)', 'if (url.password)', { tests: each }],
      ['a URL with a password', 'if (url.username || url.password)', 'if (url.username)', { tests: each }],
      ['a host that begins like loopback', '/^127(\\.\\d{1,3}){3}$/', '/^127(\\.\\d{1,3}){3}/'],
    ],
  },
];
