// One measurement: so many operations in a time, and the CPU time that the process under test has used for each.

import { setTimeout as delay } from 'node:timers/promises';
import { type Child, startChild } from './child.ts';
import { type Server, senderHeaders } from './servers.ts';
import type { Counted, LoadOrder } from './words.ts';

export type Sample = { readonly perSecond: number; readonly cpuUs: number };

export type Span = { readonly warmMs: number; readonly ms: number };

/** Lets things run for `warmMs`, then measures for `ms`. Throws when nothing happened, or something was refused. */
export async function measure(child: Child, count: () => Promise<Counted>, { warmMs, ms }: Span): Promise<Sample> {
  await delay(warmMs);
  const [counted, usage] = await Promise.all([count(), child.usage()]);
  await delay(ms);
  const [countedThen, usageThen] = await Promise.all([count(), child.usage()]);
  const operations = countedThen.count - counted.count;
  const refused = countedThen.refused - counted.refused;
  if (operations === 0 || refused > 0) throw new Error(`${operations} operations, ${refused} refused`);
  return {
    perSecond: (operations / (countedThen.atMs - counted.atMs)) * 1_000,
    cpuUs: (usageThen.cpuUs - usage.cpuUs) / operations,
  };
}

export class Load {
  readonly child = startChild('test/bench/load.js');

  readonly count = (): Promise<Counted> => this.child.call<Counted>('count');

  /** Posts each body once. */
  async post(order: LoadOrder): Promise<void> {
    check(await this.child.call<string>('post', order));
  }

  /** Runs this load while `work` lasts. */
  async during<T>(order: LoadOrder, work: () => Promise<T>): Promise<T> {
    await this.child.call('start', order);
    const result = await work();
    check(await this.child.call<string>('stop'));
    return result;
  }
}

function check(failures: string): void {
  if (failures !== '') throw new Error(`the load was refused: ${failures}`);
}

/** Waits until nothing that the service has accepted is on its way. */
export async function untilDelivered(service: Server): Promise<void> {
  for (;;) {
    const answer = await fetch(`${service.url}/api/status`, { headers: senderHeaders });
    const { deliveries } = (await answer.json()) as { deliveries: Record<string, number> };
    if ((deliveries['pending'] ?? 0) + (deliveries['sending'] ?? 0) === 0) return;
    await delay(200);
  }
}
