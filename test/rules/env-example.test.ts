import { describe, expect, it } from 'vitest';
import { listSettingNames } from './setting-names.ts';
import { readText } from './source-files.ts';

const inExample = [...readText('.env.example').matchAll(/^#? ?([A-Za-z_]+)=/gm)]
  .map(([, name]) => name ?? '')
  .toSorted();

describe('.env.example', () => {
  it('names exactly the settings that are read', () => {
    expect(inExample).toEqual(listSettingNames());
  });

  it('is explained in the README, setting by setting', () => {
    const readme = readText('README.md');
    const unexplained = inExample.filter((name) => name && !name.endsWith('_FILE') && !readme.includes(`\`${name}\``));
    expect(unexplained).toEqual([]);
  });
});
