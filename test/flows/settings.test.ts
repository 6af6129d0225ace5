// T23 with real processes: what the settings say at the start and to `check`, and that no value is in any of it.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { startStandIn } from '../../standin/stand-in.ts';
import { runCommand, startProcess, untilReady } from '../helpers/service-process.ts';
import { settingsFor, startSkill } from '../helpers/skill.ts';

const canary = 'canary-0123456789-0123456789';
const good = {
  MicrosoftAppId: '11111111-1111-4111-8111-111111111111',
  MicrosoftAppTenantId: '22222222-2222-4222-8222-222222222222',
  AllowedCallers: '33333333-3333-4333-8333-333333333333',
  PUBLIC_URL: 'https://notify.example.com',
};
const goodWithSecrets = { ...good, MicrosoftAppPassword: canary, NOTIFY_API_KEYS: `erp:${canary}` };
/** Wrong in every way that can be wrong at once. */
const bad: Record<string, string> = {
  MicrosoftAppId: canary,
  MicrosoftAppType: canary,
  MicrosoftAppPassword_FILE: `/nonexistent/${canary}`,
  ALLOWED_TENANTS: canary,
  ALLOWED_SERVICE_URLS: canary,
  NOTIFY_API_KEYS: canary,
  SENDER_RATE: canary,
  TRUSTED_PROXIES: canary,
  NOTIFY_ENTRA_TENANT: canary,
  PUBLIC_URL: canary,
  PORT: canary,
  HOST: `http://${canary}`,
  LOG_LEVEL: canary,
  LOGIN_URL: canary,
  NOTIFICATION_TTL: canary,
  CONVERSATION_SEND_RATES: canary,
  DATABASE_URL: `postgres://${canary}`,
  NODE_TLS_REJECT_UNAUTHORIZED: '0',
};
const badNames = [...Object.keys(bad), 'MicrosoftAppTenantId', 'AllowedCallers', 'NOTIFY_ENTRA_AUDIENCE'];
const misspelt = 'ALLOWED_CALLERS is not a setting: is AllowedCallers meant?';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copilot-notify-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function writeText(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('check', () => {
  it('tells every fault at once, and the misspelt setting that explains one, and no value', async () => {
    const { code, out } = await runCommand(['check'], { ...bad, ALLOWED_CALLERS: canary });
    expect(code).toBe(1);
    const named = [...out.matchAll(/^fault {4}(\w+): /gm)].map(([, name]) => name);
    expect(named).toHaveLength(badNames.length);
    expect(new Set(named)).toEqual(new Set(badNames));
    // Nothing is said to be missing that is there, only faulty.
    expect([...out.matchAll(/^warning {2}(.*)$/gm)].map(([, warning]) => warning)).toEqual([misspelt]);
    expect(out).not.toContain('canary');
  });

  it('is content with good settings, silently, and no value is told', async () => {
    const { code, out } = await runCommand(['check'], goodWithSecrets);
    expect({ code, out }).toEqual({ code: 0, out: 'The settings are complete.\n' });
  });

  it('reads .env, and what is set besides comes first', async () => {
    const lines = Object.entries(goodWithSecrets).map(([name, value]) => `${name}="${value}"`);
    const DOTENV_CONFIG_PATH = writeText('env', [...lines, 'PORT=canary'].join('\r\n'));
    const withFault = await runCommand(['check'], { DOTENV_CONFIG_PATH });
    expect(withFault).toEqual({ code: 1, out: expect.stringMatching(/^fault {4}PORT: [^\n]*\nSee/) });
    expect(await runCommand(['check'], { DOTENV_CONFIG_PATH, PORT: '80' })).toMatchObject({ code: 0 });
  });

  it.each([
    ['with a newline', `${canary}\n`],
    ['with CRLF', `${canary}\r\n`],
    ['with a byte order mark', `\uFEFF${canary}`],
    ['bare', canary],
  ])('takes a secret from a file %s', async (name, text) => {
    const MicrosoftAppPassword_FILE = writeText(name, text);
    const NOTIFY_API_KEYS_FILE = writeText(`${name}-keys`, `erp:${text}`.replace('erp:\uFEFF', '\uFEFFerp:'));
    const { code, out } = await runCommand(['check'], { ...good, MicrosoftAppPassword_FILE, NOTIFY_API_KEYS_FILE });
    expect({ code, out }).toEqual({ code: 0, out: 'The settings are complete.\n' });
  });

  it.each([
    ['is not there', () => join(folder, canary), 'the file cannot be read'],
    ['is a folder', () => folder, 'the file cannot be read'],
    ['is empty', () => writeText('canary-empty', ' \r\n'), 'the file is empty'],
  ])('names the file of a secret that %s, without its path', async (_, makePath, message) => {
    const { code, out } = await runCommand(['check'], {
      ...goodWithSecrets,
      MicrosoftAppPassword: '',
      MicrosoftAppPassword_FILE: makePath(),
    });
    expect({ code, out }).toEqual({
      code: 1,
      out: `fault    MicrosoftAppPassword_FILE: ${message}\nSee .env.example for every setting.\n`,
    });
  });

  it('answers within 2 s', async () => {
    const times: number[] = [];
    for (let run = 0; run < 3; run += 1) {
      const startedAt = performance.now();
      await runCommand(['check'], bad);
      times.push(Math.round(performance.now() - startedAt));
    }
    console.log(`check with ${badNames.length} faults: ${times.join(', ')} ms`);
    // The fastest: on a busy machine the others say how busy it is.
    expect(Math.min(...times)).toBeLessThan(2_000);
  });
});

describe('a start', () => {
  it('with bad settings ends with every fault at once, and no value', async () => {
    const startedAt = performance.now();
    const service = startProcess({ ...bad, ALLOWED_CALLERS: canary });
    expect(await service.exited).toBe(1);
    console.log(`start with ${badNames.length} faults: ended after ${Math.round(performance.now() - startedAt)} ms`);
    for (const name of badNames) expect(service.output()).toContain(`  ${name}: `);
    expect(service.output()).toContain(`  Warning: ${misspelt}`);
    expect(service.output()).not.toContain('canary');
  });

  it('by the command line ends in the same way', async () => {
    const { code, out } = await runCommand(['start'], bad);
    expect(code).toBe(1);
    expect(out).toContain('  MicrosoftAppId: ');
    expect(out).not.toContain('canary');
  });

  it('with good settings serves, and no secret is in its log, however much it tells', async () => {
    const standIn = await startStandIn();
    onTestFinished(() => standIn.stop());
    const skill = { appId: randomUUID(), secret: canary, dataDir: join(folder, 'data'), port: await findFreePort() };
    standIn.registerApp(skill);
    const service = startProcess({
      ...settingsFor(standIn, skill),
      MicrosoftAppPassword: '',
      MicrosoftAppPassword_FILE: writeText('password', `${canary}\n`),
      NOTIFY_API_KEYS: `erp:${canary}`,
      NOTIFY_API_KEY: canary,
      ALLOWED_TENANT: canary,
      LOG_LEVEL: 'trace',
    });
    onTestFinished(() => service.kill('SIGKILL'));
    const url = `http://127.0.0.1:${skill.port}`;
    await untilReady(service, url);
    const ask = (key: string) => fetch(`${url}/api/status`, { headers: { authorization: `Bearer ${key}` } });
    expect((await ask(canary)).status).toBe(200);
    expect((await ask(`${canary}-wrong`)).status).toBe(401);
    service.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    expect(service.output()).toContain('ALLOWED_TENANT is not a setting: is ALLOWED_TENANTS meant?');
    expect(service.output()).not.toContain('canary');
  });
});

it('TRUSTED_PROXIES: behind a proxy, whoever guesses at keys has one budget, and his neighbour another', async () => {
  const skill = await startSkill({ env: { FAILURE_RATE: '3', TRUSTED_PROXIES: '127.0.0.1' } });
  onTestFinished(() => skill.stop());
  const guess = async (forwarded: string): Promise<number> => {
    const headers = { 'x-api-key': 'wrong', 'x-forwarded-for': forwarded };
    return (await fetch(`${skill.url}/api/status`, { headers })).status;
  };
  const statuses: number[] = [];
  for (let index = 0; index < 5; index += 1) statuses.push(await guess(`192.0.2.${index}, 198.51.100.9`));
  expect(statuses).toEqual([401, 401, 401, 429, 429]);
  expect(await guess('198.51.100.10')).toBe(401);
});
