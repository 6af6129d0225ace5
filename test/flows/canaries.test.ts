// T21: secrets and personal data are planted wherever somebody can put them, and looked for wherever they could come out:
// in what the process prints at its most talkative level, in every HTTP answer, and in the files of the data folder.

import { createHmac, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { type StandIn, startStandIn } from '../../standin/stand-in.ts';
import { type Canary, canaries, valueOf } from '../helpers/canaries.ts';
import { eventually } from '../helpers/eventually.ts';
import { countInFiles } from '../helpers/people.ts';
import { type ServiceProcess, startProcess, untilReady } from '../helpers/service-process.ts';
import { settingsFor } from '../helpers/skill.ts';

let standIn: StandIn;
let service: ServiceProcess;
let url: string;
let dataDir: string;
/** Keys that the service has made itself, and tokens that were on the wire. */
const made: string[] = [];
const answers: string[] = [];

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'x-api-key': valueOf('a key of the settings'), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const head = JSON.stringify([...answer.headers]);
  return { status: answer.status, text, head, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

/** As `call`, and the answer is looked through. */
async function ask(...args: Parameters<typeof call>) {
  const answer = await call(...args);
  answers.push(answer.head, answer.text);
  return answer;
}

beforeAll(async () => {
  standIn = await startStandIn();
  const port = await findFreePort();
  dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-'));
  const skill = { appId: randomUUID(), secret: valueOf('the password of the app'), dataDir, port };
  url = `http://127.0.0.1:${port}`;
  standIn.registerApp(skill);
  standIn.addSkill({ appId: skill.appId, endpointUrl: `${url}/api/messages` });
  service = startProcess({
    ...settingsFor(standIn, skill),
    NOTIFY_API_KEYS: `operator:${valueOf('a key of the settings')}`,
    LOG_LEVEL: 'trace',
  });
  await untilReady(service, url);
  await plantInTurns();
  await plantAtSenders();
  await plantAtStrangers();
  service.kill('SIGTERM');
  await service.exited;
});
afterAll(async () => {
  service.kill('SIGKILL');
  await standIn.stop();
  rmSync(dataDir, { recursive: true, force: true });
  console.log(
    `T21: ${Object.keys(canaries).length} canaries, ${answers.length / 2} answers, ${service.output().length} bytes of log`,
  );
});

async function plantInTurns(): Promise<void> {
  const user = {
    id: valueOf('the channel id of a user'),
    aadObjectId: valueOf('the Entra object id of a user'),
    name: valueOf('the name of a user'),
  };
  const conversation = standIn.openConversation({ user });
  await conversation.callAction('waitForNotification', { subject: 's', note: valueOf('the value of an action') });
  await conversation.say(valueOf('the text of a user'));
  const token = await standIn.signToken({ note: valueOf('an unknown claim of a token') });
  made.push(token);
  const activity = {
    type: 'message',
    id: 'a1',
    channelId: 'msteams',
    serviceUrl: standIn.agent.serviceUrl,
    from: { ...user, properties: { note: valueOf('a property of a user') } },
    recipient: { id: 'bot' },
    conversation: { id: 'c1', name: valueOf('the name of a conversation') },
    text: valueOf('the text of a user'),
    channelData: { note: valueOf('the channel data of an activity') },
    attachments: [{ contentType: 'text/plain', content: valueOf('an attachment of a user') }],
  };
  const headers = { authorization: `Bearer ${token}`, 'user-agent': valueOf('a user agent') };
  await ask('POST', '/api/messages', activity, headers);
  await ask('POST', '/api/messages', { ...activity, conversation: { id: 7 } }, headers);
  const [head, body] = token.split('.');
  await ask('POST', '/api/messages', activity, { authorization: `Bearer ${head}.${body}.AAAA` });
  // The agent's own token is on its way out as well.
  for (const { token: seen } of standIn.wire) if (typeof seen === 'string') made.push(seen);
}

async function plantAtSenders(): Promise<void> {
  standIn.faults.answerNext({
    status: 400,
    body: JSON.stringify({ error: { code: 'x', message: valueOf('an answer of the parent') } }),
    headers: { 'x-note': valueOf('a header of the parent') },
  });
  const refused = await ask('POST', '/api/notify', { subject: 's', text: valueOf('the text of a notification') });
  await eventually('the parent has refused', async () => {
    const { body } = await call('GET', `/api/notifications/${String(refused.body['id'])}`);
    return body['status'] === 'dead';
  });
  const card = { type: 'AdaptiveCard', body: [{ type: 'TextBlock', text: valueOf('the text of a card') }] };
  await ask(
    'POST',
    '/api/notify',
    {
      to: { subject: 's' },
      card,
      result: { value: valueOf('a result') },
      metadata: { note: valueOf('a value of metadata') },
    },
    { 'idempotency-key': valueOf('an idempotency key') },
  );
  await ask('POST', '/api/notify', { subject: 's', text: 't', sendAt: valueOf('a value that is refused') });
  await ask('POST', '/api/notify', { subject: 's', text: { a: valueOf('a value that is refused') } });
  await ask('POST', '/api/notify', `{"text": "${valueOf('the body of bad JSON')}`);
  // What is shown once, in the answer that makes it, is not looked for there.
  const key = await call('POST', '/api/keys', { name: 'made', scopes: ['notify:send'] });
  made.push(String(key.body['key']));
  const secret = valueOf('the secret of a webhook');
  const template = { subject: 's', text: '{{note}}' };
  const webhook = await call('POST', '/api/webhooks', { name: 'hook', scheme: 'github', secret, template });
  const events = `/api/webhooks/${String(webhook.body['id'])}/events`;
  const event = JSON.stringify({ note: valueOf('the text of an event') });
  const signature = (by: string): string => `sha256=${createHmac('sha256', by).update(event).digest('hex')}`;
  const delivery = { 'x-github-delivery': 'd1', 'x-note': valueOf('a header of an event') };
  made.push(signature(secret));
  await ask('POST', events, event, { ...delivery, 'x-hub-signature-256': signature(secret) });
  await ask('POST', events, event, { ...delivery, 'x-hub-signature-256': `sha256=${valueOf('a wrong signature')}` });
  for (const path of ['notifications', 'deliveries', 'conversations', 'keys', 'webhooks', 'status']) {
    await ask('GET', `/api/${path}`);
  }
}

async function plantAtStrangers(): Promise<void> {
  const body = { subject: 's', text: 't' };
  const none = { 'x-api-key': '' };
  await ask('POST', '/api/notify', body, { 'x-api-key': valueOf('a key that is not known') });
  await ask('POST', `/api/notify?code=${valueOf('a key in the URL')}`, body);
  await ask('GET', `/api/${valueOf('a key in the URL')}`);
  await ask('POST', '/api/notify', body, { ...none, cookie: `session=${valueOf('a key in a cookie')}` });
  await ask('POST', '/api/notify', body, { ...none, authorization: `Basic ${valueOf('a basic credential')}` });
  await ask('POST', '/api/messages', body, { ...none, authorization: `Bearer ${valueOf('a malformed bearer')}` });
  await ask('POST', '/api/notify', body, { ...none, 'x-forwarded-for': valueOf('a forwarded address') });
}

const all = Object.entries(canaries as Record<string, Canary>).map(([name, rest]) => ({ name, ...rest }));

describe('what the process prints, at level trace', () => {
  it('is all of it: the process has ended by itself', async () => {
    expect(await service.exited).toBe(0);
  });

  it('is worth the search: each request and attempt has its line, and every line is JSON', () => {
    const lines = service.output().trim().split('\n');
    expect(lines.length).toBeGreaterThan(40);
    for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
    expect(service.output()).toContain('"outcome":"refused","status":400');
    expect(service.output()).toContain('webhook hook: the signature is wrong');
  });

  it.each(all)('has not $name', ({ value }) => {
    expect(service.output().includes(value)).toBe(false);
  });

  it('has no token, and none of the keys and signatures that were made', () => {
    expect(service.output()).not.toMatch(/eyJ[\w-]{8,}\./);
    for (const value of made) expect(service.output().includes(value)).toBe(false);
  });
});

describe('the answers over HTTP', () => {
  it.each(all.filter(({ shown }) => shown !== true))('have not $name', ({ value }) => {
    expect(answers.filter((text) => text.includes(value))).toEqual([]);
  });

  it('have no token, and none of the keys and signatures that were made', () => {
    for (const value of made) expect(answers.some((text) => text.includes(value))).toBe(false);
    expect(answers.join('\n')).not.toMatch(/eyJ[\w-]{8,}\./);
  });
});

describe('the files of the data folder', () => {
  it.each(all.filter(({ stored }) => stored !== true))('have not $name', ({ value }) => {
    expect(countInFiles(dataDir, value)).toBe(0);
  });

  it.each(all.filter(({ stored, name }) => stored === true && name !== 'an answer of the parent'))(
    'have $name, as docs/data.md says: the search does find what is there',
    ({ value }) => {
      expect(countInFiles(dataDir, value)).toBeGreaterThan(0);
    },
  );

  it('have no token and no key', () => {
    for (const value of made) expect(countInFiles(dataDir, value)).toBe(0);
    expect(countInFiles(dataDir, 'eyJ')).toBe(0);
  });
});
