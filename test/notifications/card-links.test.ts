// N10: what a card may lead to. Everything here is opened or fetched by the user's client; nothing is by this service.

import { describe, expect, it } from 'vitest';
import { findCardFaults } from '../../src/notifications/card-links.ts';

const pathsOf = (card: Record<string, unknown>): string[] =>
  findCardFaults({ type: 'AdaptiveCard', ...card }).map(({ path }) => path.join('.'));

const badAddresses = [
  'http://example.com/a.png',
  'HTTP://example.com',
  'hTtP://example.com',
  ' https://example.com',
  '\thttps://example.com',
  '\u0000https://example.com',
  'https://example.com\n',
  'ht\ntps://example.com',
  'https://exa\tmple.com',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)',
  '\u0001javascript:alert(1)',
  'java\nscript:alert(1)',
  'javascript://example.com/%0aalert(1)',
  'vbscript:msgbox(1)',
  'data:text/html,<script>alert(1)</script>',
  'data:image/png;base64,AAAA',
  'DATA:,x',
  'file:///etc/passwd',
  'file:\\\\server\\share',
  'ftp://example.com',
  'blob:https://example.com/1',
  'view-source:https://example.com',
  'ms-word:ofe|u|https://example.com/a.docx',
  'mailto:a@example.com',
  'tel:+1',
  '//example.com/a.png',
  '\\\\example.com\\a.png',
  '/a.png',
  'a.png',
  '#top',
  '',
  'https:',
  'https:/example.com',
  'https:example.com',
  'https:\\\\example.com',
  'https:///example.com',
  'https://',
  'https://?a',
  'https://user@example.com',
  'https://user:word@example.com',
  'https://example.com\\@attacker.example',
  'https://example.com:99999',
  'https://[::1',
  'https://exa mple.com',
  'https://example.com/a b',
  'httpsx://example.com',
  'xhttps://example.com',
] as const;

/** A card with the address at one place, and the path of that place. */
const places: readonly [string, (address: string) => Record<string, unknown>, string][] = [
  ['Image', (url) => ({ body: [{ type: 'Image', url }] }), 'body.0.url'],
  ['Action.OpenUrl', (url) => ({ actions: [{ type: 'Action.OpenUrl', url }] }), 'actions.0.url'],
  [
    'selectAction',
    (url) => ({ body: [{ type: 'Container', selectAction: { type: 'Action.OpenUrl', url } }] }),
    'body.0.selectAction.url',
  ],
  ['iconUrl', (iconUrl) => ({ actions: [{ type: 'Action.Submit', iconUrl }] }), 'actions.0.iconUrl'],
  ['backgroundImage as a text', (backgroundImage) => ({ backgroundImage }), 'backgroundImage'],
  ['backgroundImage', (url) => ({ backgroundImage: { url, fillMode: 'cover' } }), 'backgroundImage.url'],
  [
    'Media',
    (url) => ({ body: [{ type: 'Media', sources: [{ mimeType: 'video/mp4', url }] }] }),
    'body.0.sources.0.url',
  ],
  ['poster', (poster) => ({ body: [{ type: 'Media', poster, sources: [] }] }), 'body.0.poster'],
  ['a list of URLs', (url) => ({ body: [{ themedUrls: [url] }] }), 'body.0.themedUrls.0'],
  ['a key in capitals', (URL) => ({ body: [{ type: 'Image', URL }] }), 'body.0.URL'],
  [
    'a card within the card',
    (url) => ({ actions: [{ type: 'Action.ShowCard', card: { body: [{ type: 'Image', url }] } }] }),
    'actions.0.card.body.0.url',
  ],
  ['fallback', (url) => ({ body: [{ type: 'X', fallback: { type: 'Image', url } }] }), 'body.0.fallback.url'],
];

describe.each(places)('at the place %s', (_, cardWith, path) => {
  it.each(badAddresses)('%j is refused', (address) => {
    expect(pathsOf(cardWith(address))).toEqual([path]);
  });

  it.each([
    'https://example.com',
    'HTTPS://Example.com/a.png',
    'https://example.com:8443/a?b=c&d=http%3A%2F%2Fx#e',
    'https://example.com/@user',
    'https://münchen.example/straße',
    'https://[2001:db8::1]/a',
  ])('%j is taken', (address) => {
    expect(pathsOf(cardWith(address))).toEqual([]);
  });
});

describe.each(['text', 'title', 'value', 'fallbackText', 'altText', 'speak'])('a %s', (key) => {
  it.each([
    'see http://example.com',
    'see HTTP://example.com',
    'see h\u0000ttp://example.com',
    'file:///etc/passwd',
    'ftp://example.com and https://example.com',
    'https://example.com and http://example.com',
    '[a](http://example.com)',
    '[a](HTTP://example.com)',
    '[a](javascript:alert(1))',
    '[a](JavaScript:alert(1))',
    '[a]( javascript:alert(1))',
    '[a](\njavascript:alert(1))',
    '[a](java\tscript:alert(1))',
    '[a](javascript&colon;alert(1))',
    '[a](&#106;avascript:alert(1))',
    '[a](javascript\\:alert(1))',
    '[a](<javascript:alert(1)>)',
    '[a](data:text/html,x)',
    '[a](vbscript:x)',
    '[a](file:/etc/passwd)',
    '[a](mailto:a@example.com)',
    '[a](//example.com)',
    '[a](\\\\example.com)',
    '[a](/path)',
    '[a](path "title")',
    '[a](https:example.com)',
    '[a](https://user@example.com)',
    '![a](http://example.com/a.png)',
    '[![a](https://example.com/a.png)](javascript:x)',
    '[a](https://example.com) and [b](javascript:x)',
    '[a][b]\n\n[b]: javascript:alert(1)',
    '[a][b]\n\n  [b]: //example.com',
    '[a][b]\n\n[b]: <ms-settings:privacy>',
    '[a][b]\n\n[b]:\nfile:/etc/passwd',
    '<javascript:alert(1)>',
    '<ms-settings:privacy>',
    '<a href="javascript:alert(1)">a</a>',
    'javascript:alert(1)',
    'java\tscript:alert(1)',
    'data:text/html,<script>x</script>',
    'data:;base64,AAAA',
    'half of a \ud83d',
  ])('of %j is refused', (text) => {
    expect(pathsOf({ body: [{ [key]: text }] })).toEqual([`body.0.${key}`]);
  });

  it.each([
    'Your **order** has been _shipped_.',
    'see https://example.com/a, or (https://example.com/b)',
    '[a](https://example.com) and [b]( <https://example.com/b> "title")',
    '![a](https://example.com/a.png)',
    '<https://example.com>',
    '[a][b]\n\n[b]: https://example.com',
    '[12:30]: Meeting in room 4',
    'f[0]() and g[1]',
    'Note: data: 5 GB, file: report.pdf, time 12:30',
    'JavaScript in 21 days',
    'metadata:order/42',
    '3 < 4 and a <b>',
    '{{DATE(2026-01-01T00:00:00Z, SHORT)}} // {{TIME(2026-01-01T00:00:00Z)}}',
    'whole: \u{1f600}',
    '',
  ])('of %j is taken', (text) => {
    expect(pathsOf({ body: [{ [key]: text }] })).toEqual([]);
  });
});

it.each([
  ['http://adaptivecards.io/schemas/adaptive-card.json', []],
  ['https://adaptivecards.io/schemas/adaptive-card.json', []],
  ['http://example.com/schema.json', ['$schema']],
  ['http://adaptivecards.io.attacker.example/', ['$schema']],
  ['//example.com/schema.json', ['$schema']],
  ['javascript:x', ['$schema']],
])('$schema may be the address that the designer writes: %s', ($schema, paths) => {
  expect(pathsOf({ $schema })).toEqual(paths);
});

it('every fault is named, not just the first', () => {
  const body = [{ url: 'http://a' }, { text: '[a](b)' }, { url: 'https://example.com' }, { url: 'data:,' }];
  expect(pathsOf({ body })).toEqual(['body.0.url', 'body.1.text', 'body.3.url']);
});

it.each(['a', 'https', '](', '](<', '[a]:', '[', '<a', 'data:', '://', '\n', ' ', '\u0001', '<a-', '[a](https://a'])(
  'the longest text of %j over and over is judged in no time',
  (part) => {
    const text = part.repeat(24_000 / part.length);
    const before = process.cpuUsage();
    findCardFaults({ text, url: text });
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(100);
  },
);
