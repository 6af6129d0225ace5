// Asks a running service over HTTP, as any sender does: the database file belongs to the service's process alone.

/** Longer than the service takes for anything; without it a service that hangs would hang the shell. */
const answerWithinMs = 30_000;

export type Target = { readonly url: string; readonly key: string };

export type ServiceRequest = {
  /** Posted, where there is one. */
  readonly body?: string;
  /** Instead of GET without a body, and POST with one. */
  readonly method?: string;
  /** How long the whole answer may take. */
  readonly withinMs?: number;
};

/** What keeps a key from being sent, in words; undefined when nothing does. */
export function findKeyFault(key: string): string | undefined {
  if (key === '')
    return 'No API key: give --key, or set NOTIFY_API_KEY to the secret of a key, or set NOTIFY_API_KEYS.';
  // fetch would refuse it too, and repeat the key in its error.
  return /^[\x21-\x7e]+$/.test(key) ? undefined : 'The API key may have printable ASCII characters only.';
}

/** One request with the key; rejects where no answer comes. */
export function requestService(
  target: Target,
  path: string,
  { body, method, withinMs = answerWithinMs }: ServiceRequest = {},
  send: typeof fetch = fetch,
): Promise<Response> {
  return send(new URL(path, target.url), {
    headers: { 'x-api-key': target.key, 'content-type': 'application/json' },
    // Followed, a redirect would take X-API-Key along to whatever host it names.
    redirect: 'manual',
    signal: AbortSignal.timeout(withinMs),
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    ...(body !== undefined && { body }),
  });
}
