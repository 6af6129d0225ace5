// The processes of the bench: each is started by it, can be asked what it has used, and is ended by it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { findPackageRoot } from '../../standin/package-root.ts';
import { type Caller, createCaller, type Usage, usageProbe } from './calls.ts';

export type Child = {
  readonly call: Caller;
  usage(): Promise<Usage>;
  /** Ends it at once, as a power cut would. */
  kill(): Promise<void>;
  /** Ends it as an orchestrator would. */
  stop(): Promise<void>;
};

type ChildOptions = {
  /** All that its environment holds besides the PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Takes what it prints; default nowhere. */
  readonly logFile?: string;
  /** Nothing of it is seen: the SDKs print every call that they refuse. */
  readonly silent?: boolean;
  readonly nodeOptions?: readonly string[];
};

const running = new Set<ChildProcess>();

/** Starts a built file: `dist/` and this path. */
export function startChild(
  path: string,
  { env = {}, logFile, silent = false, nodeOptions = [] }: ChildOptions = {},
): Child {
  const file = join(findPackageRoot(), 'dist', path);
  const output = logFile === undefined ? 'ignore' : openSync(logFile, 'a');
  const child = spawn(process.execPath, [usageProbe, ...nodeOptions, file], {
    env: { PATH: process.env['PATH'], DOTENV_CONFIG_PATH: '/nonexistent/.env', ...env },
    stdio: ['ignore', output, silent ? 'ignore' : 'inherit', 'ipc'],
  });
  running.add(child);
  const exited = once(child, 'exit').then(() => running.delete(child));
  const call = createCaller(child);
  return {
    call,
    usage: () => call<Usage>('usage'),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Ends what is left, however the bench ends. */
export function killChildren(): void {
  for (const child of running) child.kill('SIGKILL');
}
