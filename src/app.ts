// Composition root: builds every part and joins them. The only place where http and bot meet.

import type { Activity } from 'botbuilder';
import { SkillAdapter } from './bot/adapter.ts';
import { ParentConnectorFactory } from './bot/connector.ts';
import { createTokenSource } from './bot/credentials.ts';
import { createParentTransport } from './bot/parent-transport.ts';
import { createProcessTurn } from './bot/process-turn.ts';
import { createPush } from './bot/push-activity.ts';
import { createSigningKeys } from './bot/signing-keys.ts';
import { SkillAuthentication } from './bot/skill-authentication.ts';
import { SkillBot } from './bot/skill-bot.ts';
import type { ChannelRules } from './bot/verify-channel-token.ts';
import type { Caller } from './bot/verify-token.ts';
import { channelAuthorityOf } from './channels.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import type { Wait } from './conversations/conversation.ts';
import { findConversationView, listConversations } from './conversations/conversation-store.ts';
import { createServiceUrlPolicy } from './conversations/service-url-policy.ts';
import { subscribe } from './conversations/subscription-store.ts';
import { createHttpServer, type HttpServices } from './http/server.ts';
import type { EntraRules } from './keys/entra-token.ts';
import { checkNames, createKeyRing } from './keys/key-ring.ts';
import type { Logger } from './logger.ts';
import { loadSkillFiles } from './manifest/skill-files.ts';
import { createDeliveryEngine, type DeliveryEngine } from './notifications/delivery-engine.ts';
import { adoptUnclaimed, cameEarly, createInbox } from './notifications/inbox.ts';
import { hastenLane } from './notifications/wake-lanes.ts';
import { openWatchedWait } from './notifications/open-watched-wait.ts';
import { createPeopleDesk } from './notifications/people-desk.ts';
import { countAllowedNow } from './notifications/send-rate.ts';
import type { HttpClient } from './outbound/http-client.ts';
import { createReadiness } from './readiness.ts';
import { type BackupDesk, createBackupDesk } from './storage/backup.ts';
import { createDatabaseClock } from './storage/database-clock.ts';
import { type Database, openDatabase } from './storage/database.ts';
import { isPostgres } from './storage/locks.ts';
import { createTakeRequests } from './storage/request-counts.ts';
import { createSignals } from './storage/signals.ts';
import { transact } from './storage/transact.ts';
import { createWebhookRegistry } from './webhooks/webhook-registry.ts';

export type App = {
  /** Port that is listened on, once started. */
  start(): Promise<{ readonly port: number }>;
  /**
   * Says that it is not ready, serves for `delayMs` more (default 0), then takes no more requests, lets what is in flight
   * end, and closes the database. May be called twice.
   */
  stop(options?: { readonly delayMs?: number }): Promise<void>;
};

type AppOptions = {
  readonly config: Config;
  readonly logger: Logger;
  /** Requests to parents and to the identity provider; closed at the stop. */
  readonly http: HttpClient;
  readonly clock?: Clock;
  /** 0 <= random < 1. */
  readonly random?: () => number;
};

/** How long requests in flight may take to end at a stop. */
const stopGraceMs = 20_000;

/** Opens the database and builds the service; nothing listens before `start`. Rejects when DATA_DIR cannot be used, or a setting does not go with what is in it. */
export async function createApp(options: AppOptions): Promise<App> {
  const { config, logger, http, random = Math.random } = options;
  const db = await openKnown(config, logger);
  const databaseClock = isPostgres(db) ? await createDatabaseClock(db, systemClock.sleep) : undefined;
  const clock = options.clock ?? databaseClock ?? systemClock;
  const bot = createBotParts(config, clock, http);
  const signals = createSignals(config.databaseUrl, logger);
  const engine = createDeliveryEngine({ db, clock, logger, random, send: createPush(bot.adapter), config, signals });
  const backups = createBackupDesk({ db, dataDir: config.dataDir, now: clock.now });
  const state = { stopping: false };
  const isStopping = (): boolean => state.stopping;
  const services = createServices({ config, logger, http, clock, db, bot, engine, backups, isStopping });
  const server = createHttpServer({
    services,
    publicUrl: config.publicUrl,
    senderRate: config.senderRate,
    failureRate: config.failureRate,
    takeRequests: isPostgres(db) ? createTakeRequests(db) : undefined,
    trustedProxies: config.trustedProxies,
    notificationTtlMs: config.notificationTtlMs,
    logger,
    now: clock.now,
  });

  const stop = async (delayMs: number): Promise<void> => {
    state.stopping = true;
    server.drain();
    // Load balancers see that it is not ready, and go elsewhere, while requests are still served.
    await clock.sleep(delayMs, new AbortController().signal);
    engine.release();
    backups.stop();
    // Together: a push that begins now would only be cut off by the end of the process.
    await Promise.all([server.stop(stopGraceMs), engine.stop()]);
    await http.close();
    await signals.close();
    databaseClock?.stop();
    await db.destroy();
  };
  let stopped: Promise<void> | undefined;
  return {
    start: async () => {
      await engine.start();
      return server.listen(config.port, config.host);
    },
    stop: ({ delayMs = 0 } = {}) => {
      stopped ??= stop(delayMs);
      return stopped;
    },
  };
}

async function openKnown({ dataDir, databaseUrl, apiKeys }: Config, logger: Logger): Promise<Database> {
  const onTrouble = (error: Error): void => logger.warn({ err: error }, 'a connection to the database has failed');
  const db = await openDatabase({ dataDir, url: databaseUrl, onTrouble });
  try {
    await checkNames(db, apiKeys);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

function createBotParts(config: Config, clock: Clock, http: HttpClient) {
  const policy = createServiceUrlPolicy(config.cloud, config.serviceUrlRules);
  const { identity, cloud, loginUrl, allowedCallers } = config;
  const tokens = createTokenSource({ http, identity, cloud, loginUrl, now: clock.now });
  const channels = createChannelRules(config, clock, http);
  const transport = createParentTransport(http);
  const connectors = new ParentConnectorFactory({ policy, tokens, transport, allowedCallers, channels });
  const authentication = new SkillAuthentication({
    rules: {
      appId: config.identity.appId,
      allowedTenants: config.allowedTenants,
      allowedCallers,
      cloud: config.cloud,
      channels,
    },
    keys: createSigningKeys({
      http,
      openIdMetadataUrl: config.openIdMetadataUrl,
      setting: 'OPENID_METADATA_URL',
      now: clock.now,
    }),
    policy,
    connectors,
    now: clock.now,
  });
  return { authentication, policy, adapter: new SkillAdapter(authentication) };
}

/** Undefined unless a channel is allowed. */
function createChannelRules({ channels, cloud }: Config, { now }: Clock, http: HttpClient): ChannelRules | undefined {
  const { allowed: allowedChannels, openIdMetadataUrl } = channels;
  if (allowedChannels.length === 0) return undefined;
  const keys = createSigningKeys({ http, openIdMetadataUrl, setting: 'CHANNEL_OPENID_METADATA_URL', now });
  return { issuer: channelAuthorityOf(cloud), allowedChannels, keys };
}

type Parts = {
  readonly config: Config;
  readonly http: HttpClient;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly db: Database;
  readonly bot: ReturnType<typeof createBotParts>;
  readonly engine: DeliveryEngine;
  readonly backups: BackupDesk;
  readonly isStopping: () => boolean;
};

function createServices({ config, logger, http, clock, db, bot, engine, backups, isStopping }: Parts): HttpServices {
  const skillServices = {
    db,
    clock,
    logger,
    inbox: createInbox({ db, now: clock.now, onSettled: engine.tellSettled }),
    openWait: async (wait: Wait) => {
      const isOpen = await openWatchedWait(db, wait, clock.now());
      engine.wake();
      return isOpen;
    },
    hasten: async (conversationId: string) => {
      await hastenLane(db, conversationId, clock.now());
      engine.wake();
    },
    countAllowed: (conversationId: string) =>
      countAllowedNow(db, conversationId, config.conversationSendRates, clock.now()),
    follow: (conversationId: string, subject: string) =>
      transact(db, async (trx) => {
        // In one transaction: what is accepted from now on comes after what came early.
        await subscribe(trx, { conversationId, subject, once: false, createdAt: clock.now() });
        await adoptUnclaimed(trx, conversationId, subject, clock.now(), cameEarly);
      }),
    waitInTurnMs: config.waitInTurnSeconds * 1_000,
    waitMaxMinutes: config.waitMaxMinutes,
  };
  const processTurn = createProcessTurn(bot.adapter, new SkillBot(skillServices), skillServices, bot.policy);
  const skillFiles = loadSkillFiles({
    appId: config.identity.appId,
    endpointUrl: `${config.publicUrl}/api/messages`,
  });
  return {
    verifyCaller: (authorization) => bot.authentication.verifyCaller(authorization),
    processTurn: (caller, activity) => processTurn(caller as Caller, activity as Partial<Activity> as Activity),
    notifications: engine,
    people: createPeopleDesk(db, clock.now),
    backups,
    keys: createKeyRing({ db, now: clock.now, apiKeys: config.apiKeys, entra: createEntraRules(config, clock, http) }),
    webhooks: createWebhookRegistry({ db, now: clock.now }),
    listConversations: (page) => listConversations(db, page),
    findConversation: (id) => findConversationView(db, id),
    skillFile: (file) => skillFiles.get(file),
    isReady: createReadiness({ db, clock, logger, isStopping }),
  };
}

function createEntraRules(
  { notifyEntra, loginUrl, cloud }: Config,
  clock: Clock,
  http: HttpClient,
): EntraRules | undefined {
  if (!notifyEntra) return undefined;
  const openIdMetadataUrl = `${loginUrl}/${notifyEntra.tenantId}/v2.0/.well-known/openid-configuration`;
  const keys = createSigningKeys({ http, openIdMetadataUrl, setting: 'LOGIN_URL', now: clock.now });
  return { ...notifyEntra, cloud, findKey: (kid) => keys.find(kid) };
}
