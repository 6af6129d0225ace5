// Where a token may be sent: the policy, the entries of ALLOWED_SERVICE_URLS, and what is asked again at every send.

import type { Group } from './mutant.ts';

const each = ['test/gate/each-check.test.ts'];
const policy = ['test/conversations/each-service-url-check.test.ts'];
const rule = ['test/each-service-url-rule-check.test.ts'];
const send = ['test/bot/each-send-check.test.ts'];

const tokens = ['test/gate/channel-tokens.test.ts'];
const bounds = ['test/outbound/undici-client.test.ts'];
const resolved = ['test/outbound/resolved-addresses.test.ts'];

const networks = [
  "['0.0.0.0', 8],",
  "['10.0.0.0', 8],",
  "['100.64.0.0', 10],",
  "['127.0.0.0', 8],",
  "['169.254.0.0', 16],",
  "['172.16.0.0', 12],",
  "['192.0.0.0', 24],",
  "['192.0.2.0', 24],",
  "['192.88.99.0', 24],",
  "['192.168.0.0', 16],",
  "['198.18.0.0', 15],",
  "['198.51.100.0', 24],",
  "['203.0.113.0', 24],",
  "['224.0.0.0', 3],",
  "['2001::', 23],",
  "['2001:db8::', 32],",
  "['2002::', 16],",
  "['3ffe::', 16],",
  "['3fff::', 20],",
];

export const serviceUrl: readonly Group[] = [
  {
    file: 'src/conversations/service-url-policy.ts',
    tests: policy,
    rows: [
      ['any length', 'text.length > longestServiceUrl', 'false'],
      ['512 characters are too long', 'text.length > longestServiceUrl', 'text.length >= longestServiceUrl'],
      ['any characters', '!/^[\\x21-\\x5b\\x5d-\\x7e]+$/.test(text)', 'false'],
      ['a backslash', '\\x5b\\x5d-', ''],
      ['no URL', '!URL.canParse(text)', 'false'],
      ['what is no text', "typeof text !== 'string'", 'false'],
      ['a user name', "authority?.includes('@') === true", 'false'],
      ['a query', '/[?#]/.test(text)', '/#/.test(text)'],
      ['a fragment', '/[?#]/.test(text)', '/[?]/.test(text)'],
      ['an empty query or fragment', '/[?#]/.test(text)', '(url.search || url.hash)'],
      [
        'a host that is not named as it is read',
        'authority !== url.host && authority !== `${url.host}:${standardPort}`',
        'false',
      ],
      ['a host that is named with its port', ' && authority !== `${url.host}:${standardPort}`', ''],
      ['what is no host name', '!hostName.test(host)', 'false'],
      ['any protocol', "url.protocol !== 'https:' && url.protocol !== 'http:'", 'false'],
      ['plain http', "if (url.protocol !== 'https:')", 'if (false)'],
      ['any port', "url.port !== ''", 'false'],
      ['an IP address', "isIP(host.replace(/^\\[|\\]$/g, '')) !== 0", 'false'],
      ['a host that only has our suffix in it', 'host.endsWith(suffix)', 'host.includes(suffix)'],
      ['our suffix without its dot', 'host.endsWith(suffix)', 'host.endsWith(suffix.slice(1))'],
      ['the host only has the suffix in it', 'host.endsWith(rule.suffix)', 'host.includes(rule.suffix)'],
      ['the suffix without its dot', 'host.endsWith(rule.suffix)', 'host.endsWith(rule.suffix.slice(1))'],
      [
        'any host',
        "return refuse(url, 'is not on the list', channels)",
        "return { allowed: 'push', privateAllowed: false }",
      ],
      [
        'a host for turns is pushed to',
        "return { allowed: 'inTurn' }",
        "return { allowed: 'push', privateAllowed: false }",
      ],
      ['a host for turns is one for channels', '!channels && onlyInTurn', 'onlyInTurn'],
      [
        'a suffix may be private',
        "{ allowed: 'push', privateAllowed: false }",
        "{ allowed: 'push', privateAllowed: true }",
      ],
      ['an origin on any port', 'rule.origin === url.origin', 'new URL(rule.origin).hostname === url.hostname'],
      ['a rule of a channel is one of parents', ': channel === undefined,', ': true,', { tests: tokens }],
      [
        'a rule of parents is one of channels',
        'channel !== undefined && channels.includes(channel)',
        'true',
        { tests: tokens },
      ],
      ['a rule of a channel is one of all channels', ' && channels.includes(channel)', '', { tests: tokens }],
      [
        'a host of channels is one of parents',
        ': isParentHost(host);',
        ": isParentHost(host) || isHostOfChannel(host, 'msteams', cloud);",
        { tests: tokens },
      ],
      [
        'a host of parents is one of channels',
        'channels.some((id) => isHostOfChannel(host, id, cloud))',
        '(channels.some((id) => isHostOfChannel(host, id, cloud)) || isParentHost(host))',
        { tests: tokens },
      ],
      ['whatever the verdict', "if (verdict.allowed === 'push') return;", 'return;', { tests: each }],
      [
        'a host for turns is good outside of one',
        "verdict.allowed === 'inTurn' && isNothingPosted",
        "verdict.allowed === 'inTurn'",
        { tests: each },
      ],
      [
        'any host is good in a turn',
        "verdict.allowed === 'inTurn' && isNothingPosted",
        'isNothingPosted',
        { tests: each },
      ],
      [
        'an end in the test pane is refused',
        " || named.type === 'endOfConversation'",
        '',
        { tests: ['test/flows/gate.test.ts'] },
      ],
    ],
  },
  {
    file: 'src/bot/process-turn.ts',
    tests: ['test/gate/service-url-places.test.ts'],
    rows: [
      [
        'the policy is not asked before saving',
        'requireServiceUrl(policy, conversation, isOnChannel(conversation) ? [conversation.channelId] : undefined);',
        '',
      ],
      ['the end of a conversation opens one', 'activity.type !== ActivityTypes.EndOfConversation', 'true'],
    ],
  },
  {
    file: 'src/outbound/private-addresses.ts',
    tests: ['test/outbound/private-addresses.test.ts'],
    rows: [
      ...networks.map((network) => [`the network ${network} is public`, network, ''] as const),
      ['every IPv4 address is public', "special4.check(address, 'ipv4')", 'false'],
      ['every IPv6 address is given out', "!global6.check(address, 'ipv6') || ", ''],
      ['every IPv6 address that is given out is public', " || special6.check(address, 'ipv6')", ''],
      ['more of IPv6 is given out', "'2000::', 3", "'2000::', 2"],
      ['an address that is none is public', 'default:\n      return true', 'default:\n      return false'],
    ],
  },
  {
    file: 'src/service-url-rule.ts',
    tests: rule,
    rows: [
      ['a rule for any channel', '!knownChannels.includes(channel)', 'false'],
      ['a rule for a channel is one for parents', 'rule: { ...parsed.rule, channel }', 'rule: parsed.rule'],
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
      ['a token for any audience', '!isToChannel && !allowedCallers.includes(audience)', 'false'],
      ['every host may be private', '?? {},\n      privateAllowed,', '?? {},\n      privateAllowed: true,'],
      ['a conversation id is a path', "encodeURIComponent(conversationId ?? '')", "conversationId ?? ''"],
      ['an activity id is a path', "encodeURIComponent(activityId ?? '')", "activityId ?? ''"],
      ['an operation without a conversation', 'conversationId === undefined || ', ''],
      ['an operation that a skill has no use for', " || path.includes('{')", ''],
      ['one client for all audiences', 'JSON.stringify([serviceUrl, audience])', 'JSON.stringify([serviceUrl])'],
      ['one client for all service URLs', 'JSON.stringify([serviceUrl, audience])', 'JSON.stringify([audience])'],
    ],
  },
  {
    file: 'src/outbound/undici-client.ts',
    tests: send,
    rows: [
      ['a private address is dialled', 'addresses.some(({ address }) => isPrivateAddress(address))', 'false'],
      [
        'a private address in the URL itself is dialled',
        'isIP(host) !== 0 && isPrivateAddress(host)',
        'false',
        { tests: resolved },
      ],
      [
        'one public address among the private ones is enough',
        'addresses.some((',
        'addresses.every((',
        { tests: resolved },
      ],
      ['a name without an address is dialled', '!first || ', '', { tests: resolved }],
      ['every request may go anywhere', 'exchange(publicOnly, request)', 'exchange(anywhere, request)'],
      ['an answer is read to its end', 'this.#size <= this.#mostBytes', 'true'],
      ['an answer by the platform is read to its end', 'if (size > mostBytes) break;', '', { tests: bounds }],
      [
        'the platform may take for ever',
        'AbortSignal.timeout(withinMs)',
        'AbortSignal.timeout(60_000)',
        { tests: bounds },
      ],
      ['a parent may take for ever', 'this.onResponseError(undefined, timeout);\n      this.#stop(timeout);', ''],
    ],
  },
  {
    file: 'src/bot/parent-transport.ts',
    tests: send,
    rows: [
      ['every host may be private for a parent', "privateAllowed ? 'direct' : 'public'", "'direct'"],
      ['a redirect is success', 'status < 300', 'status < 400'],
      ['the parent says as much as it likes', '.slice(0, shownDetail)', ''],
      ['the parent writes lines into the log', ".replace(/[\\p{Cc}\\p{Zl}\\p{Zp}\\s]+/gu, ' ')", ''],
    ],
  },
];
