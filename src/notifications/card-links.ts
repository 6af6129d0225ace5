// What a card must not hold. Its addresses are opened, and its images fetched, by the user's client and never here.

type Path = readonly (string | number)[];
type CardFault = { readonly path: Path; readonly message: string };

/**
 * Ends of the keys that hold an address, in lower case: `url`, `iconUrl`, `themedUrls`, `backgroundImage` as a text,
 * `poster` and the like (adaptivecards.io/explorer).
 */
const addressKey = /(?:url|uri|href|src|poster|backgroundimage)s?$/;

/** Everything in the card that is no https address where it would be opened, and text that is not well-formed. */
export function findCardFaults(card: Readonly<Record<string, unknown>>): CardFault[] {
  return [...faultsIn(card, [], '')];
}

function* faultsIn(value: unknown, path: Path, key: string): Generator<CardFault> {
  if (typeof value === 'string') {
    const message = faultOf(key, value);
    if (message !== undefined) yield { path, message };
  } else if (Array.isArray(value)) {
    // The members of a list stand for its key: `"urls": ["javascript:…"]`.
    for (const [index, member] of value.entries()) yield* faultsIn(member, [...path, index], key);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) yield* faultsIn(member, [...path, name], name.toLowerCase());
  }
}

function faultOf(key: string, text: string): string | undefined {
  if (/\p{Cs}/u.test(text)) return 'must be well-formed Unicode';
  // The designer writes this address of the schema into every card; nothing opens it.
  if (key === '$schema' && text.startsWith('http://adaptivecards.io/')) return undefined;
  if (addressKey.test(key) || key === '$schema') return isHttpsUrl(text) ? undefined : 'must be an https: URL';
  return hasOnlyHttpsLinks(text) ? undefined : 'may only have https: links';
}

// Not what parses as one: browsers mend `https:\evil`, drop leading blanks and all tabs, and go to the host behind an @.
function isHttpsUrl(text: string): boolean {
  return /^https:\/\/[^\s\p{Cc}\\/?#@]+(?:[/?#][^\s\p{Cc}\\]*)?$/iu.test(text) && URL.canParse(text);
}

/**
 * A text may be shown as Markdown, and bare addresses in it become links. Each expression here takes time linear in the
 * text: the longest card is of one long text.
 */
function hasOnlyHttpsLinks(text: string): boolean {
  // Parsers of URLs drop control characters wherever they stand.
  const flat = text.replaceAll(/\p{Cc}/gu, '');
  const beforeSlashes = flat.split('://').slice(0, -1);
  if (!beforeSlashes.every((part) => /(?:^|[^a-z0-9])https$/i.test(part))) return false;
  if (/(?:java|vb)script:|(?:^|[^a-z0-9])data:(?:[a-z]+\/|[;,])/i.test(flat)) return false;
  const inline = matchesOf(/\]\(\s*(?:<\s*)?([^)\s>]*)/g, text);
  const defined = matchesOf(/^[ \t]*\[[^\]\n]*\]:\s*<?([^\s>]*)/gm, text);
  const schemes = matchesOf(/<([a-z][a-z0-9+.-]{1,31}):/gi, text);
  return (
    inline.every((target) => target === '' || isHttpsUrl(target)) &&
    // "[12:30]: Meeting" is the definition of a link too, but of none that leads anywhere.
    defined.every((target) => /^[^:&/%\\]*$/.test(target) || isHttpsUrl(target)) &&
    schemes.every((scheme) => scheme.toLowerCase() === 'https')
  );
}

function matchesOf(pattern: RegExp, text: string): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}
