// The service as a process: starts, refuses to start, is killed and started again, stops.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type StandIn, startStandIn } from '../../standin/stand-in.ts';
import type { NotificationView } from '../../src/notifications/notification-view.ts';
import { eventually } from '../helpers/eventually.ts';
import { findFreePort } from '../../standin/free-port.ts';
import { type ServiceProcess, startProcess, untilReady } from '../helpers/service-process.ts';
import { apiKey, settingsFor } from '../helpers/skill.ts';

let standIn: StandIn;
let settings: Record<string, string>;
let url: string;
const running = new Set<ServiceProcess>();

beforeEach(async () => {
  standIn = await startStandIn();
  const port = await findFreePort();
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const skill = { appId: randomUUID(), secret: randomUUID(), dataDir, port };
  url = `http://127.0.0.1:${port}`;
  settings = settingsFor(standIn, skill);
  standIn.registerApp(skill);
  standIn.addSkill({ appId: skill.appId, endpointUrl: `${url}/api/messages` });
});
afterEach(async () => {
  for (const service of running) {
    service.kill('SIGKILL');
    await service.exited;
  }
  running.clear();
  await standIn.stop();
});

function start(extra: Record<string, string> = {}): ServiceProcess {
  const service = startProcess({ ...settings, ...extra });
  running.add(service);
  return service;
}

async function notify(body: unknown): Promise<string> {
  const answer = await fetch(`${url}/api/notify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(202);
  return ((await answer.json()) as { id: string }).id;
}

async function findNotification(id: string): Promise<NotificationView> {
  const answer = await fetch(`${url}/api/notifications/${id}`, { headers: { 'X-API-Key': apiKey } });
  return (await answer.json()) as NotificationView;
}

describe('killed after a 202 and started again', () => {
  it('delivers what the parent could not take before', async () => {
    const first = start();
    await untilReady(first, url);
    const conversation = standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 'order/42' });
    standIn.faults.answerNext({ status: 503 }, 1_000);
    const id = await notify({ subject: 'order/42', text: 'shipped' });
    await eventually(
      'the parent has refused once',
      async () => (await findNotification(id)).deliveries[0]?.attempts[0],
    );
    first.kill('SIGKILL');
    expect(await first.exited).toBe('SIGKILL');

    standIn.faults.clear();
    const second = start();
    await untilReady(second, url);
    await conversation.until((now) => now.action?.state === 'ended', { timeoutMs: 15_000 });
    expect(conversation.action?.outputs).toMatchObject({ status: 'notified', text: 'shipped', notificationId: id });
    const view = await eventually('it is settled', async () => {
      const now = await findNotification(id);
      return now.status === 'delivered' && now;
    });
    expect(view.deliveries[0]?.attempts.map((attempt) => attempt.status)).toEqual([503, 200, 200]);
  });

  it('delivers what was accepted a moment before, every time, to the same conversation', async () => {
    const rounds = 5;
    const conversation = standIn.openConversation();
    let service = start();
    await untilReady(service, url);
    await conversation.callAction('waitForNotification', { subject: 's' });
    const ids: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      ids.push(await notify({ to: { subject: 's' }, message: { text: `round ${round}` }, keepOpen: true }));
      service.kill('SIGKILL');
      await service.exited;
      service = start();
      await untilReady(service, url);
    }
    for (const id of ids) {
      // The one that was in flight at several kills is tried again only after some seconds.
      await eventually(`${id} is delivered`, async () => (await findNotification(id)).status === 'delivered', 30_000);
    }
    const arrived = conversation.transcript.map((line) => line.text).filter((text) => text.startsWith('round '));
    expect([...new Set(arrived)]).toEqual(['round 0', 'round 1', 'round 2', 'round 3', 'round 4']);
    console.log(`kill -9 after a 202: ${rounds} kills, lost 0, duplicates ${arrived.length - rounds}`);
  }, 60_000);
});

describe('a stop', () => {
  it('ends with exit code 0, and what is pending is delivered after the next start', async () => {
    const first = start();
    await untilReady(first, url);
    const conversation = standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    standIn.faults.answerNext({ status: 503 }, 1_000);
    const id = await notify({ subject: 's', text: 'later' });
    await eventually(
      'the parent has refused once',
      async () => (await findNotification(id)).deliveries[0]?.attempts[0],
    );
    first.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    standIn.faults.clear();
    await untilReady(start(), url);
    await conversation.until((now) => now.action?.state === 'ended', { timeoutMs: 15_000 });
  });
});

describe('settings', () => {
  it('that are missing end the start within 2 s with every name', async () => {
    const startedAt = Date.now();
    const service = startProcess({});
    expect(await service.exited).toBe(1);
    expect(Date.now() - startedAt).toBeLessThan(2_000);
    for (const name of ['MicrosoftAppId', 'MicrosoftAppPassword', 'MicrosoftAppTenantId', 'AllowedCallers']) {
      expect(service.output()).toContain(`  ${name}: `);
    }
  });

  it.each([
    ['every caller', { AllowedCallers: '*' }, 'AllowedCallers'],
    ['TLS checks switched off', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, 'NODE_TLS_REJECT_UNAUTHORIZED'],
    ['a short API key', { NOTIFY_API_KEYS: 'a:short' }, 'NOTIFY_API_KEYS'],
    ['an empty app id', { MicrosoftAppId: '' }, 'MicrosoftAppId'],
    ['plain http for tokens', { LOGIN_URL: 'http://login.example.com' }, 'LOGIN_URL'],
  ])('that are unsafe end the start: %s', async (_, unsafe, name) => {
    const service = start(unsafe);
    expect(await service.exited).toBe(1);
    expect(service.output()).toContain(`  ${name}: `);
    expect(service.output()).not.toContain('a:short');
  });

  it('warn when a service URL is plain http, and when no key is set notify answers 503', async () => {
    const service = start({ NOTIFY_API_KEYS: '' });
    await untilReady(service, url);
    expect(service.output()).toContain('plain http');
    const answer = await fetch(`${url}/api/notify`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer ' },
      body: '{"subject":"s","text":"t"}',
    });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      code: 'not_configured',
      detail: expect.stringContaining('NOTIFY_API_KEYS'),
    });
  });

  it('a second service on the same data folder refuses to start and names DATA_DIR', async () => {
    await untilReady(start(), url);
    const second = start({ PORT: '0' });
    expect(await second.exited).toBe(1);
    expect(second.output()).toContain('DATA_DIR');
  });
});
