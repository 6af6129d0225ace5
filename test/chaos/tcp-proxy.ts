// A TCP proxy that breaks what passes through it, as networks do. It knows bytes and connections, no HTTP: a request is
// what the client sends, an answer what the target sends. The target is dialled with the first byte for it, so what
// never passes is never seen there.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export type ProxyMode =
  | { readonly kind: 'pass' }
  /** Each chunk waits, in both directions. */
  | { readonly kind: 'latency'; readonly ms: number }
  /** The client gets an RST for its first bytes; the target gets nothing. */
  | { readonly kind: 'reset' }
  /**
   * Bytes are swallowed, in both directions, and so is the end of the connection: nothing comes back, whatever is done. It
   * stays a black hole in any later mode.
   */
  | { readonly kind: 'blackHole' }
  /** The connection is closed after so many bytes of an answer. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** The answer comes one byte at a time. */
  | { readonly kind: 'drip'; readonly everyMs: number }
  /** The target gets the request and answers; instead of the answer the client gets an RST. */
  | { readonly kind: 'lateReset' }
  /** All bytes pass; that the target has closed the connection is told `ms` later, one second if not given. */
  | { readonly kind: 'slowClose'; readonly ms?: number };

export type TcpProxy = {
  readonly port: number;
  /** Origin of the proxy, for clients that speak HTTP. */
  readonly url: string;
  /** Connections that clients hold open. */
  connections(): number;
  /** For new connections, and for what comes on old ones from now on. */
  set(mode: ProxyMode): void;
  /** Closes everything that it has opened or accepted, whatever is on its way. */
  stop(): Promise<void>;
};

/** One client, and the target as soon as there is something to send to it. */
type Link = {
  readonly client: Socket;
  target: Socket | undefined;
  /** Aborted when the client's connection is closed: what waits for it ends. */
  readonly closed: AbortSignal;
  /** Bytes of the answer that have passed since the client last sent something. */
  answered: number;
  swallows: boolean;
  mode(): ProxyMode;
  dial(): Socket;
};

/** Starts a proxy on a free port of the loopback address; it passes everything until `set` says otherwise. */
export async function startTcpProxy(options: {
  readonly target: { readonly host: string; readonly port: number };
}): Promise<TcpProxy> {
  let mode: ProxyMode = { kind: 'pass' };
  const clients = new Set<Socket>();
  const targets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    keep(client, clients);
    accept(
      client,
      () => mode,
      () => keep(connect({ ...options.target, allowHalfOpen: true, noDelay: true }), targets),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connections: () => [...clients].filter(({ readableEnded }) => !readableEnded).length,
    set: (next) => {
      mode = next;
    },
    stop: async () => {
      const closed = [...clients, ...targets].map((socket) => {
        const gone = new Promise((resolve) => void socket.once('close', resolve));
        socket.destroy();
        return gone;
      });
      await Promise.all([...closed, new Promise((resolve) => void server.close(resolve))]);
    },
  };
}

/** Keeps the socket in the set as long as it is open. */
function keep(socket: Socket, sockets: Set<Socket>): Socket {
  sockets.add(socket);
  return socket.once('close', () => sockets.delete(socket));
}

function accept(client: Socket, mode: () => ProxyMode, dial: () => Socket): void {
  const closed = new AbortController();
  const link: Link = { client, target: undefined, closed: closed.signal, answered: 0, swallows: false, mode, dial };
  // Nothing to do on an error: `close` follows.
  client.on('error', () => undefined);
  client.on('close', () => {
    closed.abort();
    // A target whose answer is swallowed shall see nothing of the break: it ends its connection itself, when idle.
    if (!link.swallows) link.target?.destroy();
  });
  carry(link, client, passRequest, endRequest);
}

function dialTarget(link: Link): Socket {
  const target = link.dial();
  link.target = target;
  target.on('error', () => {
    if (!link.swallows) link.client.resetAndDestroy();
  });
  carry(link, target, passAnswer, endAnswer);
  return target;
}

// A pass fails when one of the sides has gone; both know it by their own events.
const ignore = (): void => undefined;

/** Hands on chunk after chunk, then the end; the source waits meanwhile. */
function carry(
  link: Link,
  source: Socket,
  pass: (link: Link, chunk: Buffer) => Promise<void>,
  end: (link: Link) => Promise<void>,
): void {
  let last = Promise.resolve();
  source.on('data', (chunk: Buffer) => {
    source.pause();
    last = pass(link, chunk)
      .catch(ignore)
      .then(() => void source.resume());
  });
  // A socket tells its end even when paused: the last chunk may still wait.
  source.on('end', () => void last.then(() => end(link)).catch(ignore));
}

async function passRequest(link: Link, chunk: Buffer): Promise<void> {
  if (link.swallows) return;
  link.answered = 0;
  const mode = link.mode();
  if (mode.kind === 'reset') {
    link.client.resetAndDestroy();
  } else if (mode.kind === 'blackHole') {
    link.swallows = true;
  } else {
    if (mode.kind === 'latency') await pause(link, mode.ms);
    await write(link, link.target ?? dialTarget(link), chunk);
  }
}

async function endRequest(link: Link): Promise<void> {
  if (!link.swallows) (link.target ?? link.client).end();
}

async function passAnswer(link: Link, chunk: Buffer): Promise<void> {
  if (link.swallows) return;
  const mode = link.mode();
  if (mode.kind === 'lateReset' || mode.kind === 'blackHole') {
    link.swallows = true;
    if (mode.kind === 'lateReset') link.client.resetAndDestroy();
  } else if (mode.kind === 'cut' && link.answered + chunk.length >= mode.afterBytes) {
    link.swallows = true;
    link.client.write(chunk.subarray(0, Math.max(0, mode.afterBytes - link.answered)));
    link.client.destroySoon();
  } else if (mode.kind === 'drip') {
    await drip(link, chunk, mode);
  } else {
    if (mode.kind === 'latency') await pause(link, mode.ms);
    await writeAnswer(link, chunk);
  }
}

async function drip(link: Link, chunk: Buffer, mode: ProxyMode & { readonly kind: 'drip' }): Promise<void> {
  let rest = chunk;
  while (rest.length > 0 && link.mode() === mode) {
    await pause(link, mode.everyMs);
    await writeAnswer(link, rest.subarray(0, 1));
    rest = rest.subarray(1);
  }
  if (rest.length > 0) await passAnswer(link, rest);
}

async function endAnswer(link: Link): Promise<void> {
  const mode = link.mode();
  if (link.swallows) {
    link.target?.end();
  } else {
    if (mode.kind === 'slowClose') await pause(link, mode.ms ?? 1_000);
    link.client.end();
  }
}

async function writeAnswer(link: Link, bytes: Buffer): Promise<void> {
  link.answered += bytes.length;
  await write(link, link.client, bytes);
}

async function write(link: Link, to: Socket, bytes: Buffer): Promise<void> {
  if (!to.write(bytes)) await once(to, 'drain', { signal: link.closed });
}

async function pause(link: Link, ms: number): Promise<void> {
  await delay(ms, undefined, { signal: link.closed });
}
