// The Bicep template, held against what the service reads, serves and promises. Nothing here compiles it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { defaultPort, filled, secrets, settings, stopDeadlineSeconds } from './deployment.ts';
import { readText } from './source-files.ts';

let skill: Skill;
beforeAll(async () => void (skill = await startSkill()));
afterAll(() => skill.stop());

const statusOf = async (path: string): Promise<number> => (await fetch(`${skill.url}${path}`)).status;

describe('deploy/container-apps.bicep', () => {
  const code = readText('deploy/container-apps.bicep').replaceAll(/^ *\/\/.*$/gm, '');
  const env = [...code.matchAll(/\{ name: '(?<name>\w+)', (?<kind>value|secretRef): (?<value>[^}]+) \}/g)].map(
    ({ groups }) => ({ name: '', kind: '', value: '', ...groups }),
  );
  const ofContainer = env.filter(({ name }) => !name.includes('-'));

  it('closes whatever it opens', () => {
    let signs = code.replaceAll(/'(?:\\.|[^'\\])*'/g, '').replaceAll(/[^()[\]{}']/g, '');
    for (let before = ''; before !== signs;) {
      before = signs;
      signs = signs.replaceAll(/\(\)|\[\]|\{\}/g, '');
    }
    expect(signs).toBe('');
  });

  it('names settings only, which are all that a start needs', () => {
    expect(ofContainer.map(({ name }) => name).filter((name) => !settings.includes(name))).toEqual([]);
    const values = ofContainer.map(({ name, value }) => [name, /^'(\w+)'$/.exec(value)?.[1] ?? filled[name]]);
    const config = parseConfig(Object.fromEntries(values) as Record<string, string>, () => '');
    expect(config.identity).toMatchObject({ appType: 'UserAssignedMSI', credential: { kind: 'managedIdentity' } });
    expect(config.databaseUrl).toBeDefined();
    expect(config.warnings).toEqual([]);
  });

  it('has no default for a secret, and hands each on as a secret', () => {
    const secure = [...code.matchAll(/^@secure\(\)\nparam (\w+) string(.*)$/gm)];
    expect(secure.map(([, name, rest]) => [name, rest])).toEqual([
      ['databaseUrl', ''],
      ['notifyApiKeys', ''],
    ]);
    expect(code.match(/^@secure\(\)$/gm)?.length).toBe(secure.length);
    for (const { name, kind } of ofContainer)
      expect([name, kind]).toEqual([name, secrets.includes(name) ? 'secretRef' : 'value']);
    for (const [, name = ''] of secure) expect(code.split(name).length - 1).toBe(2);
    expect(code).not.toMatch(/^output .*(?:databaseUrl|notifyApiKeys)/m);
  });

  it('asks routes that are there, at the port that is listened on', async () => {
    expect(code).toContain(`var port = ${defaultPort}\n`);
    expect(code).toContain('targetPort: port\n');
    const probes = [...code.matchAll(/type: '(\w+)', httpGet: \{ path: '([\w/]+)', port: port \}/g)];
    expect(probes.map(([, type, path]) => [type, path])).toEqual([
      ['Startup', '/health/live'],
      ['Liveness', '/health/live'],
      ['Readiness', '/health/ready'],
    ]);
    for (const [, , path] of probes) expect(await statusOf(String(path))).toBe(200);
  });

  it('is served by https alone, never scales to zero, and waits for the end of a stop', () => {
    expect(code).toMatch(/allowInsecure: false/);
    expect(code).toMatch(/@minValue\(1\)\nparam minReplicas int/);
    const grace = /terminationGracePeriodSeconds: (?<seconds>\d+)/.exec(code)?.groups?.['seconds'];
    expect(Number(grace)).toBeGreaterThan(stopDeadlineSeconds);
  });
});
