// The service as a process of its own, started like `npm start`.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

const commandLine = fileURLToPath(new URL('../../dist/src/cli/copilot-notify.js', import.meta.url));
const entry = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export type ServiceProcess = {
  readonly pid: number;
  /** Everything printed so far, both streams. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
};

type ProcessOptions = {
  /** No file grows beyond this many blocks (512 or 1024 bytes, as the shell counts): a full disk. Not on Windows. */
  readonly fileBlocks?: number;
};

/** Runs the command line as it is installed, with just these settings, to its end; `out` is both streams. */
export function runCommand(
  args: string[],
  settings: Record<string, string> = {},
): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', DOTENV_CONFIG_PATH: '/nonexistent/.env', ...settings };
    execFile(process.execPath, [commandLine, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, out: stdout + stderr });
    });
  });
}

/** Starts the service with just these settings: no .env of the machine is read. */
export function startProcess(settings: Record<string, string>, options: ProcessOptions = {}): ServiceProcess {
  const command = [process.execPath, entry];
  const limited = ['sh', '-c', `ulimit -f ${options.fileBlocks} && exec "$0" "$1"`, ...command];
  const [program = '', ...parameters] = options.fileBlocks === undefined ? command : limited;
  return watch(program, parameters, settings);
}

/** Starts the command line as it is installed, with just these settings. */
export function startCommand(args: readonly string[], settings: Record<string, string>): ServiceProcess {
  return watch(process.execPath, [commandLine, ...args], settings);
}

function watch(program: string, parameters: readonly string[], settings: Record<string, string>): ServiceProcess {
  const child: ChildProcess = spawn(program, parameters, {
    env: { PATH: process.env['PATH'], DOTENV_CONFIG_PATH: '/nonexistent/.env', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  return {
    pid: child.pid ?? 0,
    output: () => output,
    kill: (signal) => void child.kill(signal),
    exited,
  };
}

/** Waits until the service says that it is ready. */
export async function untilReady(service: ServiceProcess, url: string): Promise<void> {
  let ended = false;
  void service.exited.then(() => (ended = true));
  await eventually(`${url} is ready`, async () => {
    if (ended) throw new Error(`the service has ended:\n${service.output()}`);
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined);
    return answer?.status === 200;
  });
}
