// The bench must not rot: each of its servers does what it is measured at, with tokens checked.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { notifyBodies, turnBodies } from './activities.ts';
import { seedConversations } from './seed.ts';
import { type Parent, type Server, senderHeaders, startBaseline, startParent, startService } from './servers.ts';

async function startOurs(parent: Parent): Promise<Server> {
  const app = await parent.register();
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-bench-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  await seedConversations({ dataDir, parent: parent.address, skillAppId: app.appId }, 1);
  return startService(parent, { app, dataDir });
}

const servers = {
  '(a) BotBuilder': (parent: Parent) => startBaseline('botbuilder', parent),
  '(b) Microsoft 365 Agents SDK': (parent: Parent) => startBaseline('agents-sdk', parent),
  'Copilot Notify': startOurs,
};

it.each(Object.entries(servers))(
  '%s answers a turn with one reply and pushes a notification, with tokens that the parent accepts',
  async (name, start) => {
    const parent = await startParent();
    onTestFinished(() => parent.child.kill());
    const server = await start(parent);
    onTestFinished(() => server.child.kill());
    const post = async (path: string, headers: Record<string, string>, body = ''): Promise<number> =>
      (await fetch(server.url + path, { method: 'POST', headers, body })).status;

    // The conversation that (a) and (b) know from the turn is stored for the service: its action is still open there.
    const isOurs = name === 'Copilot Notify';
    const [turn] = turnBodies(parent.address, server.app.appId, [isOurs ? 1 : 0]);
    const headers = await parent.authorize(server.app);
    expect(await post('/api/messages', { 'content-type': 'application/json' }, turn)).toBe(401);
    expect(await post('/api/messages', headers, turn)).toBe(200);
    expect(await parent.count()).toMatchObject({ count: 1, refused: 0 });

    const [notification] = notifyBodies([0]);
    expect(await post('/api/notify', senderHeaders, notification)).toBe(isOurs ? 202 : 200);
    await eventually('the notification arrives', async () => (await parent.count()).count === 2);
    expect(await parent.count()).toMatchObject({ count: 2, refused: 0 });
  },
);
