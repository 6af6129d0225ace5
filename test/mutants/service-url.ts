// Where a token may be sent: the policy, the entries of ALLOWED_SERVICE_URLS, and what is asked again at every send.

import type { Group } from './mutant.ts';

const policy = ['test/conversations/each-service-url-check.test.ts'];
const rule = ['test/each-service-url-rule-check.test.ts'];
const send = ['test/bot/each-send-check.test.ts'];

const networks = [
  "['0.0.0.0', 8],",
  "['10.0.0.0', 8],",
  "['100.64.0.0', 10],",
  "['127.0.0.0', 8],",
  "['169.254.0.0', 16],",
  "['172.16.0.0', 12],",
  "['192.0.0.0', 24],",
  "['192.168.0.0', 16],",
  "['198.18.0.0', 15],",
  "['224.0.0.0', 3],",
  "['::', 127],",
  "['64:ff9b::', 96],",
  "['2001::', 32],",
  "['2002::', 16],",
  "['fc00::', 7],",
  "['fe80::', 10],",
  "['ff00::', 8],",
];

export const serviceUrl: readonly Group[] = [
  {
    file: 'src/conversations/service-url-policy.ts',
    tests: policy,
    rows: [
      ['any length', 'text.length > 512', 'false'],
      ['512 characters are too long', 'text.length > 512', 'text.length >= 512'],
      ['any characters', '!/^[\\x21-\\x5b\\x5d-\\x7e]+$/.test(text)', 'false'],
      ['a backslash', '\\x5b\\x5d-', ''],
      ['no URL', '!URL.canParse(text)', 'false'],
      ['a user name', 'url.username || url.password', 'url.password'],
      ['a password', 'url.username || url.password', 'url.username'],
      ['a query', 'url.search || url.hash', 'url.hash'],
      ['a fragment', 'url.search || url.hash', 'url.search'],
      ['any protocol', "url.protocol !== 'https:' && url.protocol !== 'http:'", 'false'],
      ['plain http', "if (url.protocol !== 'https:')", 'if (false)'],
      ['any port', "url.port !== ''", 'false'],
      ['an IP address', "isIP(host.replace(/^\\[|\\]$/g, '')) !== 0", 'false'],
      ['the host only has the suffix in it', 'host.endsWith(suffix)', 'host.includes(suffix)'],
      ['the suffix without its dot', 'host.endsWith(suffix)', 'host.endsWith(suffix.slice(1))'],
      ['any host', "return refuse(url, 'is not on the list')", "return { allowed: 'push', privateAllowed: false }"],
      [
        'a host for turns is pushed to',
        "return { allowed: 'inTurn' }",
        "return { allowed: 'push', privateAllowed: false }",
      ],
      [
        'a suffix may be private',
        "{ allowed: 'push', privateAllowed: false }",
        "{ allowed: 'push', privateAllowed: true }",
      ],
      [
        'an origin on any port',
        'origins.has(url.origin)',
        '[...origins].some((one) => new URL(one).hostname === url.hostname)',
      ],
      ['an address that is none is public', 'if (family === 0) return true', 'if (family === 0) return false'],
      [
        'every address is public',
        "return privateAddresses.check(address, family === 6 ? 'ipv6' : 'ipv4')",
        'return false',
      ],
      ...networks.map((network) => [`the network ${network} is public`, network, ''] as const),
    ],
  },
  {
    file: 'src/service-url-rule.ts',
    tests: rule,
    rows: [
      ['a bare host', "entry.includes('://')", 'true'],
      ['any form of a suffix', '!suffixPattern.test(suffix)', 'false'],
      ['a suffix of one label', '){2,}$`', ')+$`'],
      ['an address as suffix', ' || isIP(suffix.slice(1)) !== 0', ''],
      ['a registry by its form', 'tooWide.test(suffix)', 'false'],
      ['a registry by its name', 'sharedRegistries.some(', '[].some('],
      [
        'a registry itself',
        'suffix.endsWith(`.${registry}`)',
        'suffix.endsWith(`.${registry}`) && suffix !== `.${registry}`',
      ],
      ['a name below a registry', 'suffix.endsWith(`.${registry}`)', 'suffix === `.${registry}`'],
      ['capitals are another registry', 'parseSuffix(entry.toLowerCase())', 'parseSuffix(entry)'],
      ['any protocol in a rule', "url.protocol !== 'https:' && url.protocol !== 'http:'", 'false'],
      ['a rule with a user name', 'url.username || url.password', 'url.password'],
      ['a rule with a password', 'url.username || url.password', 'url.username'],
      ['a rule with a path', "url.pathname !== '/' || ", ''],
      ['a rule with a query', 'url.search || ', ''],
      ['a rule with a fragment', 'url.hash || ', ''],
      ['a rule with a star', " || text.includes('*')", ''],
      ['no warning of plain http', "if (url.protocol === 'http:')", 'if (false)'],
      [
        'no warning of loopback',
        'isLoopback(url.hostname) || ',
        '',
        { equivalent: 'localhost has no dot, and what else is loopback is an address' },
      ],
      ['no warning of an address', " || isIP(url.hostname.replace(/^\\[|\\]$/g, '')) !== 0", ''],
      ['no warning of a bare name', " || !url.hostname.includes('.')", ''],
    ],
  },
  {
    file: 'src/bot/connector.ts',
    tests: send,
    rows: [
      ['the policy is not asked at a send', "if (verdict.allowed !== 'push')", 'if (false)'],
      ['a host for turns is sent to', "verdict.allowed !== 'push'", "verdict.allowed === 'no'"],
      ['a token for any audience', '!allowedCallers.includes(this.#audience)', 'false'],
      ['every host may be private', 'privateAllowed: verdict.privateAllowed', 'privateAllowed: true'],
      ['a conversation id is a path', "encodeURIComponent(conversationId ?? '')", "conversationId ?? ''"],
      ['an activity id is a path', "encodeURIComponent(activityId ?? '')", "activityId ?? ''"],
      ['an operation without a conversation', 'conversationId === undefined || ', ''],
      ['an operation that a skill has no use for', " || path.includes('{')", ''],
      ['one client for all audiences', 'JSON.stringify([serviceUrl, audience])', 'JSON.stringify([serviceUrl])'],
      ['one client for all service URLs', 'JSON.stringify([serviceUrl, audience])', 'JSON.stringify([audience])'],
    ],
  },
  {
    file: 'src/bot/parent-transport.ts',
    tests: send,
    rows: [
      ['a private address is dialled', 'addresses.some(({ address }) => isPrivateAddress(address))', 'false'],
      ['every request may go anywhere', 'parentRequest.privateAllowed ? anywhere : publicOnly', 'anywhere'],
      ['a redirect is success', 'answer.statusCode < 300', 'answer.statusCode < 400'],
      ['an answer is read to its end', 'size > mostAnswerBytes', 'false'],
      ['the parent says as much as it likes', '.slice(0, shownDetail)', ''],
      ['the parent writes lines into the log', ".replace(/[\\p{Cc}\\p{Zl}\\p{Zp}\\s]+/gu, ' ')", ''],
      ['a parent may take for ever', 'signal: AbortSignal.timeout(deadlines.attemptMs)', 'signal: null'],
    ],
  },
];
