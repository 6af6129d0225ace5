// API keys of a running service: make, list, rotate, revoke.

import type { Target } from '../service-client.ts';
import { callService } from './notify.ts';

export type KeyArguments = {
  readonly name?: string | undefined;
  /** Comma separated. */
  readonly scopes?: string | undefined;
  /** Comma separated prefixes. */
  readonly subjects?: string | undefined;
  readonly 'expires-at'?: string | undefined;
  readonly 'overlap-hours'?: string | undefined;
};

const usage = `Give one of:
  keys create --name NAME --scopes notify:send,notify:read,operate [--subjects order/,repo/] [--expires-at TIME]
  keys list
  keys rotate ID [--overlap-hours 24]
  keys revoke ID
`;

/** Does what the words say. Returns the exit code: 0 done, 1 refused, 2 wrong arguments. */
export async function manageKeys(
  target: Target,
  words: readonly string[],
  given: KeyArguments,
  write: (text: string) => void,
): Promise<number> {
  const [action, id] = words;
  const path = id === undefined ? undefined : `/api/keys/${encodeURIComponent(id)}`;
  if (action === 'list') return callService(target, '/api/keys', write);
  if (action === 'create' && given.name !== undefined && given.scopes !== undefined) {
    return callService(target, '/api/keys', write, { body: JSON.stringify(wishOf(given)) });
  }
  if (action === 'rotate' && path !== undefined) {
    const hours = given['overlap-hours'];
    const body = JSON.stringify(hours === undefined ? {} : { overlapHours: Number(hours) });
    return callService(target, `${path}/rotate`, write, { body });
  }
  if (action === 'revoke' && path !== undefined) return callService(target, path, write, { method: 'DELETE' });
  write(usage);
  return 2;
}

function wishOf(given: KeyArguments) {
  return {
    name: given.name,
    scopes: listOf(given.scopes),
    ...(given.subjects !== undefined && { subjects: listOf(given.subjects) }),
    ...(given['expires-at'] !== undefined && { expiresAt: given['expires-at'] }),
  };
}

function listOf(text = ''): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
