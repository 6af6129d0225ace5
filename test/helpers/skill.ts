// The whole service against the stand-in: real HTTP, real database file, authentication on.

import { randomUUID } from 'node:crypto';
import { type StandIn, type StandInOptions, startStandIn } from '../../standin/stand-in.ts';
import { type App, createApp } from '../../src/app.ts';
import type { Clock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import type { NotificationView } from '../../src/notifications/notification-view.ts';
import { type Database, type DatabasePlace, openDatabase } from '../../src/storage/database.ts';
import { makePlace } from './database.ts';
import { eventually } from './eventually.ts';
import { findFreePort } from '../../standin/free-port.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createUndiciClient } from '../../src/outbound/undici-client.ts';

export const apiKey = 'test-secret-of-enough-characters';

export type Skill = {
  readonly standIn: StandIn;
  readonly appId: string;
  readonly secret: string;
  readonly url: string;
  readonly clock: FakeClock;
  readonly dataDir: string;
  /** The settings that it runs with. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything that was logged, one JSON text per line. */
  readonly log: readonly string[];
  notify(body: unknown): Promise<{ status: number; body: Record<string, unknown> }>;
  findNotification(id: string): Promise<NotificationView>;
  /** Waits until the notification has this status. */
  settled(id: string, status: string): Promise<NotificationView>;
  /**
   * Stops the service and starts it again over the same data, with other settings if given; `meanwhile` has the database
   * for itself.
   */
  restart(change?: Restart): Promise<void>;
  stop(): Promise<void>;
};

type Restart = {
  readonly env?: Record<string, string>;
  readonly meanwhile?: (db: Database) => Promise<void>;
};

type SkillOptions = {
  readonly standIn?: StandInOptions;
  /** Settings, or what makes them once the stand-in is there. */
  readonly env?: Record<string, string> | ((standIn: StandIn) => Record<string, string>);
  readonly clock?: FakeClock;
  /** False: the agent does not know the skill yet, as before its import. */
  readonly registered?: boolean;
  /** Further app ids that may call, besides the agent's. */
  readonly extraCallers?: readonly string[];
};

export async function startSkill(options: SkillOptions = {}): Promise<Skill> {
  const clock = options.clock ?? createFakeClock();
  const standIn = await startStandIn({ now: clock.now, ...options.standIn });
  const appId = randomUUID();
  const secret = randomUUID();
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  standIn.registerApp({ appId, secret, homePageUrl: url });
  const { place, remove } = await makePlace();
  const { dataDir } = place;
  const own = typeof options.env === 'function' ? options.env(standIn) : options.env;
  const env: Record<string, string> = {
    ...settingsFor(standIn, { appId, secret, dataDir, port }),
    ...(place.url !== undefined && { DATABASE_URL: place.url }),
    ...own,
  };
  if (options.extraCallers) env['AllowedCallers'] = [env['AllowedCallers'], ...options.extraCallers].join();
  const log: string[] = [];
  let app = await startApp(env, clock, log);
  if (options.registered !== false) standIn.addSkill({ appId, endpointUrl: `${url}/api/messages` });

  const findNotification = async (id: string): Promise<NotificationView> => {
    const answer = await fetch(`${url}/api/notifications/${id}`, { headers: { 'X-API-Key': apiKey } });
    if (answer.status !== 200) throw new Error(`notification ${id}: ${answer.status}`);
    return (await answer.json()) as NotificationView;
  };
  return {
    standIn,
    appId,
    secret,
    clock,
    dataDir,
    env,
    log,
    url,
    notify: async (body) => {
      const answer = await fetch(`${url}/api/notify`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    findNotification,
    settled: (id, status) =>
      eventually(`notification ${id} is ${status}`, async () => {
        const view = await findNotification(id);
        return view.status === status && view;
      }),
    restart: async ({ env: changed = {}, meanwhile } = {}) => {
      await app.stop();
      if (meanwhile) await useDatabase(place, meanwhile);
      app = await startApp({ ...env, ...changed }, clock, log);
      // A kept connection of this process to the stopped service fails its next request.
      await eventually('it serves again', () =>
        fetch(`${url}/health/live`).then(
          ({ ok }) => ok,
          () => false,
        ),
      );
    },
    stop: async () => {
      await app.stop();
      await standIn.stop();
      await remove();
    },
  };
}

/** The settings of a skill that lives with this stand-in. */
export function settingsFor(
  standIn: StandIn,
  skill: { readonly appId: string; readonly secret: string; readonly dataDir: string; readonly port: number },
): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: String(skill.port),
    PUBLIC_URL: `http://127.0.0.1:${skill.port}`,
    MicrosoftAppId: skill.appId,
    MicrosoftAppPassword: skill.secret,
    MicrosoftAppTenantId: standIn.tenantId,
    AllowedCallers: standIn.agent.appId,
    LOGIN_URL: standIn.loginUrl,
    OPENID_METADATA_URL: standIn.openIdMetadataUrl,
    ALLOWED_SERVICE_URLS: new URL(standIn.agent.serviceUrl).origin,
    NOTIFY_API_KEYS: `test:${apiKey}`,
    DATA_DIR: skill.dataDir,
    WAIT_IN_TURN_SECONDS: '0',
    STOP_DELAY_SECONDS: '0',
    SENDER_RATE: '0',
    FAILURE_RATE: '0',
    LOG_LEVEL: 'info',
  };
}

async function useDatabase(place: DatabasePlace, use: (db: Database) => Promise<void>): Promise<void> {
  const db = await openDatabase(place);
  try {
    await use(db);
  } finally {
    await db.destroy();
  }
}

async function startApp(env: Record<string, string>, clock: Clock, log: string[]): Promise<App> {
  const config = parseConfig(env, () => '');
  const logger = createLogger(config.logLevel, { write: (line: string) => void log.push(line) });
  const app = await createApp({ config, logger, http: createUndiciClient(), clock, random: () => 0.5 });
  await app.start();
  return app;
}
