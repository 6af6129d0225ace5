// How long the event loop of a service process is kept, measured inside of it without a line in the service itself.

import { readFileSync } from 'node:fs';

export type LoopDelay = { readonly p99: number; readonly max: number };

const code = `
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.on('SIGUSR2', () => delay.reset());
const write = () => {
  const figures = { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
  writeFileSync(process.env.LOOP_DELAY_FILE, JSON.stringify(figures));
};
setInterval(write, 100).unref();
`;

/**
 * Settings that make a service process write its figures to `file`; SIGUSR2 begins anew, after the start-up. It also gets
 * a heap of `heapMb` and no more: V8 lets garbage lie for as long as there is room, and the most memory held would say
 * little about the memory needed.
 */
export function measureLoopDelay(file: string, heapMb: number): Record<string, string> {
  const probe = `--import=data:text/javascript,${encodeURIComponent(code)}`;
  return { LOOP_DELAY_FILE: file, NODE_OPTIONS: `--max-old-space-size=${heapMb} ${probe}` };
}

/** The figures so far, in ms, over the 5 ms that lie between two looks. */
export function readLoopDelay(file: string): LoopDelay {
  return JSON.parse(readFileSync(file, 'utf8')) as LoopDelay;
}
