// The HTTP side of the service on restify: the table of routes, what happens to a request before and after its
// handler, and an orderly stop. Knows neither the Bot Framework nor the storage; both come as functions.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'restify';
import type { IpNetwork } from '../ip-network.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { Logger } from '../logger.ts';
import { createAuthenticate } from './api-keys.ts';
import { answerError } from './answer-error.ts';
import { type BackupServices, createBackupHandler } from './backup.ts';
import { createClientAddress } from './client-address.ts';
import { type ConnectionCloser, createConnectionCloser } from './connection-closer.ts';
import {
  createCreateKeyHandler,
  createListKeysHandler,
  createRevokeKeyHandler,
  createRotateKeyHandler,
} from './keys.ts';
import { createMessagesHandler, type MessageServices } from './messages.ts';
import {
  createFindDeliveryHandler,
  createListDeliveriesHandler,
  createPurgeDeliveriesHandler,
  createRetryDeliveriesHandler,
  createRetryDeliveryHandler,
  createStatusHandler,
  type DeliveryServices,
} from './deliveries.ts';
import {
  createCancelHandler,
  createFindConversationHandler,
  createFindNotificationHandler,
  createListConversationsHandler,
  createListNotificationsHandler,
  createNotifyHandler,
  type NotificationServices,
} from './notifications.ts';
import {
  createLiveHandler,
  createReadyHandler,
  createSkillFileHandler,
  type Readiness,
  type SkillFiles,
} from './open-routes.ts';
import {
  createEraseConversationHandler,
  createEraseHandler,
  createExportHandler,
  type PeopleServices,
} from './people.ts';
import { createRateLimits, type RateLimitOptions } from './rate-limits.ts';
import { openRequestContext, requestContextOf } from './request-context.ts';
import { findRefusal } from './request-guard.ts';
import { sendProblem } from './respond.ts';
import { setTimeouts } from './timeouts.ts';
import { createEventHandler, createHandshakeHandler } from './webhook-events.ts';
import {
  createChangeWebhookHandler,
  createCreateWebhookHandler,
  createListWebhooksHandler,
  createRevokeWebhookHandler,
  createRotateWebhookHandler,
} from './webhooks.ts';
import type { WebhookRegistry } from '../webhooks/webhook-registry.ts';

export type HttpServices = MessageServices &
  NotificationServices &
  DeliveryServices &
  PeopleServices &
  BackupServices & {
    readonly keys: KeyRing;
    readonly webhooks: WebhookRegistry;
    /** The manifests and what they lead to, by file name. */
    readonly skillFile: SkillFiles;
    readonly isReady: () => Promise<Readiness>;
  };

type HttpServerOptions = RateLimitOptions & {
  readonly services: HttpServices;
  /** Without a slash at the end. */
  readonly publicUrl: string;
  /** Proxies in front of this service, whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly IpNetwork[];
  /** How long a notification lives whose sender named no end. */
  readonly notificationTtlMs: number;
  readonly logger: Logger;
  readonly now: () => number;
};

export type HttpServer = {
  /** Resolves with the port in use (0 picks a free one); rejects where it cannot be had. */
  readonly listen: (port: number, host: string) => Promise<{ port: number }>;
  /** Still serves, but keeps no connection for a further request. */
  readonly drain: () => void;
  /** Takes no new connection, lets running requests finish for up to `graceMs`, then closes what is left. */
  readonly stop: (graceMs: number) => Promise<void>;
};

/** restify's own limit is 100, and answers 404 beyond: an id of a user is up to 1,024 characters, each up to 9 as it is escaped. */
const maxParamLength = 10_000;

/** Builds the server; nothing listens before `listen`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  // Silent: its own lines repeat the path, in which somebody may have put a key. restify types its logger as bunyan but
  // uses pino (lib/index.js); an empty name leaves the Server header out.
  const log = options.logger.child({}, { level: 'silent' }) as unknown as ServerOptions['log'];
  const server = createServer({ name: '', log, handleUncaughtExceptions: false, maxParamLength });
  const closer = createConnectionCloser(server.server);
  setTimeouts(server.server);
  // Without a listener Node serves a request to upgrade as if the header were not there (RFC 9110 section 7.8), which
  // HTTP clients that offer h2c rely on. restify's listener would leave the socket hanging.
  server.server.removeAllListeners('upgrade');
  server.first((req, res) => {
    closer.watch(res);
    return prepare(req, res, options);
  });
  server.on('routed', (req: IncomingMessage, _res: ServerResponse, route: { path: string }) => {
    requestContextOf(req).route = route.path;
  });
  // Never calls the fourth argument: restify would then write an answer of its own over this one.
  server.on('restifyError', (req: IncomingMessage, res: ServerResponse, error: unknown) => {
    answerError(error, res, requestContextOf(req));
  });
  mountRoutes(server, options, closer);
  return { listen: (port, host) => listen(server, port, host), drain: closer.drain, stop: closer.stop };
}

function prepare(req: IncomingMessage, res: ServerResponse, { logger, now }: HttpServerOptions): boolean {
  const context = openRequestContext(req, res, logger, now);
  const { requestId } = context;
  // An 'error' without listener, such as a client that resets while it is being answered, would end the process.
  res.on('error', (error) => context.log.debug({ err: error }, 'answer could not be written'));
  res.setHeader('X-Request-Id', requestId);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Cache-Control', 'no-store');
  const refusal = findRefusal(req);
  if (refusal === undefined) return true;
  context.code = refusal.code;
  sendProblem(res, refusal, requestId);
  return false;
}

function mountRoutes(server: Server, options: HttpServerOptions, closer: ConnectionCloser): void {
  const { services, now } = options;
  const { keys, webhooks, notifications } = services;
  const limits = createRateLimits(options);
  const clientAddress = createClientAddress(options.trustedProxies);
  const authenticate = createAuthenticate(keys, limits, clientAddress);
  const senders = { ...options, authenticate };
  const operators = { keys, authenticate, now };
  const sources = { ...options, webhooks, notifications, limits, clientAddress, authenticate };
  const isReady = async (): Promise<Readiness> =>
    closer.isStopping() ? { ready: false, reason: 'The service is stopping.' } : services.isReady();

  server.post('/api/messages', createMessagesHandler(services, closer.track));
  server.post('/api/notify', createNotifyHandler(senders));
  server.post('/api/notifications/:id/cancel', createCancelHandler(senders));
  server.post('/api/deliveries/:id/retry', createRetryDeliveryHandler(senders));
  server.post('/api/deliveries/retry', createRetryDeliveriesHandler(senders));
  server.post('/api/deliveries/purge', createPurgeDeliveriesHandler(senders));
  server.post('/api/backup', createBackupHandler(senders));
  server.post('/api/keys', createCreateKeyHandler(operators));
  server.post('/api/keys/:id/rotate', createRotateKeyHandler(operators));
  server.del('/api/keys/:id', createRevokeKeyHandler(operators));
  server.post('/api/webhooks', createCreateWebhookHandler(sources));
  server.patch('/api/webhooks/:id', createChangeWebhookHandler(sources));
  server.post('/api/webhooks/:id/rotate', createRotateWebhookHandler(sources));
  server.del('/api/webhooks/:id', createRevokeWebhookHandler(sources));
  server.post('/api/webhooks/:id/events', createEventHandler(sources));
  server.opts('/api/webhooks/:id/events', createHandshakeHandler(sources));
  mountPeople(server, senders);
  const readable = {
    '/api/keys': createListKeysHandler(operators),
    '/api/webhooks': createListWebhooksHandler(sources),
    '/api/notifications': createListNotificationsHandler(senders),
    '/api/notifications/:id': createFindNotificationHandler(senders),
    '/api/deliveries': createListDeliveriesHandler(senders),
    '/api/deliveries/:id': createFindDeliveryHandler(senders),
    '/api/status': createStatusHandler(senders),
    '/api/conversations': createListConversationsHandler(senders),
    '/api/conversations/:id': createFindConversationHandler(senders),
    '/manifests/:file': createSkillFileHandler(services.skillFile),
    '/health/live': createLiveHandler(),
    '/health/ready': createReadyHandler(isReady),
  };
  for (const [path, handler] of Object.entries(readable)) {
    server.get(path, handler);
    server.head(path, handler);
  }
}

function mountPeople(server: Server, options: Parameters<typeof createEraseHandler>[0]): void {
  server.get('/api/users/:id', createExportHandler(options));
  server.del('/api/users/:id', createEraseHandler(options));
  server.del('/api/conversations/:id', createEraseConversationHandler(options));
}

function listen(server: Server, port: number, host: string): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve({ port: server.address().port });
    });
  });
}
