// Webhooks of a running service: make, list, change, rotate the secret, revoke.

import type { Target } from '../service-client.ts';
import { callService } from './notify.ts';

export type WebhookArguments = {
  readonly name?: string | undefined;
  readonly scheme?: string | undefined;
  /** Path of a file with the template, JSON. */
  readonly template?: string | undefined;
  /** Path of a file with the condition, JSON. */
  readonly when?: string | undefined;
  /** Path of a file with the secret that the source has given: on the command line others could read it. */
  readonly 'secret-file'?: string | undefined;
  /** Comma separated prefixes. */
  readonly subjects?: string | undefined;
  readonly 'overlap-hours'?: string | undefined;
};

type ReadFile = (path: string) => string;

const usage = `Give one of:
  webhooks create --name NAME --scheme standard|github|cloudevents --template FILE [--when FILE] [--secret-file FILE]
                  [--subjects order/,repo/]
  webhooks list
  webhooks change ID [--template FILE] [--when FILE] [--subjects order/]
  webhooks rotate ID [--secret-file FILE] [--overlap-hours 24]
  webhooks revoke ID
`;

/** Does what the words say. Returns the exit code: 0 done, 1 refused, 2 wrong arguments. */
export async function manageWebhooks(
  target: Target,
  words: readonly string[],
  given: WebhookArguments,
  { readFile, write }: { readonly readFile: ReadFile; readonly write: (text: string) => void },
): Promise<number> {
  try {
    const call = planCall(words, given, readFile);
    if (call) return await callService(target, call.path, write, call);
    write(usage);
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    write(`${error.message}\n`);
  }
  return 2;
}

type Call = { readonly path: string; readonly method?: string; readonly body?: string };

function planCall([action, id]: readonly string[], given: WebhookArguments, readFile: ReadFile): Call | undefined {
  const all = '/api/webhooks';
  if (action === 'list') return { path: all };
  if (action === 'create' && given.name !== undefined && given.scheme !== undefined && given.template !== undefined) {
    const body = { name: given.name, scheme: given.scheme, ...secretOf(given, readFile), ...wishOf(given, readFile) };
    return { path: all, body: JSON.stringify(body) };
  }
  if (id === undefined) return undefined;
  const one = `${all}/${encodeURIComponent(id)}`;
  if (action === 'change') return { path: one, method: 'PATCH', body: JSON.stringify(wishOf(given, readFile)) };
  if (action === 'revoke') return { path: one, method: 'DELETE' };
  if (action !== 'rotate') return undefined;
  const hours = given['overlap-hours'];
  const body = { ...secretOf(given, readFile), ...(hours !== undefined && { overlapHours: Number(hours) }) };
  return { path: `${one}/rotate`, body: JSON.stringify(body) };
}

class FileFault extends Error {}

function wishOf({ template, when, subjects }: WebhookArguments, readFile: ReadFile) {
  return {
    ...(template !== undefined && { template: readJson('--template', template, readFile) }),
    ...(when !== undefined && { when: readJson('--when', when, readFile) }),
    ...(subjects !== undefined && { subjects: subjects.split(',').map((entry) => entry.trim()) }),
  };
}

function secretOf({ 'secret-file': path }: WebhookArguments, readFile: ReadFile) {
  return path === undefined ? {} : { secret: read('--secret-file', path, readFile).trim() };
}

function readJson(option: string, path: string, readFile: ReadFile): unknown {
  const text = read(option, path, readFile);
  try {
    return JSON.parse(text);
  } catch {
    throw new FileFault(`${option}: ${path} is not valid JSON.`);
  }
}

function read(option: string, path: string, readFile: ReadFile): string {
  try {
    return readFile(path);
  } catch {
    throw new FileFault(`${option}: ${path} cannot be read.`);
  }
}
