import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createGate, startTestServer, type TestServer } from './http-harness.ts';

const activity = { type: 'message' };

/** A server whose turn waits until the test lets it end. */
async function startSlowServer(): Promise<{ server: TestServer; turnBegun: Promise<void>; endTurn: () => void }> {
  const begun = createGate();
  const end = createGate();
  const server = await startTestServer({
    processTurn: async () => {
      begun.open();
      await end.passed;
      return { status: 200, body: { done: true } };
    },
  });
  return { server, turnBegun: begun.passed, endTurn: end.open };
}

describe('drain', () => {
  it('still serves, on new connections too, and keeps none for a further request', async () => {
    const server = await startTestServer();
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    server.drain();
    const closed = once(socket, 'close');
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.write('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect(closed).resolves.toEqual([false]);
    expect(received).toMatch(/^HTTP\/1\.1 200 /);
    expect(received).toMatch(/\r\nconnection: close\r\n/i);
    const fresh = await server.get('/health/live');
    expect([fresh.status, fresh.headers.get('connection')]).toEqual([200, 'close']);
  });
});

describe('stop', () => {
  it('lets a running request finish and asks its client not to come back', async () => {
    const { server, turnBegun, endTurn } = await startSlowServer();
    const asked = server.post('/api/messages', activity);
    await turnBegun;
    const stopped = server.stop(60_000);
    endTurn();
    const answer = await asked;
    expect(await answer.json()).toEqual({ done: true });
    expect(answer.headers.get('connection')).toBe('close');
    await stopped;
  });

  it('refuses new connections at once', async () => {
    const { server, turnBegun, endTurn } = await startSlowServer();
    const asked = server.post('/api/messages', activity);
    await turnBegun;
    const stopped = server.stop(60_000);
    await expect(once(connect(server.port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
    endTurn();
    await asked;
    await stopped;
  });

  it('is over at once when nothing runs, though a client keeps its connection', async () => {
    const server = await startTestServer();
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await server.stop(60_000);
    await expect(closed).resolves.toEqual([false]);
  });

  it('turns readiness to 503 for who is still connected', async () => {
    const { server, turnBegun, endTurn } = await startSlowServer();
    const socket = connect(server.port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString()));
    const body = JSON.stringify(activity);
    const headers = ['Host: x', 'Content-Type: application/json', `Content-Length: ${body.length}`];
    socket.write(['POST /api/messages HTTP/1.1', ...headers, '', body].join('\r\n'));
    const closed = once(socket, 'close');
    await turnBegun;
    // A probe that has begun before the stop and completes its request after it.
    const probe = connect(server.port, '127.0.0.1');
    let probed = '';
    probe.on('data', (chunk) => (probed += chunk.toString()));
    probe.write('GET /health/ready HTTP/1.1\r\nHost: x\r\n');
    await server.get('/health/live');
    const stopped = server.stop(60_000);
    probe.write('\r\n');
    await once(probe, 'close');
    expect(probed).toMatch(/^HTTP\/1\.1 503 /);
    expect(probed).toContain('The service is stopping.');
    endTurn();
    await Promise.all([stopped, closed]);
    expect(received).toContain('{"done":true}');
  });

  it('breaks off what takes longer than the grace', async () => {
    const { server, turnBegun, endTurn } = await startSlowServer();
    const asked = server.post('/api/messages', activity);
    await turnBegun;
    const [outcome] = await Promise.allSettled([asked, server.stop(1)]);
    expect(outcome.status).toBe('rejected');
    endTurn();
  });

  it('waits for the work after an answer', async () => {
    const work = createGate();
    const begun = createGate();
    const order: string[] = [];
    const server = await startTestServer({
      processTurn: async () => ({
        status: 200,
        answered: async () => {
          begun.open();
          await work.passed;
          order.push('work');
        },
      }),
    });
    await server.post('/api/messages', activity);
    await begun.passed;
    const stopped = server.stop(60_000).then(() => order.push('stopped'));
    work.open();
    await stopped;
    expect(order).toEqual(['work', 'stopped']);
  });

  it('may be asked for twice', async () => {
    const server = await startTestServer();
    await Promise.all([server.stop(60_000), server.stop(60_000)]);
    await expect(server.stop(60_000)).resolves.toBeUndefined();
  });
});
