// The header Prefer (RFC 7240) of a notify request.

import type { IncomingMessage } from 'node:http';

type Preferences = {
  /** How long the answer may wait for the notification to settle; undefined: not at all. */
  readonly waitMs: number | undefined;
  /** The sender polls the address in Location until the notification is settled, as Logic Apps do. */
  readonly respondAsync: boolean;
};

/** The longest wait that is given: below what load balancers allow an answer. */
const longestWaitSeconds = 30;

/** What the request prefers; whatever is not understood is ignored, as section 2 asks. */
export function readPreferences(req: IncomingMessage): Preferences {
  const preferences = new Map<string, string>();
  // Commas inside of quotes separate nothing.
  for (const [item] of String(req.headers['prefer'] ?? '').matchAll(/(?:[^",]|"(?:[^"\\]|\\.)*")+/g)) {
    const [, name = '', value = ''] = /^\s*([^\s=;]+)\s*(?:=\s*("[^"]*"|[^\s;]*))?\s*(?:;|$)/.exec(item) ?? [];
    // Of one that is given twice the first counts.
    if (!preferences.has(name.toLowerCase())) preferences.set(name.toLowerCase(), value.replaceAll('"', ''));
  }
  const wait = preferences.get('wait') ?? '';
  const seconds = /^\d{1,6}$/.test(wait) ? Math.min(Number(wait), longestWaitSeconds) : 0;
  return {
    waitMs: seconds > 0 ? seconds * 1_000 : undefined,
    respondAsync: preferences.get('respond-async') === '',
  };
}
