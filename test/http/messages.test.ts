import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { createGate, startTestServer } from './http-harness.ts';

const activity = { type: 'message', text: 'hello' };

describe('POST /api/messages', () => {
  it('hands the verified caller and the activity to the turn and answers what the turn says', async () => {
    const verifyCaller = vi.fn(async () => 'the caller');
    const processTurn = vi.fn(async () => ({ status: 200, body: { activities: [] } }));
    const server = await startTestServer({ verifyCaller, processTurn });
    const answer = await server.post('/api/messages', activity, { authorization: 'Bearer token' });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ activities: [] });
    expect(verifyCaller).toHaveBeenCalledExactlyOnceWith('Bearer token');
    expect(processTurn).toHaveBeenCalledExactlyOnceWith('the caller', activity);
  });

  it('answers a turn without a body with an empty one', async () => {
    const server = await startTestServer();
    const answer = await server.post('/api/messages', activity);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('0');
    expect(answer.headers.has('content-type')).toBe(false);
  });

  it('refuses the content type before it looks at the token', async () => {
    const verifyCaller = vi.fn(async () => 'the caller');
    const server = await startTestServer({ verifyCaller });
    const answer = await server.post('/api/messages', activity, { 'content-type': 'text/plain' });
    expect(answer.status).toBe(415);
    expect(verifyCaller).not.toHaveBeenCalled();
  });

  it('refuses the token before it looks at the body', async () => {
    const server = await startTestServer({
      verifyCaller: () => Promise.reject(new AppError('invalid_token', 'The token is not valid.')),
    });
    for (const body of ['{', '[]', '{}', 'x'.repeat(300_000)]) {
      const answer = await server.post('/api/messages', body);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it('leaves the challenge of the token check as it is', async () => {
    const headers = { 'WWW-Authenticate': 'Bearer error="invalid_token"' };
    const server = await startTestServer({
      verifyCaller: () => Promise.reject(new AppError('invalid_token', 'Expired.', { headers })),
    });
    const answer = await server.post('/api/messages', activity);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  it('never begins a turn for a body that is not an activity', async () => {
    const processTurn = vi.fn(async () => ({ status: 200 }));
    const server = await startTestServer({ processTurn });
    const answer = await server.post('/api/messages', { text: 'no type' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'malformed_request', errors: [{ path: 'type' }] });
    expect(processTurn).not.toHaveBeenCalled();
  });

  it('passes a refusal of the turn on', async () => {
    const server = await startTestServer({
      processTurn: () => Promise.reject(new AppError('service_url_not_allowed', 'Not this host.')),
    });
    expect((await server.post('/api/messages', activity)).status).toBe(403);
  });
});

describe('a token check that takes its time', () => {
  it('loses nothing of a body that has arrived meanwhile', async () => {
    const verified = createGate();
    const processTurn = vi.fn(async () => ({ status: 200 }));
    const server = await startTestServer({ verifyCaller: () => verified.passed, processTurn });
    const long = { type: 'message', text: 'x'.repeat(200_000) };
    const asked = server.post('/api/messages', long);
    await server.get('/health/live');
    verified.open();
    expect((await asked).status).toBe(200);
    expect(processTurn).toHaveBeenCalledExactlyOnceWith(undefined, long);
  });

  it('begins no turn for a parent that has left meanwhile', async () => {
    const begun = createGate();
    const verified = createGate();
    const processTurn = vi.fn(async () => ({ status: 200 }));
    const verifyCaller = (): Promise<void> => {
      begun.open();
      return verified.passed;
    };
    const server = await startTestServer({ verifyCaller, processTurn });
    const socket = connect(server.port, '127.0.0.1');
    const head = ['POST /api/messages HTTP/1.1', 'Host: x', 'Content-Type: application/json', 'Content-Length: 99'];
    socket.write([...head, '', '{"type":'].join('\r\n'));
    await begun.passed;
    socket.destroy();
    await vi.waitFor(() => expect(server.log).toContainEqual(expect.objectContaining({ aborted: true })));
    verified.open();
    expect((await server.get('/health/live')).status).toBe(200);
    expect(processTurn).not.toHaveBeenCalled();
    expect(server.log.filter((line) => Number(line.level) > 30)).toEqual([]);
  });
});

describe('the work after an answer', () => {
  it('begins once the answer is out', async () => {
    const begun = createGate();
    const server = await startTestServer({
      processTurn: async () => ({ status: 200, answered: async () => begun.open() }),
    });
    expect((await server.post('/api/messages', activity)).status).toBe(200);
    await begun.passed;
  });

  it('is only logged when it fails', async () => {
    const server = await startTestServer({
      processTurn: async () => ({ status: 200, answered: () => Promise.reject(new Error('late')) }),
    });
    await server.post('/api/messages', activity);
    await vi.waitFor(() => {
      expect(server.log).toContainEqual(expect.objectContaining({ msg: 'work after a turn failed' }));
    });
    expect((await server.get('/health/live')).status).toBe(200);
  });

  it('does not begin when the parent left before the answer', async () => {
    const turnBegun = createGate();
    const finishTurn = createGate();
    const answered = vi.fn(async () => undefined);
    const server = await startTestServer({
      processTurn: async () => {
        turnBegun.open();
        await finishTurn.passed;
        return { status: 200, answered };
      },
    });
    const body = JSON.stringify(activity);
    const socket = connect(server.port, '127.0.0.1');
    const head = ['POST /api/messages HTTP/1.1', 'Host: x', 'Content-Type: application/json'];
    socket.write([...head, `Content-Length: ${body.length}`, '', body].join('\r\n'));
    await turnBegun.passed;
    socket.destroy();
    await vi.waitFor(() => expect(server.log).toContainEqual(expect.objectContaining({ aborted: true })));
    finishTurn.open();
    expect((await server.get('/health/live')).status).toBe(200);
    expect(answered).not.toHaveBeenCalled();
  });
});
