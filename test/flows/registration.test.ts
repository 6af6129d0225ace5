// The registration guide, from an empty folder to a notification that has arrived: the commands as they are installed, and
// the stand-in for Entra and Copilot Studio.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import type { Diagnosis } from '../../src/doctor/run-doctor.ts';
import { findFreePort } from '../../standin/free-port.ts';
import { startStandIn } from '../../standin/stand-in.ts';
import { eventually } from '../helpers/eventually.ts';

const commandLine = fileURLToPath(new URL('../../dist/src/cli/copilot-notify.js', import.meta.url));

it('leads from an empty folder to a delivered notification', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'registration-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const standIn = await startStandIn();
  onTestFinished(() => standIn.stop());
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  // Beside .env: where the tenant and the agent are, and a port that is free here. A real installation has none of it.
  const env = {
    PATH: process.env['PATH'] ?? '',
    PORT: String(port),
    HOST: '127.0.0.1',
    LOGIN_URL: standIn.loginUrl,
    OPENID_METADATA_URL: standIn.openIdMetadataUrl,
    ALLOWED_SERVICE_URLS: new URL(standIn.agent.serviceUrl).origin,
    STOP_DELAY_SECONDS: '0',
  };
  const run = (args: string[], extra: Record<string, string> = {}): Promise<{ code: number; out: string }> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [commandLine, ...args],
        { cwd: folder, env: { ...env, ...extra } },
        (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, out: stdout + stderr }),
      );
    });

  // 1. The skill is registered, as the commands that init tells would do it.
  const appId = randomUUID();
  const secret = randomUUID();
  standIn.registerApp({ appId, secret, homePageUrl: url });
  writeFileSync(join(folder, 'secret.txt'), secret);

  // 2. init
  const options = {
    '--tenant': standIn.tenantId,
    '--callers': standIn.agent.appId,
    '--public-url': url,
    '--app-id': appId,
    '--secret-file': 'secret.txt',
  };
  const init = await run(['init', '--yes', ...Object.entries(options).flat()]);
  expect(init).toMatchObject({ code: 0, out: expect.stringContaining(`az bot create`) as string });
  expect(init.out).not.toContain(secret);
  expect((await run(['check'])).code).toBe(0);

  // Before the service runs, that is what the doctor says.
  const early = await run(['doctor', '--json']);
  expect(early.code).toBe(1);
  const failed = (JSON.parse(early.out) as Diagnosis).checks.filter(({ ok }) => !ok);
  expect(failed.map(({ id }) => id)).toEqual(['public-url', 'manifest', 'unauthenticated-probe']);

  // 3. start
  const service: ChildProcess = spawn(process.execPath, [commandLine, 'start'], { cwd: folder, env, stdio: 'ignore' });
  const exited = once(service, 'close');
  onTestFinished(async () => {
    service.kill('SIGKILL');
    await exited;
  });
  await eventually('the service is ready', async () => (await fetch(`${url}/health/ready`).catch(() => undefined))?.ok);

  // 4. doctor, with the home page URL of the registration and the key that init has made
  const doctor = await run(['doctor', '--json', '--home-page', url]);
  expect((JSON.parse(doctor.out) as Diagnosis).checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(doctor.code).toBe(0);

  // 5. The import into the agent, with the URL that init has told
  const manifestUrl = /\S+\/manifests\/\S+\.json/.exec(init.out)?.[0] ?? '';
  expect(await standIn.importSkill(manifestUrl)).toMatchObject({ ok: true, findings: [] });

  // 6. A topic waits, a sender notifies, the message arrives and the topic goes on.
  const conversation = standIn.openConversation();
  const actionName = /Call an action > (\w+)/.exec(init.out)?.[1] ?? '';
  expect(actionName).toBe('chatUntilNotified');
  await conversation.callAction(actionName, { subject: 'order/42' });
  const words = ['--subject', 'order/42', '--text', 'Your order has been shipped.'];
  const sent = await run(['notify', ...words]);
  expect(sent.code).toBe(0);
  await conversation.until((now) => now.action?.state === 'ended');
  expect(conversation.action?.outputs).toMatchObject({ status: 'notified', text: 'Your order has been shipped.' });
  const { id } = JSON.parse(sent.out) as { id: string };
  await eventually('it is delivered', async () => {
    const { out } = await run(['status', id]);
    return (JSON.parse(out) as { status: string }).status === 'delivered';
  });

  service.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
