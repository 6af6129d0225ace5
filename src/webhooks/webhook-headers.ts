// What the webhook modules know of a request's headers.

/** As `headersDistinct` of node:http: names in lower case, one value for each line of the request. */
export type WebhookHeaders = Readonly<Record<string, readonly string[] | undefined>>;

/** `reason` is for the log: it names what was wrong and holds nothing that was sent. */
export type WebhookRefusal = { readonly ok: false; readonly reason: string };

type HeadersRead<Key extends string> =
  | { readonly ok: true; readonly values: Readonly<Record<Key, string>> }
  | WebhookRefusal;

export function refuse(reason: string): WebhookRefusal {
  return { ok: false, reason };
}

export function hasHeader(headers: WebhookHeaders, name: string): boolean {
  return valuesOf(headers, name).length > 0;
}

/**
 * The headers in `names` (key to header name), each of which must be there exactly once: of two values one could be
 * checked here and the other one believed elsewhere (RFC 9110 section 5.3 lets no sender repeat them).
 */
export function readHeaders<Key extends string>(
  headers: WebhookHeaders,
  names: Readonly<Record<Key, string>>,
): HeadersRead<Key> {
  const values: Partial<Record<Key, string>> = {};
  for (const key of Object.keys(names) as Key[]) {
    const name = names[key];
    const [value, ...others] = valuesOf(headers, name);
    if (others.length > 0) return refuse(`${name} was sent more than once`);
    if (value === undefined || value === '') return refuse(`${name} is missing`);
    values[key] = value;
  }
  return { ok: true, values: values as Record<Key, string> };
}

function valuesOf(headers: WebhookHeaders, name: string): readonly string[] {
  return Object.hasOwn(headers, name) ? (headers[name] ?? []) : [];
}
