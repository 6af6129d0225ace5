// Calls between the bench and its processes, over Node's IPC channel. Every process also answers `usage`, by a few lines
// that are loaded before its own (so that the service needs none), and ends when the bench is gone.

import type { ChildProcess } from 'node:child_process';

/** What a process has used since it started. */
export type Usage = { readonly cpuUs: number; readonly peakMb: number };

type Handlers = Readonly<Record<string, (argument: never) => unknown>>;
type Question = { readonly id: number; readonly name: string; readonly argument: never };
type Reply = { readonly id: number; readonly result?: unknown; readonly error?: string };

/** What is sent before would be lost: the probe listens already, and knows no other name. */
const readyMark = 'ready';

// On Linux maxRSS begins with what the bench itself held when it forked (getrusage(2) survives exec); VmHWM does not.
const usageCode = `
import { readFileSync } from 'node:fs';
const readPeakKb = () => {
  try {
    return Number(/^VmHWM:\\s+(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
};
process.on('message', ({ id, name }) => {
  if (name !== 'usage') return;
  const { user, system } = process.cpuUsage();
  process.send({ id, result: { cpuUs: user + system, peakMb: readPeakKb() / 1024 } });
});
process.on('disconnect', () => process.exit());
process.channel?.unref();
`;

/** For `node`: the answers to `usage`. */
export const usageProbe = `--import=data:text/javascript,${encodeURIComponent(usageCode)}`;

/** In a process of the bench: answers the calls of these names. */
export function answerCalls(handlers: Handlers): void {
  const answer = async ({ id, name, argument }: Question): Promise<void> => {
    const handler = handlers[name];
    if (!handler) return;
    try {
      process.send?.({ id, result: await handler(argument) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
  process.on('message', (question) => void answer(question as Question));
  // The probe does not keep its process alive; this does.
  process.channel?.ref();
  process.send?.(readyMark);
}

export type Caller = <T>(name: string, argument?: unknown) => Promise<T>;

/** In the bench: calls into this process. Rejects when it fails there, or when the process ends before it has answered. */
export function createCaller(child: ChildProcess): Caller {
  const waiting = new Map<number, (reply: Reply) => void>();
  let last = 0;
  child.on('message', (reply) => {
    const { id } = reply as Reply;
    waiting.get(id)?.(reply as Reply);
    waiting.delete(id);
  });
  child.once('exit', (code, signal) => {
    for (const [id, settle] of waiting) settle({ id, error: `the process ended with ${code ?? signal}` });
    waiting.clear();
  });
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message) => message === readyMark && resolve());
    child.once('exit', () => resolve());
  });
  return async <T>(name: string, argument?: unknown) => {
    if (name !== 'usage') await ready;
    return new Promise<T>((resolve, reject) => {
      last += 1;
      waiting.set(last, ({ result, error }) => {
        if (error === undefined) resolve(result as T);
        else reject(new Error(`${name}: ${error}`));
      });
      child.send({ id: last, name, argument }, (error) => error && reject(error));
    });
  };
}
