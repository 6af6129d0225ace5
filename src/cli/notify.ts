// Sends a notification, and tells what became of one; what the other commands ask a running service with is here as well.

import { findKeyFault, requestService, type ServiceRequest, type Target } from '../service-client.ts';

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

type Call = ServiceRequest & {
  /** What is written of the text of a good answer; default is all of it, indented. */
  readonly show?: (text: string) => string;
  /** A good answer is written as it comes, however long it is. */
  readonly isStream?: boolean;
};

/** Asks the service and writes what it answers. Returns the exit code: 0 done, 1 refused, 2 wrong key. */
export async function callService(
  target: Target,
  path: string,
  write: (text: string) => void,
  call: Call = {},
): Promise<number> {
  const fault = findKeyFault(target.key);
  if (fault !== undefined) {
    write(`${fault}\n`);
    return 2;
  }
  try {
    const answer = await requestService(target, path, call);
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
