// A parent that misbehaves in every way a server can.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createParentTransport, ParentRefusal, ParentUnreachable } from '../../src/bot/parent-transport.ts';
import type { HttpClient } from '../../src/outbound/http-client.ts';
import { clients } from '../outbound/clients.ts';

type Answer = (res: ServerResponse, req: IncomingMessage) => void;

async function startParent(answer: Answer): Promise<{ url: string; hits: string[] }> {
  const hits: string[] = [];
  const server = createServer((req, res) => {
    hits.push(`${req.method} ${req.url}`);
    req.resume();
    req.on('end', () => answer(res, req));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3/conversations/c/activities`, hits };
}

describe.each(clients)('over requests %s', (_where, start) => {
  let client: HttpClient;
  beforeAll(() => {
    client = start();
  });
  afterAll(() => client.close());

  function send(url: string, change: { privateAllowed?: boolean } = {}) {
    const request = { method: 'POST', url, authorization: 'Bearer secret-token', body: { type: 'message' } };
    return createParentTransport(client, 500)({ ...request, privateAllowed: true, ...change });
  }

  describe('answers that mean delivered', () => {
    it.each<[string, Answer]>([
      ['200 with an id', (res) => res.end('{"id":"1"}')],
      ['200 without body, as Teams answers', (res) => res.end()],
      ['201', (res) => res.writeHead(201).end('{}')],
      ['202 without body', (res) => res.writeHead(202).end()],
      ['204, on which the SDK throws', (res) => res.writeHead(204).end()],
      ['200 with HTML, on which the SDK throws', (res) => res.setHeader('content-type', 'text/html').end('<p>ok</p>')],
      ['200 with more than 64 KB', (res) => res.end('x'.repeat(200_000))],
    ])('%s', async (_, answer) => {
      const parent = await startParent(answer);
      const { status } = await send(parent.url);
      expect(status).toBeGreaterThanOrEqual(200);
      expect(status).toBeLessThan(300);
      expect(parent.hits).toHaveLength(1);
    });
  });

  describe('answers that are refusals: one request each, whatever the status', () => {
    it.each([400, 401, 403, 404, 405, 408, 409, 410, 412, 413, 429, 500, 501, 502, 503, 504, 599])(
      '%i',
      async (status) => {
        const parent = await startParent((res) =>
          res.writeHead(status, { 'retry-after': '7' }).end('no\n\tthank  you'),
        );
        const error = await send(parent.url).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(ParentRefusal);
        expect(error).toMatchObject({ status, retryAfter: '7', detail: 'no thank you' });
        expect(parent.hits).toHaveLength(1);
      },
    );

    it.each([301, 302, 303, 307, 308])('%i: a redirect is never followed', async (status) => {
      const target = await startParent((res) => res.end());
      const parent = await startParent((res) => res.writeHead(status, { location: target.url }).end());
      await expect(send(parent.url)).rejects.toMatchObject({ status });
      expect(target.hits).toEqual([]);
    });

    it('keeps only the start of what the parent says', async () => {
      const parent = await startParent((res) => res.writeHead(500).end('y'.repeat(100_000)));
      const error = await send(parent.url).catch((thrown: unknown) => thrown);
      expect((error as ParentRefusal).detail).toHaveLength(300);
    });
  });

  describe('answers that never come, or not whole', () => {
    it.each<[string, Answer, string]>([
      ['it hangs', () => undefined, 'timeout'],
      ['it drips', (res) => drip(res), 'timeout'],
      ['it resets', (res) => void res.socket?.resetAndDestroy(), 'reset'],
      ['it closes', (res) => void res.socket?.destroy(), 'reset'],
      [
        'it cuts the body',
        (res) => res.writeHead(200, { 'content-length': '100' }).write('x', () => res.socket?.destroy()),
        'reset',
      ],
      ['it speaks no HTTP', (res) => void res.socket?.end('220 smtp ready\r\n'), 'reset'],
    ])('%s', async (_, answer, errorClass) => {
      const parent = await startParent(answer);
      const startedAt = Date.now();
      const error = await send(parent.url).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ParentUnreachable);
      expect(error).toMatchObject({ errorClass });
      expect(Date.now() - startedAt).toBeLessThan(2_000);
      expect(parent.hits).toHaveLength(1);
    });

    it('nobody listens', async () => {
      await expect(send('http://127.0.0.1:1/')).rejects.toMatchObject({ errorClass: 'connect' });
    });

    it('the name is unknown', async () => {
      await expect(send('http://no-such-host.invalid/')).rejects.toMatchObject({ errorClass: 'dns' });
    });
  });

  describe('private addresses', () => {
    it('are refused on the address that is dialled, unless the origin was named exactly', async () => {
      const parent = await startParent((res) => res.end());
      const byName = parent.url.replace('127.0.0.1', 'localhost');
      await expect(send(byName, { privateAllowed: false })).rejects.toMatchObject({ errorClass: 'private_address' });
      expect(parent.hits).toEqual([]);
      expect((await send(parent.url, { privateAllowed: true })).status).toBe(200);
    });
  });

  it('no error holds the token', async () => {
    const parent = await startParent((res) => res.writeHead(401).end());
    const error = await send(parent.url).catch((thrown: unknown) => thrown);
    const { inspect } = await import('node:util');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('secret-token');
  });
});

function drip(res: ServerResponse): void {
  res.writeHead(200);
  const timer = setInterval(() => res.write('x'), 50);
  res.on('close', () => clearInterval(timer));
}
