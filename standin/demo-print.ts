// How the demo looks on a terminal: numbered steps, wire lines, the claims of tokens. Colour only where it is wanted.

import type { WireRecord } from './types.ts';

export type Printer = {
  step(title: string): void;
  line(text: string): void;
  field(name: string, value: string): void;
  /** One request that crossed the wire, with its token's claims. */
  wire(record: WireRecord): void;
  success(text: string): void;
  failure(text: string): void;
};

/** Words for ids that come up again and again, such as the agent's app id. */
export type Names = ReadonlyMap<string, string>;

const routes: Readonly<Record<WireRecord['direction'], string>> = {
  'agent->skill': 'agent → skill ',
  'skill->agent': 'skill → agent ',
  'skill->tenant': 'skill → tenant',
  'agent->manifest': 'agent → skill ',
  'page->standin': 'page',
  'channel->skill': 'channel → skill',
  'skill->channel': 'skill → channel',
};

/** A printer that writes to `write`; `names` may be filled later. */
export function createPrinter(write: (text: string) => void, useColor: boolean, names: Names): Printer {
  const paint = (code: number, text: string): string => (useColor ? `\u001B[${code}m${text}\u001B[0m` : text);
  const bold = (text: string): string => paint(1, text);
  const dim = (text: string): string => paint(2, text);
  const shownTokens = new Set<string>();
  let number = 0;
  const line = (text: string): void => write(`     ${text}\n`);
  return {
    step(title) {
      number += 1;
      write(`\n${bold(paint(36, String(number).padStart(3)))}  ${bold(title)}\n`);
    },
    line,
    field: (name, value) => line(`${dim(name.padEnd(14))} ${value}`),
    wire(record) {
      const isRefused = record.reason !== undefined;
      const status = record.status === 0 ? 'no answer' : String(record.status);
      const route = dim(routes[record.direction]);
      line(`${route} ${paint(isRefused ? 31 : 32, status)} ${record.method} ${shortenPath(record.path, names)}`);
      for (const detail of describeRecord(record, names, shownTokens)) line(`${' '.repeat(19)}${detail}`);
    },
    success: (text) => write(`\n${paint(32, '✔')} ${bold(text)}\n`),
    failure: (text) => write(`\n${paint(31, '✘')} ${bold(text)}\n`),
  };
}

/** The activities URL of a conversation is longer than a line: its ids are left out. */
function shortenPath(path: string, names: Names): string {
  const tenant = path.split('/', 2)[1] ?? '';
  return path
    .replace(`/${tenant}/`, names.has(tenant) ? '/{tenant}/' : `/${tenant}/`)
    .replace(/^\/api\/runtime\/bots\/[^/]+\//, '…/')
    .replace(/conversations\/[^/]+/, 'conversations/…')
    .replace(/activities\/[^/]+/, 'activities/…');
}

function describeRecord(record: WireRecord, names: Names, shownTokens: Set<string>): string[] {
  const { activity, scope, token, reason } = record;
  const isProbe = record.direction === 'agent->skill' && token === undefined;
  return [
    ...(activity === undefined ? [] : [describeActivity(activity)]),
    ...(scope === undefined ? [] : [`scope  ${scope}`]),
    ...(token === undefined ? [] : describeToken(token, names, shownTokens)),
    ...(isProbe ? ['without a token: must be refused'] : []),
    ...(reason === undefined ? [] : [`refused: ${reason}`]),
  ];
}

function describeActivity(activity: Record<string, unknown>): string {
  const { type, name, text, value, recipient } = activity;
  const parts = [
    typeof name === 'string' ? name : '',
    typeof text === 'string' ? JSON.stringify(text) : '',
    typeof value === 'object' && value !== null ? JSON.stringify(value) : '',
    recipient === null ? '(recipient: null)' : '',
  ];
  const shown = [String(type), ...parts.filter((part) => part !== '')].join(' ');
  return shown.length > 74 ? `${shown.slice(0, 73)}…` : shown;
}

/** All claims the first time, then only who calls whom. */
function describeToken(token: Record<string, unknown>, names: Names, shownTokens: Set<string>): string[] {
  const claims = ['aud', 'appid', 'azp', 'iss', 'tid'].flatMap((claim): [string, string][] => {
    const value = token[claim];
    return typeof value === 'string' ? [[claim, value]] : [];
  });
  const key = JSON.stringify(claims);
  if (shownTokens.has(key)) {
    const parties = claims.slice(0, 2).map(([claim, value]) => `${claim} ${names.get(value) ?? value}`);
    return [`token  as above: ${parties.join(', ')}`];
  }
  shownTokens.add(key);
  return claims.map(([claim, value]) => `${claim.padEnd(6)} ${value}  ${names.get(value) ?? ''}`.trimEnd());
}
