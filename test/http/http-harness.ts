// A real server on a free port for the tests of this folder, and a raw socket for what no HTTP client would send.

import { connect } from 'node:net';
import { pino } from 'pino';
import { afterEach } from 'vitest';
import type { ApiKey } from '../../src/config.ts';
import { createHttpServer, type HttpServices } from '../../src/http/server.ts';
import type { IpNetwork } from '../../src/ip-network.ts';
import { createKeyRing, type KeyRing } from '../../src/keys/key-ring.ts';
import type { Database } from '../../src/storage/database.ts';
import { createWebhookRegistry } from '../../src/webhooks/webhook-registry.ts';

export const apiKey = 'key-of-the-first-sender-0123456789';
export const secondApiKey = 'key-of-the-second-sender-9876543210';
const now = Date.parse('2026-01-02T03:04:05.000Z');

type LogLine = Record<string, unknown>;

export type TestServer = {
  readonly url: string;
  readonly port: number;
  readonly log: LogLine[];
  readonly drain: () => void;
  readonly stop: (graceMs?: number) => Promise<void>;
  readonly get: (path: string, init?: RequestInit) => Promise<Response>;
  /** Posts `body` as JSON; a string or bytes go out as they are. */
  readonly post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Response>;
};

type SomeServices = Partial<Omit<HttpServices, 'notifications'>> & {
  readonly notifications?: Partial<HttpServices['notifications']>;
};

type HarnessOptions = {
  readonly withoutKeys?: boolean;
  readonly port?: number;
  readonly senderRate?: number;
  readonly failureRate?: number;
  readonly trustedProxies?: readonly IpNetwork[];
};

const apiKeys = [
  { name: 'first', secret: apiKey },
  { name: 'second', secret: secondApiKey },
];

/** Keys of the settings need no database. */
function keysOf(configured: readonly ApiKey[]): KeyRing {
  const ring = createKeyRing({ db: undefined as unknown as Database, now: () => now, apiKeys: configured });
  return { ...ring, isEmpty: async () => configured.length === 0 };
}

const running: TestServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

/** Starts a server whose services succeed, save for the given ones. It stops after the test. */
export async function startTestServer(services: SomeServices = {}, options: HarnessOptions = {}): Promise<TestServer> {
  const server = await createSharedTestServer(services, options);
  running.push(server);
  return server;
}

/** As startTestServer, for several tests: the caller stops it. */
export async function createSharedTestServer(
  services: SomeServices = {},
  options: HarnessOptions = {},
): Promise<TestServer> {
  const log: LogLine[] = [];
  const server = createHttpServer({
    services: {
      ...succeedingServices,
      keys: options.withoutKeys ? keysOf([]) : keysOf(apiKeys),
      ...services,
      notifications: { ...succeedingServices.notifications, ...services.notifications },
    },
    publicUrl: 'https://notify.example',
    senderRate: options.senderRate ?? 0,
    failureRate: options.failureRate ?? 0,
    trustedProxies: options.trustedProxies ?? [],
    notificationTtlMs: 3_600_000,
    logger: pino({ level: 'debug' }, { write: (line: string) => void log.push(JSON.parse(line)) }),
    now: () => now,
  });
  const { port } = await server.listen(options.port ?? 0, '127.0.0.1');
  const url = `http://127.0.0.1:${port}`;
  const get = (path: string, init: RequestInit = {}) => fetch(url + path, init);
  return {
    url,
    port,
    log,
    drain: () => server.drain(),
    stop: (graceMs = 0) => server.stop(graceMs),
    get,
    post: (path, body, headers = {}) =>
      get(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
      }),
  };
}

const counts = { pending: 0, sending: 0, delivered: 0, held: 0, dead: 0, cancelled: 0 };
const notificationView = {
  status: 'waiting',
  to: { subject: 's' },
  acceptedAt: '2026-01-02T03:04:05.000Z',
  expiresAt: '2026-01-02T04:04:05.000Z',
  recipients: 0,
  counts,
  deliveries: [],
} as const;

const nothingErased = { conversations: 0, waits: 0, subscriptions: 0, deliveries: 0, attempts: 0, notifications: 0 };

const succeedingServices: Omit<HttpServices, 'keys'> = {
  verifyCaller: async () => ({ appId: 'parent' }),
  processTurn: async () => ({ status: 200 }),
  notifications: {
    accept: async (_sender, request) => ({
      id: 'n1',
      status: 'pending',
      recipients: 1,
      expiresAt: request.expiresAt,
      replayed: false,
    }),
    findAnswer: async () => undefined,
    settledWithin: async () => undefined,
    find: async (id) => (id === 'n1' ? { ...notificationView, id } : undefined),
    list: async () => ({ items: [], nextCursor: null }),
    cancel: async (id) => (id === 'n1' ? { ...notificationView, id } : undefined),
    findDelivery: async () => undefined,
    listDeliveries: async () => ({ items: [], nextCursor: null }),
    retry: async () => 0,
    purge: async () => 0,
    status: async () => ({ deliveries: counts, waiting: 0, oldestPendingAt: undefined, parents: [] }),
  },
  webhooks: createWebhookRegistry({ db: undefined as unknown as Database, now: () => now }),
  backups: { backUp: async () => ({ file: '/data/backups/b.db', bytes: 1 }) },
  people: {
    hash: async () => 'hash',
    show: async () => undefined,
    erase: async () => nothingErased,
    eraseConversation: async () => undefined,
  },
  listConversations: async () => ({ items: [], nextCursor: null }),
  findConversation: async (id) => (id === 'c1' ? { id } : undefined),
  skillFile: (file) => (file === 'skill.json' ? { type: 'application/json', body: '{"name":"skill"}' } : undefined),
  isReady: async () => ({ ready: true }),
};

/** Sends `bytes` and resolves with everything that comes back until the server closes the connection. */
export function exchange(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    // A reset after the answer is the server's right; what was received by then is what counts.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
    socket.write(bytes);
  });
}

/** The text of a request, closed after its answer. */
export function requestText(startLine: string, headers: readonly string[] = [], body = ''): string {
  return [startLine, 'Host: localhost', 'Connection: close', ...headers, '', body].join('\r\n');
}

/** The status of the first answer in what `exchange` returned, 0 where there is none. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}

/** A promise that the test itself resolves (Promise.withResolvers is not in Node 20). */
export function createGate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let resolvePassed: (() => void) | undefined;
  const passed = new Promise<void>((resolve) => {
    resolvePassed = resolve;
  });
  return { passed, open: () => resolvePassed?.() };
}
