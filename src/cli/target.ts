// Which service the commands ask, and with which key.

import { readConfig } from '../config.ts';
import type { Target } from '../service-client.ts';
import type { Environment } from '../setting-reader.ts';

/**
 * What was given; by default the service of these settings, on this machine, with the first of its own keys. Faulty
 * settings are no hindrance: the command may be for another service.
 */
export function findTarget(
  given: { readonly url?: string | undefined; readonly key?: string | undefined },
  env: Environment,
  readFile: (path: string) => string,
): Target {
  const { config } = readConfig(env, readFile);
  // A key of this service is for this service alone: none of its own goes to another one that was named.
  const own = given.url === undefined ? config.apiKeys[0]?.secret : undefined;
  return {
    url: given.url ?? `http://localhost:${config.port}`,
    key: given.key ?? (env['NOTIFY_API_KEY']?.trim() || own) ?? '',
  };
}
