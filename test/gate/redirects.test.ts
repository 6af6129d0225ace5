// O4: a redirect is an answer like any other. What it points to is never fetched: not with the parent's token, not with
// our secret, not at all.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createTokenSource } from '../../src/bot/credentials.ts';
import { createSigningKeys } from '../../src/bot/signing-keys.ts';
import { callbacksOf } from '../helpers/activities.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { type Sink, startSink } from './service-url-bench.ts';
import { http } from '../helpers/http.ts';

const statuses = [300, 301, 302, 303, 305, 307, 308] as const;
const places: readonly [name: string, make: () => string][] = [
  ['the sink', () => `http://127.0.0.1:${sink.port}/`],
  ['the sink without a scheme', () => `//127.0.0.1:${sink.port}/`],
  ['another path of the parent', () => '/elsewhere'],
];

let skill: Skill;
let sink: Sink;
beforeAll(async () => {
  sink = await startSink('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  skill = await startSkill({ env: { HOST_SEND_RATE: '0' } });
});
afterAll(async () => {
  await Promise.all([skill.stop(), sink.stop()]);
  console.log(`O4: ${2 * statuses.length * places.length + 2 * statuses.length} redirects`);
});

const dry = { connections: 0, bytes: 0 };

describe.each(statuses)('%i from the parent', (status) => {
  it.each(places)('to %s: a push fails, is recorded, and goes to the service URL again', async (_, make) => {
    const conversation = skill.standIn.openConversation();
    const subject = randomUUID();
    await conversation.callAction('waitForNotification', { subject });
    const before = callbacksOf(skill).length;
    skill.standIn.faults.answerNext({ status, headers: { location: make(), 'retry-after': '3600' } });
    const sent = await skill.notify({ subject, text: 'hello' });
    const id = String(sent.body['id']);
    const attempt = await eventually('it was tried', async () => {
      return (await skill.findNotification(id)).deliveries[0]?.attempts[0];
    });
    expect(attempt).toMatchObject({ outcome: 'refused', status, detail: expect.stringContaining('redirect') });
    expect(callbacksOf(skill)).toHaveLength(before + 1);

    skill.clock.advance(5_000);
    await skill.settled(id, 'delivered');
    expect(
      new Set(
        callbacksOf(skill)
          .slice(before)
          .map(({ path }) => path),
      ).size,
    ).toBe(1);
    expect(sink.seen).toEqual(dry);
  });

  it.each(places)('to %s: a reply in the turn fails, and the turn says so', async (_, make) => {
    const conversation = skill.standIn.openConversation();
    const before = callbacksOf(skill).length;
    skill.standIn.faults.answerNext({ status, headers: { location: make() } }, 2);
    const called = await conversation.callAction('getNotifications', {});
    skill.standIn.faults.clear();
    expect(called).toMatchObject({
      status: 502,
      body: { code: 'reply_refused', detail: expect.stringContaining('redirect') },
    });
    expect(
      callbacksOf(skill)
        .slice(before)
        .every(({ status: answered }) => answered === status),
    ).toBe(true);
    expect(sink.seen).toEqual(dry);
  });
});

describe.each(statuses)('%i from the identity provider', (status) => {
  it('does not take our secret along', async () => {
    const login = await startRedirecting(status);
    const tokens = createTokenSource({
      http,
      identity: {
        appId: randomUUID(),
        appType: 'SingleTenant',
        tenantId: randomUUID(),
        credential: { kind: 'secret', secret: randomUUID() },
      },
      cloud: 'public',
      loginUrl: login.url,
      now: Date.now,
    });
    await expect(tokens(randomUUID())).rejects.toThrow(/network_error/);
    expect(login.asked.filter((line) => line.startsWith('POST /token'))).toHaveLength(1);
    expect(sink.seen).toEqual(dry);
  });

  it('does not lead to the keys of somebody else', async () => {
    const issuer = await startRedirecting(status);
    const keys = createSigningKeys({ http, openIdMetadataUrl: `${issuer.url}/metadata`, now: Date.now });
    await expect(keys.find('k')).rejects.toMatchObject({ code: 'unavailable' });
    expect(issuer.asked).toEqual(['GET /metadata']);
    expect(sink.seen).toEqual(dry);
  });
});

it('a Location beside a success is not fetched either', async () => {
  const conversation = skill.standIn.openConversation();
  skill.standIn.faults.answerNext({ status: 201, headers: { location: `http://127.0.0.1:${sink.port}/` } }, 2);
  await conversation.callAction('waitForNotification', { subject: 'created' });
  skill.standIn.faults.clear();
  expect(conversation.action?.state).toBe('open');
  expect(sink.seen).toEqual(dry);
});

/** Redirects whatever is asked to the sink, but the documents that MSAL reads before it asks for a token. */
async function startRedirecting(status: number): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const redirect = (res: ServerResponse): void => {
    // One by one: restify, which is in this process, has a writeHead of its own that returns nothing.
    res.statusCode = status;
    res.setHeader('location', `http://127.0.0.1:${sink.port}/`);
    res.end();
  };
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    const origin = `http://${req.headers.host}`;
    const tenant = req.url?.split('/')[1] ?? '';
    if (!req.url?.endsWith('/openid-configuration')) return redirect(res);
    res.setHeader('content-type', 'application/json');
    res.end(
      JSON.stringify({
        issuer: `${origin}/${tenant}/v2.0`,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        jwks_uri: `${origin}/keys`,
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
