// Names of all settings, asked of the code that reads them.

import { parseConfig } from '../../src/config.ts';

/** Those that parseConfig asks for, in order; a secret's also as `NAME_FILE`. */
export function listSettingNames(): string[] {
  const asked = new Set<string>();
  const env = new Proxy<Record<string, string | undefined>>({}, { get: (_, name) => void asked.add(String(name)) });
  try {
    parseConfig(env, () => '');
  } catch {
    // Nothing is set, so it must refuse; what it has asked for is all that matters.
  }
  // Guards against settings of others that would make this service unsafe.
  return [...asked].filter((name) => name !== 'NODE_TLS_REJECT_UNAUTHORIZED').toSorted();
}
