import { EventEmitter, once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { answerJson, type Route, type RunningServer, startServer } from '../../standin/server.ts';
import { startStandIn } from '../../standin/stand-in.ts';

let running: RunningServer | undefined;

afterEach(async () => {
  await running?.stop();
});

const echo: Route = {
  methods: ['POST'],
  pattern: /^\/things\/(?<id>[^/]+)$/,
  answer: ({ params, body }) => answerJson(200, { id: params['id'], length: body.length }),
};

async function start(): Promise<{ url: string; refused: string[] }> {
  const refused: string[] = [];
  const onRefused = (request: { path: string }, status: number, reason: string): void => {
    refused.push(`${request.path} ${status} ${reason}`);
  };
  running = await startServer({ routes: [echo], onRefused }, 0, '127.0.0.1');
  return { url: `http://127.0.0.1:${running.port}`, refused };
}

describe('the server', () => {
  it('decodes the parameters of the path', async () => {
    const { url, refused } = await start();
    const response = await fetch(`${url}/things/19%3Aa%2Fb%40x%3B1%3D2`, { method: 'POST', body: 'four' });
    expect(await response.json()).toEqual({ id: '19:a/b@x;1=2', length: 4 });
    expect(refused).toEqual([]);
  });

  it.each([
    ['an unknown address', '/nothing', 404, 'nothing is at this address'],
    ['another verb', '/things/1', 405, 'PUT is not a verb of this address'],
    ['a broken encoding', '/things/%zz', 400, 'the path is not well percent-encoded'],
  ])('refuses %s and tells the cause', async (_name, path, status, reason) => {
    const { url, refused } = await start();
    const response = await fetch(`${url}${path}`, { method: 'PUT' });
    expect(response.status).toBe(status);
    expect(refused).toEqual([`${path} ${status} ${reason}`]);
  });

  it('refuses more than 1 MB with an answer that the sender sees', async () => {
    const { url, refused } = await start();
    const response = await fetch(`${url}/things/1`, { method: 'POST', body: 'x'.repeat(3 * 1024 * 1024) });
    expect(response.status).toBe(413);
    expect(refused).toHaveLength(1);
  });
});

it('a stream is not begun for a client that has gone', async () => {
  let begun = false;
  const events = new EventEmitter();
  const asked = once(events, 'asked');
  const slow: Route = {
    methods: ['GET'],
    pattern: /^\/slow$/,
    async answer() {
      events.emit('asked');
      await once(events, 'go on');
      return { status: 0, stream: () => void (begun = true) };
    },
  };
  running = await startServer({ routes: [slow], onRefused: () => {} }, 0, '127.0.0.1');
  const answer = fetch(`http://127.0.0.1:${running.port}/slow`);
  await asked;
  await Promise.all([running.stop(), expect(answer).rejects.toThrow('fetch failed')]);
  events.emit('go on');
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  expect(begun).toBe(false);
});

describe('the stand-in', () => {
  it('records a callback to a wrong address, and a wrong address at the login service', async () => {
    const standIn = await startStandIn();
    const stray = `${standIn.url}/api/runtime/bots/other/skillsV2/v3/conversations/1/activities`;
    await fetch(stray, { method: 'POST', body: '{"type":"message"}' });
    const reason = 'nothing is at this address';
    expect(standIn.wire.at(-1)).toMatchObject({ direction: 'skill->agent', status: 404, reason });
    await fetch(`${standIn.loginUrl}/${standIn.tenantId}/oauth2/v3.0/token`, {
      method: 'POST',
      body: 'client_secret=s',
    });
    expect(standIn.wire.at(-1)).toMatchObject({ direction: 'skill->tenant', status: 404, reason });
    expect(JSON.stringify(standIn.wire)).not.toContain('client_secret');
    await standIn.stop();
  });
});
