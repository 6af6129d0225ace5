// The stand-in against a skill that was not written for it: botbuilder's own classes, unchanged, in a process of its own
// whose login service the preload has moved.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { type StandInProcess, startStandInProcess } from '../standin/standin-process.ts';

const preload = new URL('../../dist/standin/preload.js', import.meta.url).href;
const program = fileURLToPath(new URL('botbuilder-skill.mjs', import.meta.url));

let standIn: StandInProcess;
let skill: ChildProcess;
let url: string;

beforeEach(async () => {
  const port = await findFreePort();
  url = `http://127.0.0.1:${port}`;
  standIn = startStandInProcess('--manifest', `${url}/manifest.json`, '--skill-app-id', randomUUID());
  const settings = await standIn.settings();
  skill = spawn(process.execPath, ['--import', preload, program], {
    cwd: standIn.folder,
    env: { PATH: process.env['PATH'], STANDIN_URL: await standIn.url(), PORT: String(port), ...settings },
    stdio: 'ignore',
  });
  await standIn.untilPrinted(/^Import of .*: done$/m);
});

afterEach(async () => {
  const exited = once(skill, 'exit');
  skill.kill('SIGKILL');
  await exited;
  await standIn.stop();
});

async function open(channel: string): Promise<{ id: string; act: (what: string, body: unknown) => Promise<unknown> }> {
  const id = String((await standIn.post('conversations', { channel }))['id']);
  return { id, act: (what, body) => standIn.post(`conversations/${encodeURIComponent(id)}/${what}`, body) };
}

const textsOf = (transcript: readonly { from: string; type: string; text: string }[]): string[] =>
  transcript.filter(({ from, type }) => from === 'skill' && type === 'message').map(({ text }) => text);

it('is imported with the one finding that is true of it, and talks on Teams and in the test pane', async () => {
  const found = standIn.output().split(': done').at(-1) ?? '';
  expect(found.match(/^ {2}(?:warning|error) \w+/gm)).toEqual(['  warning ENDPOINT_PROBE_NOT_CHALLENGED']);

  const teams = await open('msteams');
  await teams.act('messages', { text: 'hello' });
  expect(await teams.act('actions', { name: 'echo', inputs: { times: 2 } })).toMatchObject({ skillStatus: 200 });
  await teams.act('messages', { text: 'again' });
  await teams.act('messages', { text: 'stop' });
  const shown = await standIn.until(teams.id, ({ action }) => action?.state === 'ended');
  expect(textsOf(shown.transcript)).toEqual(['Echo: hello', 'times 2', 'Echo: again']);
  expect(shown.action).toMatchObject({ outputs: { heard: 'stop' }, dropped: ['list: not declared in the manifest'] });

  const pane = await open('pva-studio');
  await pane.act('actions', { name: 'finish' });
  const ended = await standIn.until(pane.id, ({ action }) => action?.state === 'ended');
  expect(ended.action?.outputs).toEqual({ heard: 'finish' });
});

it('is refused a push with the audience that most samples have, with the reason, and not one with the right audience', async () => {
  const { id, act } = await open('msteams');
  await act('actions', { name: 'echo' });
  expect((await fetch(`${url}/notify?text=lost`, { method: 'POST' })).status).toBe(401);
  const { wire } = await standIn.state();
  expect(wire.at(-1)).toMatchObject({ direction: 'skill->agent', status: 401 });
  expect(wire.at(-1)?.reason).toContain("token audience is api.botframework.com, must be the agent's app id");
  expect((await fetch(`${url}/notify?text=shipped&audience=parent`, { method: 'POST' })).status).toBe(200);
  const shown = await standIn.until(id, ({ transcript }) => textsOf(transcript).includes('shipped'));
  expect(textsOf(shown.transcript)).not.toContain('lost');
});
