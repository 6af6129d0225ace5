// The stand-in as users start it, from dist/ and in an empty folder of its own, steered by the API of its page.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../helpers/eventually.ts';

const entry = fileURLToPath(new URL('../../dist/standin/main.js', import.meta.url));

type Shown = {
  readonly id: string;
  readonly isOpen: boolean;
  readonly action: { state: string; outputs?: unknown; dropped?: unknown } | null;
  readonly transcript: readonly { from: string; type: string; text: string }[];
};

type StandInState = {
  readonly skills: readonly { readonly name: string }[];
  readonly conversations: readonly Shown[];
  readonly wire: readonly { direction: string; status: number; reason?: string }[];
  readonly switches: Record<string, unknown>;
};

export type StandInProcess = {
  /** Everything printed so far, both streams. */
  output(): string;
  readonly folder: string;
  readonly exited: Promise<number>;
  /** Address, once it is printed. */
  url(): Promise<string>;
  /** The settings for the skill, as printed. */
  settings(): Promise<Record<string, string>>;
  untilPrinted(words: string | RegExp): Promise<void>;
  state(): Promise<StandInState>;
  post(path: string, body: unknown): Promise<Record<string, unknown>>;
  /** The conversation with this id, as soon as `holds`. */
  until(id: string, holds: (shown: Shown) => boolean): Promise<Shown>;
  kill(): void;
  stop(): Promise<void>;
};

/** Starts it on a free port. */
export function startStandInProcess(...args: string[]): StandInProcess {
  const folder = mkdtempSync(join(tmpdir(), 'standin-'));
  const child: ChildProcess = spawn(process.execPath, [entry, '--port', '0', ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += String(chunk)));
  const exited = once(child, 'close').then(([code]) => code as number);
  const untilPrinted: StandInProcess['untilPrinted'] = async (words) => {
    await eventually(`${words} is printed:\n${output}`, () => output.search(words) >= 0);
  };
  const url = async (): Promise<string> => {
    await untilPrinted('Ctrl-C');
    return /^Page: (\S+)\/$/m.exec(output)?.[1] ?? 'none';
  };
  const state = async (): Promise<StandInState> =>
    (await (await fetch(`${await url()}/standin/state`)).json()) as StandInState;
  return {
    output: () => output,
    folder,
    exited,
    url,
    untilPrinted,
    state,
    async settings() {
      await url();
      const lines = [...output.matchAll(/^(Microsoft\w+|AllowedCallers|[A-Z_]+_URLS?)=(\S+)$/gm)];
      return Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]));
    },
    async post(path, body) {
      const headers = { 'Content-Type': 'application/json' };
      const answer = await fetch(`${await url()}/standin/${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      return (await answer.json()) as Record<string, unknown>;
    },
    until: (id, holds) =>
      eventually(`the conversation is as it should be`, async () => {
        const shown = (await state()).conversations.find((one) => one.id === id);
        return shown !== undefined && holds(shown) ? shown : undefined;
      }),
    kill: () => void child.kill('SIGINT'),
    async stop() {
      child.kill('SIGKILL');
      await exited;
      const left = readdirSync(folder);
      rmSync(folder, { recursive: true, force: true });
      if (left.length > 0) throw new Error(`the stand-in left files behind: ${left.join(', ')}`);
    },
  };
}
