// npm run standin, as a process: against our own service, which is told nothing but what the stand-in prints.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { parseRunOptions } from '../../standin/run-options.ts';
import { type ServiceProcess, startProcess, untilReady } from '../helpers/service-process.ts';
import { startFakeSkill } from './fake-skill.ts';
import { manifestOf } from './manifests.ts';
import { type StandInProcess, startStandInProcess } from './standin-process.ts';

const apiKey = 'test-secret-of-enough-characters';
let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'command-'));
});

afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function start(...args: string[]): StandInProcess {
  const standIn = startStandInProcess(...args);
  onTestFinished(() => standIn.stop());
  return standIn;
}

/** The service with the printed settings and what only it can know. */
function startService(settings: Record<string, string>, port: number): ServiceProcess {
  const service = startProcess({
    ...settings,
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    DATA_DIR: dataDir,
    NOTIFY_API_KEYS: `test:${apiKey}`,
    LOG_LEVEL: 'warn',
  });
  onTestFinished(async () => {
    service.kill('SIGTERM');
    await service.exited;
  });
  return service;
}

it('the printed settings are all that our service needs: imported once it is up, a push arrives', async () => {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const appId = randomUUID();
  const standIn = start('--manifest', `${url}/manifests/skill-manifest-2.2.json`, '--skill-app-id', appId);
  await standIn.untilPrinted('MANIFEST_FETCH_FAILED');
  const settings = await standIn.settings();
  expect(settings).toMatchObject({ MicrosoftAppId: appId, MicrosoftAppType: 'SingleTenant' });
  await untilReady(startService(settings, port), url);
  await standIn.untilPrinted(/^Import of .*: done$/m);

  const { id } = await standIn.post('conversations', { channel: 'msteams' });
  const call = { name: 'waitForNotification', inputs: { subject: 'order/42', timeoutMinutes: 10 } };
  const path = `conversations/${encodeURIComponent(String(id))}`;
  expect(await standIn.post(`${path}/actions`, call)).toEqual({ skillStatus: 200, stuck: false });
  const headers = { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ subject: 'order/42', text: 'shipped' });
  expect((await fetch(`${url}/api/notify`, { method: 'POST', headers, body })).status).toBe(202);
  const shown = await standIn.until(String(id), ({ action }) => action?.state === 'ended');
  expect(shown.action?.outputs).toMatchObject({ status: 'notified', text: 'shipped' });
  standIn.kill();
  expect(await standIn.exited).toBe(0);
});

describe('--once', () => {
  it('says what the import has to say of a manifest in a file, and what to change: exit code 1', async () => {
    const file = join(dataDir, 'manifest.json');
    const skill = { appId: randomUUID(), endpointUrl: 'http://127.0.0.1:1/api/messages' };
    writeFileSync(file, JSON.stringify(manifestOf(skill)));
    const standIn = start('--manifest', file, '--once');
    expect(await standIn.exited).toBe(1);
    expect(standIn.output()).toContain('error ENDPOINT_HEALTHCHECK_FAILED at endpoints[0].endpointUrl');
    expect(standIn.output()).toContain('Start the skill');
  });

  it('ends with exit code 0 when the skill was imported, at the endpoint that was given', async () => {
    const skill = await startFakeSkill();
    onTestFinished(() => skill.stop());
    const published = { ...skill, endpointUrl: 'https://skill.example.com/api/messages' };
    skill.manifest = () => ({ body: manifestOf(published) });
    const standIn = start('--manifest', `${skill.url}/m.json`, '--endpoint', skill.endpointUrl, '--once');
    expect(await standIn.exited).toBe(0);
    expect(standIn.output()).toContain('actions: wait');
    expect(skill.received).toHaveLength(2);
  });

  it('ends when the file is not there', async () => {
    const standIn = start('--manifest', 'nowhere.json', '--once');
    expect(await standIn.exited).toBe(1);
    expect(standIn.output()).toContain('nowhere.json');
  });
});

it('switches are set from the start', async () => {
  const standIn = start('--set', 'closedStatus=410', '--set', 'probe=refuse', '--set', 'entraAgentId=true');
  expect((await standIn.state()).switches).toMatchObject({ closedStatus: 410, probe: 'refuse', entraAgentId: true });
});

it('--help says what it is not', async () => {
  const standIn = start('--help');
  expect(await standIn.exited).toBe(0);
  expect(standIn.output()).toMatch(/What it cannot do[^]*trust the keys/);
});

describe('the command line', () => {
  it('gives the same tenant and agent to the same manifest', () => {
    const [first, again, other] = ['a.json', 'a.json', 'b.json'].map((file) => parseRunOptions(['--manifest', file]));
    expect(first?.tenantId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(again).toEqual(first);
    expect([other?.tenantId, first?.agentAppId]).not.toContain(first?.tenantId);
  });

  it.each([
    [['--port', '70000'], '--port must be 0 to 65535'],
    [['--token-version', '3'], '--token-version must be 1.0 or 2.0'],
    [['--skill-type', 'None'], '--skill-type must be SingleTenant or MultiTenant'],
    [['--endpoint', 'localhost:3978'], '--endpoint must be an http or https address'],
    [['--set', 'closedStatus'], '--set must be like closedStatus=410 (got closedStatus)'],
    [['--set', 'closedStatus=418'], 'closedStatus must be one of 404, 403, 410, 500 (got 418)'],
    [['--once'], '--once needs --manifest'],
    [['--unknown'], "Unknown option '--unknown'"],
  ])('refuses %j by the name of the option', (args, words) => {
    expect(() => parseRunOptions(args)).toThrow(words);
  });
});
