// Microsoft's own local channel, the Agents Playground, and a parent of Microsoft's own classes: a user's chat that is not
// ours on either side. Both have authentication on, in the stand-in's tenant.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ActivityTypes } from 'botbuilder';
import { expect, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { eventually } from '../helpers/eventually.ts';
import { isWaitedFor } from '../helpers/imported-skill.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { type BotbuilderParent, startBotbuilderParent } from './botbuilder-parent.ts';

const preload = new URL('../../dist/standin/preload.js', import.meta.url).href;
const loopbackOnly = new URL('loopback-only.mjs', import.meta.url).href;
const program = fileURLToPath(import.meta.resolve('@microsoft/m365agentsplayground/cli.js'));

/** `--disable-telemetry` leaves the statistics that its library for telemetry keeps of itself. */
const noTelemetry = { APPLICATION_INSIGHTS_NO_STATSBEAT: 'true' };
/** Its page asks for fonts there; the browser does not get them. */
const fontHost = 'res-1.cdn.office.net';

type App = { readonly appId: string; readonly secret: string };

type Playground = {
  readonly url: string;
  /** Everything printed so far, both streams. */
  output(): string;
};

/** A skill and a parent that calls its wait with what its user says; both end with the test. */
async function startBoth(): Promise<{ skill: Skill; parent: BotbuilderParent; app: App }> {
  const port = await findFreePort();
  const app = { appId: randomUUID(), secret: randomUUID() };
  const skill = await startSkill({
    env: { AllowedCallers: app.appId, ALLOWED_SERVICE_URLS: `http://127.0.0.1:${port}` },
  });
  onTestFinished(skill.stop);
  skill.standIn.registerApp(app);
  const parent = await startBotbuilderParent({
    standIn: skill.standIn,
    port,
    ...app,
    skill: { appId: skill.appId, endpointUrl: `${skill.url}/api/messages` },
    onUserText: (subject) => ({
      type: ActivityTypes.Event,
      name: 'waitForNotification',
      value: { subject, timeoutMinutes: 20 },
    }),
  });
  onTestFinished(parent.stop);
  return { skill, parent, app };
}

/** The channel of the parent, in a process and a folder of its own that end with the test. */
async function startPlayground(parent: BotbuilderParent, { standIn }: Skill, app: App): Promise<Playground> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  // It writes a log into the folder that it is started in.
  const folder = mkdtempSync(join(tmpdir(), 'copilot-notify-playground-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const options = {
    '--app-endpoint': `${parent.origin}/api/messages`,
    '--channel-id': 'msteams',
    '--client-id': app.appId,
    '--client-secret': app.secret,
    '--tenant-id': standIn.tenantId,
    '--port': String(port),
    '--service-url': `${url}/_connector`,
  };
  const child = spawn(
    process.execPath,
    [
      '--import',
      loopbackOnly,
      '--import',
      preload,
      program,
      'start',
      '--disable-telemetry',
      ...Object.entries(options).flat(),
    ],
    {
      cwd: folder,
      env: {
        PATH: `${makeOpener(folder)}${delimiter}${process.env['PATH']}`,
        STANDIN_URL: standIn.url,
        ...noTelemetry,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (printed += String(chunk)));
  await eventually('the playground listens', async () => {
    if (child.exitCode !== null) throw new Error(printed);
    return (await fetch(url).catch(() => undefined))?.ok;
  });
  return { url, output: () => printed };
}

/** It ends where no program opens a page in a browser (`xdg-open`); this one opens none. */
function makeOpener(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'xdg-open'), '#!/bin/sh\n', { mode: 0o755 });
  return bin;
}

const ended = ({ received }: BotbuilderParent) =>
  received.find((activity) => activity.type === ActivityTypes.EndOfConversation);

it('shows the user of a botbuilder parent what is pushed, and then the action ends', async () => {
  const { skill, parent, app } = await startBoth();
  const playground = await startPlayground(parent, skill, app);
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  const asked = new Set<string>();
  page.on('request', (request) => asked.add(new URL(request.url()).hostname));
  await page.goto(playground.url);

  await page.getByRole('textbox').fill('order/42');
  await page.getByRole('textbox').press('Enter');
  // Only the chat has paragraphs; the list of chats and the log show the texts too.
  const shown = page.getByRole('paragraph');
  await shown.filter({ hasText: /as soon as there is news about order\/42/ }).waitFor();
  expect(ended(parent)).toBeUndefined();
  const accepted = await skill.notify({ subject: 'order/42', text: 'shipped by rail' });
  await shown.filter({ hasText: 'shipped by rail' }).waitFor();

  const view = await skill.settled(String(accepted.body['id']), 'delivered');
  expect(view.deliveries[0]?.attempts.map(({ status }) => status)).toEqual([200, 200]);
  expect(ended(parent)).toMatchObject({
    code: 'completedSuccessfully',
    value: { status: 'notified', text: 'shipped by rail', notificationId: accepted.body['id'] },
  });
  expect(await isWaitedFor(skill, 'order/42')).toBe(false);

  // It checks the parent's token, and the parent checks its.
  const conversation = encodeURIComponent(String(parent.received[0]?.conversation?.id));
  for (const address of [
    `${playground.url}/_connector/v3/conversations/${conversation}/activities`,
    `${parent.origin}/api/messages`,
  ]) {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify(parent.received[0]) });
    expect([address, answer.status]).toEqual([address, 401]);
  }
  expect(playground.output()).not.toContain('refused to connect');
  expect([...asked].filter((host) => host !== '127.0.0.1' && host !== fontHost)).toEqual([]);
});

it.each([
  ['fetch', "await fetch('http://192.0.2.1/')"],
  ['https', "(await import('https')).get('https://telemetry.example/')"],
  ['a socket', "(await import('net')).connect(80, '192.0.2.1')"],
  ['a socket that is connected later', "new (await import('net')).Socket().connect(80, '192.0.2.1')"],
])('what keeps the playground on this machine refuses %s', async (_way, code) => {
  const child = spawn(process.execPath, ['--import', loopbackOnly, '--input-type=module', '--eval', code]);
  expect(await text(child.stderr)).toMatch(/^refused to connect to (?:192\.0\.2\.1|telemetry\.example)$/m);
});

it('what keeps the playground on this machine listens on a loopback address where the program names none', async () => {
  const code =
    "const s = (await import('http')).createServer().listen(0, () => console.log(s.address().address) ?? s.close())";
  const child = spawn(process.execPath, ['--import', loopbackOnly, '--input-type=module', '--eval', code]);
  expect(await text(child.stdout)).toBe('127.0.0.1\n');
});
