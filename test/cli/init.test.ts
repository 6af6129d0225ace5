// What `init` writes, what it refuses, and the commands that it tells.

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type InitArguments, initialise, type InitSurroundings } from '../../src/cli/init.ts';
import { parseConfig } from '../../src/config.ts';
import { runCommand } from '../helpers/service-process.ts';

const tenant = '22222222-2222-4222-8222-222222222222';
const agent = '33333333-3333-4333-8333-333333333333';
const appId = '11111111-1111-4111-8111-111111111111';
const secret = 'canary~secret.of-the_app';
const drawn = `-v2${'k'.repeat(40)}`;

let folder: string;
let out: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'init-'));
  out = join(folder, '.env');
  writeFileSync(join(folder, 'secret'), `${secret}\n`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const complete = (change: InitArguments = {}): InitArguments => ({
  tenant,
  callers: agent,
  'public-url': 'https://notify.example.com',
  'app-id': appId,
  'secret-file': join(folder, 'secret'),
  out,
  ...change,
});

async function run(given: InitArguments, surroundings: Partial<InitSurroundings> = {}) {
  let written = '';
  const code = await initialise(given, (text) => (written += text), { env: {}, drawKey: () => drawn, ...surroundings });
  return { code, written };
}

/** Answers one question after the other; what was asked is kept, and whether the answer was to be hidden. */
function answerWith(answers: readonly (string | undefined)[]) {
  const left = [...answers];
  const asked: [text: string, isSecret: boolean][] = [];
  return {
    asked,
    ask: async (text: string, { isSecret = false } = {}) => {
      asked.push([text, isSecret]);
      return left.shift();
    },
  };
}

const configOf = (path: string) => parseConfig(parse(readFileSync(path, 'utf8')), () => '');

describe('init with all options', () => {
  it('writes settings that the service takes, for their owner alone', async () => {
    const { code } = await run(complete());
    expect(code).toBe(0);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(configOf(out)).toMatchObject({
      identity: { appId, appType: 'SingleTenant', tenantId: tenant, credential: { kind: 'secret', secret } },
      allowedCallers: [agent],
      publicUrl: 'https://notify.example.com',
      apiKeys: [{ name: 'first', secret: `k_${drawn}` }],
      warnings: [],
    });
  });

  it('makes a key that can be given as --key, whatever is drawn', async () => {
    await run(complete());
    const key = configOf(out).apiKeys[0]?.secret ?? '';
    const { code, out: said } = await runCommand(['status', '--url', 'http://127.0.0.1:9', '--key', key]);
    expect([code, said]).toEqual([1, expect.stringContaining('No answer from')]);
  });

  it('for a managed identity needs no secret, and writes none', async () => {
    const { code } = await run(complete({ 'app-type': 'UserAssignedMSI', 'secret-file': undefined }));
    expect(code).toBe(0);
    expect(configOf(out).identity).toMatchObject({
      appType: 'UserAssignedMSI',
      credential: { kind: 'managedIdentity' },
    });
    expect(readFileSync(out, 'utf8')).not.toContain('MicrosoftAppPassword');
  });

  it('takes the secret from the environment as well', async () => {
    const { code } = await run(complete({ 'secret-file': undefined }), { env: { MicrosoftAppPassword: secret } });
    expect([code, configOf(out).identity.credential]).toEqual([0, { kind: 'secret', secret }]);
  });

  it.each(["with'quote", 'with#hash', 'with space', '$with`back', '"double"', 'back\\slash'])(
    'writes the secret %j so that it is read back',
    async (odd) => {
      expect((await run(complete({ 'secret-file': undefined }), { env: { MicrosoftAppPassword: odd } })).code).toBe(0);
      expect(configOf(out).identity.credential).toEqual({ kind: 'secret', secret: odd });
    },
  );

  it('takes several agents', async () => {
    const other = '44444444-4444-4444-8444-444444444444';
    await run(complete({ callers: `${agent}, ${other}` }));
    expect(configOf(out).allowedCallers).toEqual([agent, other]);
  });

  it('tells no secret and no key', async () => {
    const { written } = await run(complete());
    expect(written).not.toContain('canary');
    expect(written).not.toContain(drawn);
  });
});

describe('init leaves a file that is there', () => {
  it('as it is without --force', async () => {
    writeFileSync(out, 'MINE=1\n');
    const { code, written } = await run(complete());
    expect([code, written]).toEqual([1, expect.stringContaining('--force')]);
    expect(readFileSync(out, 'utf8')).toBe('MINE=1\n');
  });

  it('and with --force replaces it, for its owner alone from then on', async () => {
    writeFileSync(out, 'MINE=1\n'.repeat(100));
    chmodSync(out, 0o644);
    expect((await run(complete({ force: true }))).code).toBe(0);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(configOf(out).identity.appId).toBe(appId);
  });

  it('says what the system says where it may not write', async () => {
    const { code, written } = await run(complete({ out: join(folder, 'none', '.env') }));
    expect([code, written]).toEqual([1, expect.stringContaining('ENOENT')]);
  });
});

describe('init refuses', () => {
  it.each<[string, InitArguments, string]>([
    ['a tenant that is a name', { tenant: 'contoso' }, '--tenant must be a GUID'],
    ['an agent that is a name', { callers: 'agent' }, '--callers must be a GUID'],
    ['a public URL with a path', { 'public-url': 'https://a.example.com/x' }, '--public-url must be https://host'],
    ['a public URL in plain http', { 'public-url': 'http://a.example.com' }, '--public-url must be https://host'],
    ['a name for a shell', { name: 'x; rm -rf' }, '--name must be'],
    ['a resource group for a shell', { 'resource-group': '$(x)' }, '--resource-group must be'],
    ['another type', { 'app-type': 'MultiTenant' }, '--app-type must be'],
    ['no tenant', { tenant: undefined }, 'Give --tenant'],
    ['no agent', { callers: undefined }, 'Give --callers'],
    ['no app id', { 'app-id': undefined }, 'Give --app-id'],
    ['no secret', { 'secret-file': undefined }, 'Give --secret-file'],
    ['a secret that cannot be read', { 'secret-file': '/nonexistent/secret' }, 'cannot be read'],
    ['the app id of the agent for the skill', { 'app-id': agent }, 'two app registrations'],
  ])('%s, and writes nothing', async (_, change, words) => {
    const { code, written } = await run(complete(change));
    expect([code, written]).toEqual([2, expect.stringContaining(words)]);
    expect(existsSync(out)).toBe(false);
  });
});

describe('init that asks', () => {
  it('tells the commands before it asks for what they print, and asks again after a slip', async () => {
    const answers = ['', 'contoso', tenant, agent, 'https://notify.example.com/', '', '', appId, secret];
    const { ask, asked } = answerWith(answers);
    const { code, written } = await run({ out }, { ask });
    expect(code).toBe(0);
    expect(asked.filter(([text]) => text.startsWith('Tenant id'))).toHaveLength(2);
    expect(asked.at(-1)).toEqual([expect.stringContaining('Client secret'), true]);
    expect(asked.filter(([, isSecret]) => isSecret)).toHaveLength(1);
    expect(written).toContain('It must be a GUID.');
    expect(commandsOf(written).slice(0, 3)).toEqual([
      `az login --tenant ${tenant}`,
      'az ad app create --display-name copilot-notify --sign-in-audience AzureADMyOrg --web-home-page-url https://notify.example.com --query appId --output tsv',
      `az ad sp create --id ${appId}`,
    ]);
    expect(written.match(/az ad app create/g)).toHaveLength(1);
    expect(configOf(out)).toMatchObject({ publicUrl: 'https://notify.example.com', allowedCallers: [agent] });
  });

  it('for a managed identity tells what makes it, once', async () => {
    const { ask } = answerWith(['UserAssignedMSI', tenant, agent, 'https://notify.example.com/', '', 'bots', appId]);
    const { code, written } = await run({ out }, { ask });
    expect(code).toBe(0);
    expect(commandsOf(written).slice(0, 3)).toEqual([
      `az login --tenant ${tenant}`,
      'az group create --name bots --location westeurope',
      'az identity create --resource-group bots --name copilot-notify --query clientId --output tsv',
    ]);
    expect(written.match(/az identity create/g)).toHaveLength(1);
  });

  it('asks only for what is not given', async () => {
    const { ask, asked } = answerWith(['my-bot', '']);
    expect((await run(complete({ 'app-type': 'SingleTenant' }), { ask })).code).toBe(0);
    expect(asked.map(([text]) => text)).toEqual([
      expect.stringContaining('Name for'),
      expect.stringContaining('Resource group'),
    ]);
  });

  it('whose questions are left writes nothing', async () => {
    const { ask } = answerWith(['', tenant, undefined]);
    const { code, written } = await run({ out }, { ask });
    expect([code, written]).toEqual([2, expect.stringContaining('nothing was written')]);
    expect(existsSync(out)).toBe(false);
  });

  it('with --yes asks nothing', async () => {
    const { ask, asked } = answerWith([]);
    expect((await run({ out, yes: true }, { ask })).code).toBe(2);
    expect(asked).toEqual([]);
  });
});

const commandsOf = (written: string): string[] =>
  written
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('az '));

describe('the registration that init tells', () => {
  it('for an app registration that is there', async () => {
    const { written } = await run(complete({ name: 'erp-news', 'resource-group': 'bots' }));
    expect(commandsOf(written)).toEqual([
      `az login --tenant ${tenant}`,
      `az ad sp create --id ${appId}`,
      `az ad app credential reset --id ${appId} --append --display-name erp-news --years 1 --query password --output tsv`,
      `az ad app update --id ${appId} --web-home-page-url https://notify.example.com`,
      'az group create --name bots --location westeurope',
      `az bot create --resource-group bots --name erp-news --app-type SingleTenant --appid ${appId} --tenant-id ${tenant} --endpoint https://notify.example.com/api/messages --sku F0`,
    ]);
    expect(written).toContain('https://notify.example.com/manifests/skill-manifest-2.2.json');
    expect(written).toContain('doctor --home-page https://notify.example.com');
    // What agents do not need is told as such.
    expect(written).toMatch(
      /only if users shall also write to the bot itself \(ALLOWED_CHANNELS\).*\n.*\n  az bot create/,
    );
  });

  it('for a managed identity that is there', async () => {
    const given = complete({ 'app-type': 'UserAssignedMSI', 'secret-file': undefined, name: 'erp-news' });
    const { written } = await run({ ...given, 'resource-group': 'bots' });
    const resourceId = '$(az identity show --resource-group bots --name erp-news --query id --output tsv)';
    expect(commandsOf(written)).toEqual([
      `az login --tenant ${tenant}`,
      `az containerapp identity assign --resource-group bots --name YOUR-APP --user-assigned "${resourceId}"`,
      `az webapp identity assign --resource-group bots --name YOUR-APP --identities "${resourceId}"`,
      `az bot create --resource-group bots --name erp-news --app-type UserAssignedMSI --appid ${appId} --tenant-id ${tenant} --msi-resource-id "${resourceId}" --endpoint https://notify.example.com/api/messages --sku F0`,
    ]);
    expect(written).not.toContain('--home-page ');
  });
});
