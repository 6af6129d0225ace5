// The command line as it is installed: the built file, as a process of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand as run } from '../helpers/service-process.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

describe('help', () => {
  it.each([[['--help']], [[]], [['-h']]])('%j tells the commands', async (args) => {
    const { code, out } = await run(args);
    expect(code).toBe(0);
    for (const command of ['start', 'check', 'notify', 'status', 'cancel', 'deliveries', 'retry', 'people']) {
      expect(out).toContain(`copilot-notify ${command}`);
    }
  });

  it.each([
    [
      'init',
      [
        'yes',
        'app-type',
        'tenant',
        'callers',
        'public-url',
        'name',
        'resource-group',
        'app-id',
        'secret-file',
        'out',
        'force',
      ],
    ],
    ['doctor', ['only', 'json', 'conversation', 'home-page', 'publisher-domain', 'parent-tenant', 'explain']],
    ['manifest', ['app-id', 'endpoint', 'out', 'schema', 'name', 'publisher', 'base-url']],
  ])('%s --help tells its options', async (command, options) => {
    const { code, out } = await run([command, '--help']);
    expect(code).toBe(0);
    const told = new Set([...out.matchAll(/--([a-z-]+)/g)].map(([, name]) => name));
    expect(options.filter((option) => !told.has(option))).toEqual([]);
    expect(out).not.toContain('copilot-notify start');
  });

  it('--version tells the version', async () => {
    expect((await run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['dance']],
    [['notify', '--dance']],
    [['status']],
    [['cancel']],
    [['retry']],
    [['retry', '--reason', 'x']],
    [['people', 'erase', 'x']],
  ])('%j is refused with exit code 2', async (args) => {
    expect((await run(args)).code).toBe(2);
  });
});

it('init, with nobody to ask, says what to give', async () => {
  const { code, out } = await run(['init', '--out', '/nonexistent/.env']);
  expect(code).toBe(2);
  for (const name of ['tenant', 'callers', 'public-url', 'app-id', 'secret-file']) expect(out).toContain(`--${name}`);
});

describe('check', () => {
  it('lists every fault', async () => {
    const { code, out } = await run(['check'], { PORT: 'x' });
    expect(code).toBe(1);
    expect(out).toMatch(/fault {4}PORT: [\s\S]*fault {4}MicrosoftAppId: /);
  });

  it('is content with good settings, and tells the warnings', async () => {
    const { code, out } = await run(['check'], {
      MicrosoftAppId: '11111111-1111-4111-8111-111111111111',
      MicrosoftAppTenantId: '22222222-2222-4222-8222-222222222222',
      MicrosoftAppPassword: 'a-very-secret-word',
      AllowedCallers: '33333333-3333-4333-8333-333333333333',
    });
    expect(code).toBe(0);
    expect(out).toContain('warning  PUBLIC_URL');
    expect(out).not.toContain('a-very-secret-word');
  });
});

describe('against a running service', () => {
  let skill: Skill;
  beforeAll(async () => {
    skill = await startSkill();
  });
  afterAll(() => skill.stop());

  it('notify and status: send a notification and tell what became of it', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    const sent = await run(['notify', '--subject', 's', '--text', 'hello', '--url', skill.url, '--key', apiKey]);
    expect(sent.code).toBe(0);
    await conversation.until((now) => now.action?.state === 'ended');
    const { id } = JSON.parse(sent.out) as { id: string };
    await skill.settled(id, 'delivered');
    const status = await run(['status', id, '--url', skill.url], { NOTIFY_API_KEY: apiKey });
    expect(JSON.parse(status.out)).toMatchObject({ id, status: 'delivered' });
  });

  it('deliveries, retry and cancel: list what is dead, try it again, take a notification back', async () => {
    const target = ['--url', skill.url, '--key', apiKey];
    await skill.standIn.openConversation().callAction('waitForNotification', { subject: 'dead' });
    skill.standIn.faults.answerNext({ status: 400 });
    const { body } = await skill.notify({ subject: 'dead', text: 'hello' });
    const { deliveries } = await skill.settled(String(body['id']), 'dead');
    const id = String(deliveries[0]?.id);
    const listed = await run(['deliveries', '--status', 'dead', '--reason', 'rejected', ...target]);
    expect(listed.out).toMatch(new RegExp(`^id .*\n${id} +dead +rejected +1 +400 +- +The parent refused`));
    expect((await run(['retry', ...target, '--', id])).code).toBe(0);
    await skill.settled(String(body['id']), 'delivered');
    expect((await run(['retry', '--status', 'dead', ...target])).out).toContain('"retried": 0');
    expect((await run(['deliveries', '--status', 'dead', ...target])).out).toBe('There are none.\n');
    const waiting = await skill.notify({ subject: 'nobody', text: 'hello' });
    const cancelled = await run(['cancel', String(waiting.body['id']), ...target]);
    expect(JSON.parse(cancelled.out)).toMatchObject({ status: 'cancelled' });
  });

  it.each([
    ['a wrong key', ['--key', 'x'.repeat(24)], 1, /401/],
    ['no key', [], 2, /NOTIFY_API_KEY/],
    ['two recipients', ['--all', '--key', apiKey], 2, /exactly one/],
    ['an end in the past', ['--expires-at', '2020-01-01T00:00:00Z', '--key', apiKey], 1, /expiresAt/],
  ])('say what is wrong: %s', async (_, extra, code, words) => {
    const result = await run(['notify', '--subject', 's', '--text', 't', '--url', skill.url, ...extra]);
    expect(result.code).toBe(code);
    expect(result.out).toMatch(words);
  });

  it('say when nobody answers', async () => {
    const { code, out } = await run(['status', 'x', '--url', 'http://127.0.0.1:9', '--key', apiKey]);
    expect(code).toBe(1);
    expect(out).toContain('No answer from http://127.0.0.1:9');
  });
});

it('ends without a word when whoever reads has had enough, as `head` has', async () => {
  const command = fileURLToPath(new URL('../../dist/src/cli/copilot-notify.js', import.meta.url));
  const child = spawn(process.execPath, [command, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  expect([code, said]).toEqual([0, '']);
});
