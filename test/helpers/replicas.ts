// Further replicas of a skill, on its database: each the whole service, on a port of its own.

import { onTestFinished } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { createApp } from '../../src/app.ts';
import type { Clock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { apiKey, type Skill } from './skill.ts';
import { createUndiciClient } from '../../src/outbound/undici-client.ts';

export type Replica = {
  readonly url: string;
  /** Everything that was logged, one JSON text per line. */
  readonly log: readonly string[];
  /** As the settings' key, unless the headers say otherwise. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  notify(body: object, headers?: Record<string, string>): Promise<{ status: number; id: string }>;
  stop(): Promise<void>;
};

type ReplicaOptions = {
  /** Settings that differ from the skill's. */
  readonly env?: Record<string, string>;
  /** Undefined: that of the database. */
  readonly clock?: Clock | undefined;
};

/** Starts one more replica, which stops after the test at the latest. */
export async function startReplica(skill: Skill, { env = {}, clock }: ReplicaOptions = {}): Promise<Replica> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const config = parseConfig({ ...skill.env, PORT: String(port), ...env }, () => '');
  const log: string[] = [];
  const logger = createLogger('info', { write: (line: string) => void log.push(line) });
  const app = await createApp({
    config,
    logger,
    http: createUndiciClient(),
    random: () => 0.5,
    ...(clock && { clock }),
  });
  await app.start();
  const replica = asReplica(url, log, () => app.stop());
  onTestFinished(replica.stop);
  return replica;
}

/** What a test asks of one. */
export function asReplica(url: string, log: readonly string[], stop: () => Promise<void>): Replica {
  const ask = (path: string, { headers, ...init }: RequestInit = {}): Promise<Response> =>
    fetch(url + path, { ...init, headers: { 'x-api-key': apiKey, ...(headers as Record<string, string>) } });
  return {
    url,
    log,
    ask,
    notify: async (body, headers = {}) => {
      const answer = await ask('/api/notify', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
      return { status: answer.status, id: ((await answer.json()) as { id: string }).id };
    },
    stop,
  };
}
