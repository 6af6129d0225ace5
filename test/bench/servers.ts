// The servers under test, and the parent that they all push to. Each has its own app registration in the same tenant.

import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../../standin/free-port.ts';
import { startOptions } from '../helpers/start-options.ts';
import type { BaselineSettings } from './baselines/settings.ts';
import { type Child, startChild } from './child.ts';
import type { AppIdentity, Counted, ParentAddress } from './words.ts';

export type Parent = {
  readonly child: Child;
  readonly address: ParentAddress;
  count(): Promise<Counted>;
  /** A skill of this tenant, known to the agent. */
  register(): Promise<AppIdentity>;
  /** Authorization of this skill at the parent. */
  tokenFor(skill: AppIdentity): Promise<string>;
  /** Headers of a call of the agent to this skill. */
  authorize(skill: AppIdentity): Promise<Record<string, string>>;
};

export type Server = {
  readonly child: Child;
  readonly url: string;
  readonly app: AppIdentity;
};

const apiKey = 'bench-secret-of-enough-characters';
export const senderHeaders = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };

export async function startParent(): Promise<Parent> {
  const child = startChild('test/bench/parent.js');
  const address = await child.call<ParentAddress>('address');
  return {
    child,
    address,
    count: () => child.call<Counted>('count'),
    register: async () => {
      const app = { appId: randomUUID(), secret: randomUUID() };
      await child.call('register', app);
      return app;
    },
    tokenFor: async (app) => `Bearer ${await child.call<string>('tokenFor', app)}`,
    authorize: async ({ appId }) => ({
      authorization: `Bearer ${await child.call<string>('signToken', appId)}`,
      'content-type': 'application/json',
    }),
  };
}

export async function startBaseline(name: 'botbuilder' | 'agents-sdk', parent: Parent): Promise<Server> {
  const { loginUrl, tenantId, agentAppId } = parent.address;
  const app = await parent.register();
  const settings: BaselineSettings = { ...app, port: await findFreePort(), tenantId, agentAppId, loginUrl };
  const env = { BENCH_BASELINE: JSON.stringify(settings) };
  const child = startChild(`test/bench/baselines/${name}.js`, { env, silent: true });
  const url = `http://127.0.0.1:${settings.port}`;
  await untilAnswers(url, '/');
  return { child, url, app };
}

type ServiceOptions = {
  readonly app: AppIdentity;
  readonly dataDir: string;
  readonly nodeOptions?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
};

/** The built service, with real settings but for the limits that are a policy of sending; its log goes to a file. */
export async function startService(parent: Parent, options: ServiceOptions): Promise<Server> {
  const { app, dataDir, nodeOptions = [], settings = {} } = options;
  const { serviceUrl, loginUrl, openIdMetadataUrl, tenantId, agentAppId } = parent.address;
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: url,
    MicrosoftAppId: app.appId,
    MicrosoftAppPassword: app.secret,
    MicrosoftAppTenantId: tenantId,
    AllowedCallers: agentAppId,
    LOGIN_URL: loginUrl,
    OPENID_METADATA_URL: openIdMetadataUrl,
    ALLOWED_SERVICE_URLS: new URL(serviceUrl).origin,
    NOTIFY_API_KEYS: `bench:${apiKey}`,
    DATA_DIR: dataDir,
    STOP_DELAY_SECONDS: '0',
    SENDER_RATE: '0',
    HOST_SEND_RATE: '0',
    DELIVERY_CONCURRENCY: '96',
    CONVERSATION_SEND_RATES: '1:100000',
    MAX_PENDING: '10000000',
    ...settings,
  };
  const child = startChild('src/main.js', {
    env,
    nodeOptions: [...startOptions, ...nodeOptions],
    logFile: join(dataDir, 'log'),
  });
  await untilAnswers(url, '/health/ready', 200);
  return { child, url, app };
}

/** A data folder of its own with a copy of this database. */
export function copyDatabase(from: string, to: string): string {
  mkdirSync(to);
  copyFileSync(join(from, 'copilot-notify.db'), join(to, 'copilot-notify.db'));
  return to;
}

/** Asks often: how long a start takes is measured by it. */
async function untilAnswers(url: string, path: string, status?: number): Promise<void> {
  const endsAt = performance.now() + 60_000;
  while (performance.now() < endsAt) {
    const answer = await fetch(url + path).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer && (status === undefined || answer.status === status)) return;
    await delay(2);
  }
  throw new Error(`${url}${path} does not answer`);
}
