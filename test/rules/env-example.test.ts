import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { readText } from './source-files.ts';

/** Names of all settings that parseConfig asks for. */
function settingsAskedFor(): string[] {
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

const inExample = [...readText('.env.example').matchAll(/^#? ?([A-Za-z_]+)=/gm)]
  .map(([, name]) => name ?? '')
  .toSorted();

describe('.env.example', () => {
  it('names exactly the settings that are read', () => {
    expect(inExample).toEqual(settingsAskedFor());
  });

  it('is explained in the README, setting by setting', () => {
    const readme = readText('README.md');
    const unexplained = inExample.filter((name) => name && !name.endsWith('_FILE') && !readme.includes(`\`${name}\``));
    expect(unexplained).toEqual([]);
  });
});
