// O8: a parent whose certificate cannot be trusted gets no token, and the outcome says that it is about TLS. The service
// is a process of its own here: whom it trusts besides the public authorities is read at its start (NODE_EXTRA_CA_CERTS).

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createParentTransport } from '../../src/bot/parent-transport.ts';
import { http } from '../helpers/http.ts';
import type { NotificationView } from '../../src/notifications/notification-view.ts';
import { findFreePort } from '../../standin/free-port.ts';
import { type StandIn, startStandIn } from '../../standin/stand-in.ts';
import { createCertificate } from '../helpers/certificate.ts';
import { eventually } from '../helpers/eventually.ts';
import { startProcess, untilReady } from '../helpers/service-process.ts';
import { apiKey, settingsFor } from '../helpers/skill.ts';
import { startTlsParent } from '../helpers/tls-parent.ts';
import { startSink } from './service-url-bench.ts';

const yesterday = Date.now() - 86_400_000;
const good = createCertificate({ names: ['localhost'] });
const otherName = createCertificate({ names: ['parent.example.com'] });
const prefixOfName = createCertificate({ names: ['localhost.example.com'] });
const expired = createCertificate({ names: ['localhost'], endsAt: yesterday });
const stranger = createCertificate({ names: ['localhost'] });
const trusted = [good, otherName, prefixOfName, expired].map(({ cert }) => cert).join('');

it('a token goes to a parent with a good certificate only', async () => {
  const parents = {
    good: await startTlsParent(good),
    otherName: await startTlsParent(otherName),
    prefixOfName: await startTlsParent(prefixOfName),
    expired: await startTlsParent(expired),
    selfSigned: await startTlsParent(stranger),
  };
  const service = await startTrusting(
    trusted,
    Object.values(parents).map(({ origin }) => origin),
  );
  const { good: trustedParent, ...others } = parents;

  // A reply in the turn.
  expect(await service.converse('good', trustedParent.origin)).toMatchObject({ status: 200 });
  expect(trustedParent.tokens).toHaveLength(1);
  for (const [name, { origin, tokens }] of Object.entries(others)) {
    expect([name, await service.converse(name, origin)]).toMatchObject([
      name,
      { status: 502, body: { code: 'reply_refused', detail: expect.stringContaining('TLS') } },
    ]);
    expect([name, ...tokens]).toEqual([name]);
  }

  // A push.
  const views = await service.notifyAll(Object.keys(parents));
  expect(views.get('good')).toMatchObject({ outcome: 'delivered', status: 200 });
  expect(trustedParent.tokens.length).toBeGreaterThanOrEqual(2);
  for (const [name, { tokens }] of Object.entries(others)) {
    expect([name, views.get(name)]).toMatchObject([
      name,
      { outcome: 'unreachable', errorClass: 'tls', detail: expect.stringContaining('certificate') },
    ]);
    expect([name, ...tokens]).toEqual([name]);
  }
});

describe('no TLS to speak of, where https is named', () => {
  it.each([
    ['plain http', 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'],
    ['rubbish', '220 smtp ready\r\n'],
    ['an alert of TLS', Buffer.from([0x15, 3, 3, 0, 2, 2, 40]).toString('latin1')],
  ])('%s', async (_, answer) => {
    const sink = await startSink(answer);
    onTestFinished(() => sink.stop());
    const transport = createParentTransport(http, 1_000);
    const url = `https://localhost:${sink.port}/`;
    const request = { method: 'POST', url, authorization: 'Bearer secret-token', body: {}, privateAllowed: true };
    await expect(transport(request)).rejects.toMatchObject({ errorClass: 'tls' });
  });
});

/** The service as a process that trusts these certificates, and may send to these origins. Ended after the test. */
async function startTrusting(certificates: string, origins: readonly string[]) {
  const standIn = await startStandIn();
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-tls-'));
  const trustFile = join(dataDir, 'trusted.pem');
  writeFileSync(trustFile, certificates);
  const app = { appId: randomUUID(), secret: randomUUID(), dataDir, port: await findFreePort() };
  const url = `http://127.0.0.1:${app.port}`;
  standIn.registerApp(app);
  standIn.addSkill({ appId: app.appId, endpointUrl: `${url}/api/messages` });
  const service = startProcess({
    ...settingsFor(standIn, app),
    NODE_EXTRA_CA_CERTS: trustFile,
    ALLOWED_SERVICE_URLS: origins.join(),
    PUSH_WHEN_CLOSED: 'true',
  });
  onTestFinished(async () => {
    service.kill('SIGKILL');
    await service.exited;
    await standIn.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await untilReady(service, url);
  return {
    converse: (id: string, origin: string) => converse(standIn, url, id, origin),
    notifyAll: (ids: readonly string[]) => notifyAll(url, ids),
  };
}

/** The agent calls an action in the conversation, and names this origin for the replies. */
async function converse(standIn: StandIn, url: string, id: string, origin: string) {
  const answer = await fetch(`${url}/api/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await standIn.signToken()}` },
    body: JSON.stringify({
      type: 'event',
      name: 'subscribe',
      value: { subject: id },
      channelId: 'msteams',
      serviceUrl: `${origin}/`,
      from: { id: `user-${id}` },
      recipient: { id: 'bot' },
      conversation: { id },
    }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as unknown) };
}

/** The first attempt of a notification to each subject. */
async function notifyAll(url: string, subjects: readonly string[]) {
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  const attempts = new Map<string, NotificationView['deliveries'][number]['attempts'][number]>();
  for (const subject of subjects) {
    const body = JSON.stringify({ subject, text: 'hello' });
    const accepted = await fetch(`${url}/api/notify`, { method: 'POST', headers, body });
    const { id } = (await accepted.json()) as { id: string };
    const attempt = await eventually(`the notification to ${subject} was tried`, async () => {
      const answer = await fetch(`${url}/api/notifications/${id}`, { headers });
      return ((await answer.json()) as NotificationView).deliveries[0]?.attempts[0];
    });
    attempts.set(subject, attempt);
  }
  return attempts;
}
