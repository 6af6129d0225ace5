// The Dockerfile, read: no image is built here. The health check is run as it stands.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { defaultPort } from './deployment.ts';
import { readText } from './source-files.ts';

let skill: Skill;
beforeAll(async () => void (skill = await startSkill()));
afterAll(() => skill.stop());

describe('Dockerfile', () => {
  const lines = readText('Dockerfile')
    .replaceAll('\\\n', '')
    .split('\n')
    .filter((line) => !/^(#|$)/.test(line))
    .map((line) => {
      const [, instruction = '', rest = ''] = /^([A-Z]+) +(.+)$/.exec(line) ?? [];
      return { instruction, rest };
    });
  const image = lines.slice(lines.findLastIndex(({ instruction }) => instruction === 'FROM'));
  const all = (instruction: string): string[] =>
    image.filter((line) => line.instruction === instruction).map(({ rest }) => rest);
  const command = JSON.parse(all('CMD').join()) as string[];

  it('installs what the lock file says, without scripts, and nothing for development', () => {
    const installs = lines.filter(({ rest }) => rest.includes('npm')).map(({ rest }) => rest);
    expect(installs[0]).toBe('npm ci --ignore-scripts');
    expect(installs.at(-1)).toMatch(/^npm ci --omit=dev --ignore-scripts\b/);
  });

  it('is of a version of Node that CI runs', () => {
    const images = lines.filter(({ instruction }) => instruction === 'FROM').map(({ rest }) => rest);
    const versions = images.map((name) => /^node:(?<version>\d+)-\w+-slim\b/.exec(name)?.groups?.['version']);
    expect(new Set(versions).size).toBe(1);
    expect(readText('.github/workflows/ci.yml')).toContain(`node-version: '${versions[0]}'`);
  });

  it('copies only what is there, and .dockerignore lets nothing else through', () => {
    const copied = lines
      .filter(({ instruction, rest }) => instruction === 'COPY' && !rest.startsWith('--from'))
      .flatMap(({ rest }) => rest.split(' ').slice(0, -1));
    expect(copied.filter((path) => !existsSync(new URL(`../../${path}`, import.meta.url)))).toEqual([]);
    const [first, ...others] = readText('.dockerignore')
      .split('\n')
      .filter((line) => !/^(#|$)/.test(line));
    expect(first).toBe('*');
    expect(others.toSorted()).toEqual([...new Set(copied.map((path) => `!${path}`))].toSorted());
  });

  it('sets no secret, and no setting but where the data is', () => {
    const names = lines
      .filter(({ instruction }) => ['ENV', 'ARG'].includes(instruction))
      .flatMap(({ rest }) => rest.split(' ').map((pair) => pair.split('=')[0]));
    expect(names).toEqual(['NODE_ENV', 'DATA_DIR']);
  });

  it('runs as a number that is not root, with its data on the volume, which is that user alone’s', () => {
    expect(all('USER')).toEqual(['1000:1000']);
    expect(all('ENV').join()).toContain(`DATA_DIR=${all('VOLUME').join()}`);
    expect(all('RUN')).toContain(`install -d -m 700 -o 1000 -g 1000 ${all('VOLUME').join()}`);
  });

  it('is Node itself, with a bound for its heap, as npm start has it; stopped by the signal that main.ts listens to', () => {
    const { main, scripts } = JSON.parse(readText('package.json')) as { main: string; scripts: { start: string } };
    expect(command.join(' ')).toBe(scripts.start);
    expect([command[0], command.at(-1)]).toEqual(['node', main]);
    expect(readText('src/main.ts')).toContain(`process.on('${all('STOPSIGNAL').join()}'`);
    expect(all('EXPOSE')).toEqual([String(defaultPort)]);
  });

  it('bounds the young generation as well: what Node leaves it by default depends on its version', async () => {
    const limit = 'require("node:v8").getHeapStatistics().heap_size_limit / 1024 ** 2';
    const { stdout } = await promisify(execFile)(process.execPath, [...command.slice(1, -1), '-p', limit]);
    expect(Number(stdout)).toBe(168);
  });

  it('has a health check that is content with a live service and with nothing else', async () => {
    const [program = '', ...args] = JSON.parse(
      all('HEALTHCHECK')
        .join()
        .replace(/^.*?CMD /, ''),
    ) as string[];
    expect(program).toBe('node');
    const check = (port: string) => promisify(execFile)(process.execPath, args, { env: { PORT: port } });
    await expect(check(new URL(skill.url).port)).resolves.toBeDefined();
    await expect(check('1')).rejects.toMatchObject({ code: 1 });
  });
});
