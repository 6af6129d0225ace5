// Talks to a running service over HTTP, as any sender does: the database file belongs to the service's process alone.

/** Longer than the service takes for anything; without it a service that hangs would hang the shell. */
const answerWithinMs = 30_000;

export type Target = { readonly url: string; readonly key: string };

export type NotifyOptions = {
  readonly subject?: string | undefined;
  readonly user?: string | undefined;
  readonly conversation?: string | undefined;
  readonly all?: boolean | undefined;
  readonly text?: string | undefined;
  readonly 'keep-open'?: boolean | undefined;
  readonly 'expires-at'?: string | undefined;
};

/** Sends a notification and writes the answer. Returns the exit code: 0 accepted, 1 refused, 2 wrong arguments. */
export async function sendNotification(
  target: Target,
  options: NotifyOptions,
  write: (text: string) => void,
): Promise<number> {
  const recipients = [
    options.subject !== undefined && { subject: options.subject },
    options.conversation !== undefined && { conversationId: options.conversation },
    options.user !== undefined && { userId: options.user },
    options.all === true && { all: true },
  ].filter((recipient) => recipient !== false);
  if (recipients.length !== 1 || options.text === undefined) {
    write('Give --text and exactly one of --subject, --user, --conversation, --all.\n');
    return 2;
  }
  const body = {
    to: recipients[0],
    message: { text: options.text },
    ...(options['keep-open'] === true && { keepOpen: true }),
    ...(options['expires-at'] !== undefined && { expiresAt: options['expires-at'] }),
  };
  return callService(target, '/api/notify', write, { body: JSON.stringify(body) });
}

/**
 * Writes what became of a notification; without an id, how the service stands: deliveries in each state, and parents that
 * are left alone. Returns the exit code: 0 found, 1 not found or refused, 2 wrong key.
 */
export async function showNotification(
  target: Target,
  id: string | undefined,
  write: (text: string) => void,
): Promise<number> {
  return callService(target, id === undefined ? '/api/status' : `/api/notifications/${encodeURIComponent(id)}`, write);
}

type Call = {
  /** Posted, where there is one. */
  readonly body?: string;
  /** Instead of GET without a body, and POST with one. */
  readonly method?: string;
  /** What is written of the text of a good answer; default is all of it, indented. */
  readonly show?: (text: string) => string;
  /** A good answer is written as it comes, however long it is. */
  readonly isStream?: boolean;
  /** How long the whole answer may take. */
  readonly withinMs?: number;
};

/** Asks the service and writes what it answers. Returns the exit code: 0 done, 1 refused, 2 wrong key. */
export async function callService(
  target: Target,
  path: string,
  write: (text: string) => void,
  call: Call = {},
): Promise<number> {
  if (target.key === '') {
    write('No API key: give --key or set NOTIFY_API_KEY to a secret of NOTIFY_API_KEYS.\n');
    return 2;
  }
  if (!/^[\x21-\x7e]+$/.test(target.key)) {
    // fetch would refuse it too, and repeat the key in its error.
    write('The API key may have printable ASCII characters only.\n');
    return 2;
  }
  try {
    const answer = await ask(target, path, call);
    if (answer.ok && call.isStream && answer.body) return await copy(answer.body, write);
    const text = await answer.text();
    const { show = indent } = call;
    write(answer.ok ? `${show(text)}\n` : `${answer.status} ${indent(text)}\n`);
    return answer.ok ? 0 : 1;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    write(`No answer from ${target.url}: ${cause}\n`);
    return 1;
  }
}

function ask(target: Target, path: string, { body, method, withinMs = answerWithinMs }: Call): Promise<Response> {
  return fetch(new URL(path, target.url), {
    headers: { 'x-api-key': target.key, 'content-type': 'application/json' },
    // Followed, a redirect would take X-API-Key along to whatever host it names.
    redirect: 'manual',
    signal: AbortSignal.timeout(withinMs),
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    ...(body !== undefined && { body }),
  });
}

async function copy(body: NonNullable<Response['body']>, write: (text: string) => void): Promise<number> {
  const decoder = new TextDecoder();
  for await (const chunk of body) write(decoder.decode(chunk, { stream: true }));
  write('\n');
  return 0;
}

function indent(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
