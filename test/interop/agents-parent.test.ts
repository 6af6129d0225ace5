// A second parent that is not ours: the Microsoft 365 Agents SDK, which Microsoft names as the successor.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

const preload = new URL('../../dist/standin/preload.js', import.meta.url).href;
const program = fileURLToPath(new URL('agents-parent.mjs', import.meta.url));

type Received = { type: string; text?: string; code?: string; value?: unknown; channelData?: unknown };

let skill: Skill;
let parent: ChildProcess;
let exited: Promise<unknown>;
let url: string;
let printed: string;

async function start(env: Record<string, string> = {}): Promise<void> {
  const port = await findFreePort();
  url = `http://127.0.0.1:${port}`;
  const app = { appId: randomUUID(), secret: randomUUID() };
  skill = await startSkill({ env: { AllowedCallers: app.appId, ALLOWED_SERVICE_URLS: url } });
  skill.standIn.registerApp(app);
  printed = '';
  parent = spawn(process.execPath, ['--import', preload, program], {
    env: {
      PATH: process.env['PATH'],
      STANDIN_URL: skill.standIn.url,
      PORT: String(port),
      PARENT_APP_ID: app.appId,
      PARENT_SECRET: app.secret,
      TENANT_ID: skill.standIn.tenantId,
      Skill_endpoint: `${skill.url}/api/messages`,
      Skill_clientId: skill.appId,
      Skill_serviceUrl: `${url}/api/agentresponse/`,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  exited = once(parent, 'exit');
  for (const stream of [parent.stdout, parent.stderr])
    stream?.on('data', (chunk: Buffer) => (printed += String(chunk)));
  await eventually('the parent listens', async () => {
    if (parent.exitCode !== null) throw new Error(printed);
    return (await fetch(`${url}/received`).catch(() => undefined))?.ok;
  });
}

afterEach(async () => {
  parent.kill('SIGKILL');
  await exited;
  await skill.stop();
});

const listReceived = async (): Promise<Received[]> => (await (await fetch(`${url}/received`)).json()) as Received[];

async function call(activity: unknown): Promise<unknown> {
  return (await fetch(`${url}/call`, { method: 'POST', body: JSON.stringify(activity) })).json();
}

const callWait = (subject: string): Promise<unknown> =>
  call({ type: 'event', name: 'waitForNotification', value: { subject, timeoutMinutes: 20 } });

describe('a parent of the Agents SDK (AgentClient, createAgentResponseHandler)', () => {
  it('gets the reply of a turn, and a notification with the end of the action later', async () => {
    await start({ TAKES_POSTS_WITHOUT_ID: 'true' });
    expect(await callWait('order/42')).toEqual({ status: 'OK' });
    expect(await listReceived()).toMatchObject([{ type: 'message' }]);
    const accepted = await skill.notify({ subject: 'order/42', text: 'shipped' });
    await skill.settled(String(accepted.body['id']), 'delivered');
    const [, message, end] = await listReceived();
    expect(message).toMatchObject({ type: 'message', text: 'shipped' });
    expect(end).toMatchObject({
      type: 'endOfConversation',
      code: 'completedSuccessfully',
      value: { status: 'notified', text: 'shipped', notificationId: accepted.body['id'] },
    });
  });

  it('whose route wants the id of an activity takes no push, and what was to be pushed is given in the next turn', async () => {
    await start();
    await callWait('order/42');
    const accepted = await skill.notify({ subject: 'order/42', text: 'shipped' });
    const view = await skill.settled(String(accepted.body['id']), 'held');
    expect(view.deliveries[0]).toMatchObject({ reason: 'conversation_gone', attempts: [{ status: 404 }] });
    expect(await callWait('order/42')).toEqual({ status: 'OK' });
    await skill.settled(String(accepted.body['id']), 'delivered');
    expect(await listReceived()).toContainEqual(expect.objectContaining({ type: 'message', text: 'shipped' }));
  });

  it('is refused by the skill when it is not among the allowed callers', async () => {
    await start();
    await skill.restart({ env: { AllowedCallers: randomUUID() } });
    const answer = await call({ type: 'event', name: 'subscribe', value: { subject: 's' } });
    expect(answer).toMatchObject({ error: expect.stringContaining('Forbidden') });
    expect(await listReceived()).toEqual([]);
  });
});
