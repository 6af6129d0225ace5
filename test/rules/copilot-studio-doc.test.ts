// docs/copilot-studio.md is what a maker builds a topic by: each action, input, output, status and code in it is one that
// there is, and none is missing.

import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { handledActions } from '../../src/bot/actions/actions.ts';
import { english } from '../../src/bot/texts-en.ts';
import { german } from '../../src/bot/texts-de.ts';
import { importCodes } from '../../src/manifest/import-finding.ts';
import { loadManifests } from '../../src/manifest/render-manifest.ts';
import type { SkillManifest, ValueSchema } from '../../src/manifest/skill-manifest.ts';
import { listSettingNames } from './setting-names.ts';
import { listSourceFiles, readText } from './source-files.ts';

const doc = readText('docs/copilot-studio.md');
const prose = doc.replaceAll(/```[^`]+```/g, '');
const source = listSourceFiles('src')
  .map(({ text }) => text)
  .join('\n');
const rendered = loadManifests({
  appId: '11111111-2222-4333-8444-555555555555',
  endpointUrl: 'https://n.example/api/messages',
});
const [manifestText = ''] = rendered.values();
const { activities } = JSON.parse(manifestText) as SkillManifest;

/** What Copilot Studio and Entra say, not this service. */
const platformWords = new Set(['SkillNotSuccesfulResponseCode', 'SystemError', 'cr1_agent']);

/** Cells of the rows of the table that begins with this head. */
function readRows(head: string): string[][] {
  const table = doc.slice(doc.search(new RegExp(`^\\| ${head} +\\|`, 'm')));
  const lines = table.slice(0, table.indexOf('\n\n')).split('\n').slice(2);
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
const inBackticks = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
const describeValues = (schema: ValueSchema | undefined): string =>
  Object.entries(schema?.properties ?? {})
    .map(([name, { type }]) => `\`${name}\` ${type}`)
    .join(', ');
const isInSource = (word: string): boolean => source.includes(`'${word}'`) || source.includes(`  ${word}: `);
const headingsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gmu)].map(([, heading = '']) => heading.toLowerCase().replaceAll(' ', '-'));
/** A part of the page, from its heading to the next. */
const partOf = (heading: string): string => doc.split(/^## /mu).find((part) => part.startsWith(heading)) ?? '';

describe('docs/copilot-studio.md', () => {
  it('has each action of the manifest, with its kind, name, inputs and outputs', () => {
    const told = readRows('action +\\| kind').map(([id, kind, name, inputs, outputs]) => [
      id,
      kind,
      name,
      inputs,
      outputs,
    ]);
    const there = Object.entries(activities).map(([id, { type, name, value, resultValue }]) => [
      `\`${id}\``,
      type,
      name === undefined ? 'none' : `\`${name}\``,
      describeValues(value),
      describeValues(resultValue),
    ]);
    expect(new Set(told)).toEqual(new Set(there));
    expect(told).toHaveLength(handledActions.size);
  });

  it('has a node whose bindings are inputs and outputs of its action', () => {
    const [, node = ''] = /```yaml\n([\s\S]+?)```/u.exec(doc) ?? [];
    const [, action = ''] = /actionId: (\w+)/u.exec(node) ?? [];
    const { value, resultValue } = activities[action] ?? {};
    const namesIn = (part: string): string[] => {
      const [, block = ''] = new RegExp(`${part}:\\n    binding:\\n((?:      .+\\n)+)`, 'u').exec(node) ?? [];
      return [...block.matchAll(/^ +(\w+):/gmu)].map(([, name = '']) => name);
    };
    expect(namesIn('input')).toEqual(Object.keys(value?.properties ?? {}));
    expect(namesIn('output').length).toBeGreaterThan(1);
    expect(Object.keys(resultValue?.properties ?? {})).toEqual(expect.arrayContaining(namesIn('output')));
  });

  it('has each status that an action gives, and no other', () => {
    const told = readRows('status').flatMap(([cell = '']) => inBackticks(cell));
    const descriptions = Object.values(activities).flatMap(
      ({ resultValue }) => resultValue?.properties?.['status']?.description ?? [],
    );
    const promised = descriptions.flatMap((text) =>
      text
        .replaceAll(/\([^)]*\)/gu, '')
        .split(/,| or |\./u)
        .map((word) => word.trim())
        .filter((word) => word !== ''),
    );
    expect(new Set(told)).toEqual(new Set(promised));
    expect(told.filter((status) => !source.includes(`'${status}'`))).toEqual([]);
  });

  it('explains each code with which an action ends in failure', () => {
    const ends = [...source.matchAll(/\.end\([^;]*, '(\w+)'\);/g)].map(([, code = '']) => code);
    const codes = new Set(ends.filter((code) => code !== 'completedSuccessfully'));
    expect(codes.size).toBeGreaterThan(2);
    const explained = partOf('Errors when')
      .split('\n')
      .flatMap((row) => inBackticks(row.split('|')[1] ?? ''));
    expect([...codes].filter((code) => !explained.includes(code))).toEqual([]);
  });

  it('names codes and reasons that there are', () => {
    const parts = [partOf('Errors when'), partOf('Errors after')];
    const named = parts.flatMap((part) => part.split('\n').flatMap((row) => inBackticks(row.split('|')[1] ?? '')));
    expect(named.length).toBeGreaterThan(15);
    const known = new Set([...handledActions, ...importCodes, ...platformWords, 'subject', 'status']);
    expect(named.filter((word) => !known.has(word) && !isInSource(word))).toEqual([]);
  });

  it('names settings that there are', () => {
    const words = inBackticks(prose).map((word) => word.replace(/=true$/u, ''));
    const named = words.filter((word) => /^(?:[A-Z]+(?:_[A-Z]+)+|Microsoft\w+|AllowedCallers)$/u.test(word));
    expect(named.length).toBeGreaterThan(10);
    const settings = listSettingNames();
    expect(named.filter((name) => !settings.includes(name))).toEqual([]);
  });

  it('names commands that there are', () => {
    const named = new Set([...doc.matchAll(/copilot-notify ([a-z]+)/g)].map(([, name = '']) => name));
    const cli = readText('src/cli/copilot-notify.ts');
    expect(named.size).toBeGreaterThan(4);
    expect([...named].filter((name) => !cli.includes(`${name}: `))).toEqual([]);
  });

  it('names the words that end a wait, all of them', () => {
    const [, words = ''] = /ends at (.+?)\. It speaks/u.exec(doc) ?? [];
    const understood = new Set([...english.cancelWords, ...german.cancelWords]);
    expect(new Set(inBackticks(words))).toEqual(understood);
  });

  it('quotes what the bot says', () => {
    expect(doc).toContain(`"${english.nothingNew}"`);
  });

  it('leads to parts and pages that there are', () => {
    const links = [...doc.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    const local = links.filter((link) => !link.startsWith('https://'));
    expect(local.length).toBeGreaterThan(5);
    const isBroken = (link: string): boolean => {
      const [path = '', part] = link.split('#');
      if (path !== '' && !existsSync(new URL(`../../docs/${path}`, import.meta.url))) return true;
      return part !== undefined && !headingsOf(path === '' ? doc : readText(`docs/${path}`)).includes(part);
    };
    expect(local.filter(isBroken)).toEqual([]);
  });
});
