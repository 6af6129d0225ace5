// A sender that repeats itself: what it sends, alone or all at one moment, and what is in the database afterwards.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { apiKey, type Skill } from './skill.ts';

export const otherKey = 'another-secret-of-enough-characters';

export type Answer = {
  readonly status: number;
  readonly replayed: string | null;
  readonly id: unknown;
  readonly code: unknown;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
};

type Sending = {
  readonly key?: string | undefined;
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Posts `body`, a text as it is and anything else as JSON. */
export async function send(
  skill: Skill,
  body: unknown,
  { key, secret = apiKey, headers }: Sending = {},
): Promise<Answer> {
  const answer = await fetch(`${skill.url}/api/notify`, {
    method: 'POST',
    headers: {
      // A kept connection may be one that the service before a restart has just closed.
      connection: 'close',
      'x-api-key': secret,
      'content-type': 'application/json',
      ...(key !== undefined && { 'idempotency-key': key }),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return toAnswer(answer.status, answer.headers, (await answer.json()) as Record<string, unknown>);
}

type Request = Omit<Sending, 'headers'> & { readonly body: unknown };

/** The kernel resets connections beyond the 511 that Node lets wait to be accepted, where the machine is busy. */
const connectedTogether = 100;

/**
 * Posts all of these so that they arrive together: each is written but for its last byte, and when the service has all
 * that, the last bytes go out at once. Requests that are merely sent one after another never meet: a commit is quicker
 * than the next socket.
 */
export async function sendTogether(skill: Skill, requests: readonly Request[]): Promise<Answer[]> {
  const port = Number(new URL(skill.url).port);
  const started: Awaited<ReturnType<typeof begin>>[] = [];
  for (let next = 0; next < requests.length; next += connectedTogether) {
    const portion = requests.slice(next, next + connectedTogether);
    started.push(...(await Promise.all(portion.map((request) => begin(port, request)))));
  }
  // Answered after what was written before it.
  await fetch(`${skill.url}/health/live`);
  for (const { socket, last } of started) socket.write(last);
  return Promise.all(started.map(({ socket }) => readAnswer(socket)));
}

async function begin(port: number, request: Request) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const bytes = bytesOf(request);
  socket.write(bytes.subarray(0, -1));
  return { socket, last: bytes.subarray(-1) };
}

function bytesOf({ body, key, secret = apiKey }: Request): Buffer {
  const content = Buffer.from(JSON.stringify(body));
  const lines = ['POST /api/notify HTTP/1.1', 'Host: localhost', 'Connection: close', `X-API-Key: ${secret}`];
  if (key !== undefined) lines.push(`Idempotency-Key: ${key}`);
  lines.push('Content-Type: application/json', `Content-Length: ${content.length}`, '', '');
  return Buffer.concat([Buffer.from(lines.join('\r\n')), content]);
}

async function readAnswer(socket: Socket): Promise<Answer> {
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Headers(lines.map((line) => line.split(': ') as [string, string]));
  return toAnswer(Number(statusLine.split(' ')[1]), headers, JSON.parse(body) as Record<string, unknown>);
}

function toAnswer(status: number, headers: Headers, body: Record<string, unknown>): Answer {
  return { status, replayed: headers.get('idempotent-replayed'), id: body['id'], code: body['code'], headers, body };
}

export type Rows = {
  readonly notifications: readonly { readonly id: string; readonly sender: string; readonly subject: string | null }[];
  readonly keys: readonly { readonly credential: string; readonly key: string; readonly expiresAt: number }[];
  readonly deliveries: readonly { readonly notificationId: string }[];
};

/** What the database holds. The service is stopped for it, as it has its file for itself, and started again. */
export async function readRows(skill: Skill): Promise<Rows> {
  const found: Rows[] = [];
  await skill.restart({
    meanwhile: async (db) => {
      const notifications = await db.selectFrom('notifications').select(['id', 'sender', 'subject']).execute();
      const keys = await db
        .selectFrom('idempotency_keys')
        .select(['credential', 'key', 'expires_at as expiresAt'])
        .execute();
      const deliveries = await db.selectFrom('deliveries').select('notification_id as notificationId').execute();
      found.push({ notifications, keys, deliveries });
    },
  });
  const [rows] = found;
  if (!rows) throw new Error('the database was not read');
  return rows;
}

/** So many rows of each subject. */
export function countSubjects({ notifications }: Rows): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { subject } of notifications) counts[subject ?? ''] = (counts[subject ?? ''] ?? 0) + 1;
  return counts;
}
