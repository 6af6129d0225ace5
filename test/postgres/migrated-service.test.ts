// A service with everything in it moves from SQLite to PostgreSQL: whoever waits, and whoever sends, sees no difference.

import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { type StandIn, startStandIn } from '../../standin/stand-in.ts';
import type { AgentConversation } from '../../standin/types.ts';
import { makePlace } from '../helpers/database.ts';
import { documentedWebhooks, mergedPullRequest } from '../helpers/documented-webhooks.ts';
import { eventually } from '../helpers/eventually.ts';
import { createTestDatabase } from '../helpers/postgres.ts';
import { runCommand, type ServiceProcess, startProcess, untilReady } from '../helpers/service-process.ts';
import { apiKey, settingsFor, type Skill, startSkill } from '../helpers/skill.ts';
import { createSources } from '../helpers/webhook-sources.ts';

/** What the conversation was told, without the greeting of a wait. */
const textsOf = (conversation: AgentConversation) =>
  conversation.transcript
    .filter(({ from, type, text }) => from === 'skill' && type === 'message' && !text.startsWith('I will tell you'))
    .map(({ text }) => text);

/** Copies the data as an operator does. */
async function move(dataDir: string, url: string): Promise<void> {
  const { code, out } = await runCommand(['migrate', 'sqlite-to-postgres'], { DATA_DIR: dataDir, DATABASE_URL: url });
  expect([code, out]).toEqual([0, expect.stringContaining('All is there.')]);
}

describe('a service that was stopped', () => {
  let skill: Skill;
  let target: { readonly url: string; readonly drop: () => Promise<void> };
  beforeEach(async () => {
    target = await createTestDatabase(inject('postgresUrl'));
    skill = await startSkill({ env: { DATABASE_URL: '', CONVERSATION_SEND_RATES: '1:1000' } });
  });
  afterEach(async () => {
    await skill.stop();
    await target.drop();
  });
  const { operate, make, sendGithub, send } = createSources(() => skill);
  const moveToPostgres = () =>
    skill.restart({ env: { DATABASE_URL: target.url }, meanwhile: () => move(skill.dataDir, target.url) });
  const notify = (body: object, key = apiKey, headers: Record<string, string> = {}) =>
    send('POST', '/api/notify', JSON.stringify(body), { 'x-api-key': key, ...headers });

  it('delivers what was pending, once and in order, and ends the waits', async () => {
    const conversations = Array.from({ length: 5 }, () => skill.standIn.openConversation());
    for (const [index, conversation] of conversations.entries()) {
      await conversation.callAction('waitForNotification', { subject: `order/${index}` });
    }
    skill.standIn.faults.set({ fault: { kind: 'answer', status: 503 } });
    for (let number = 0; number < 10; number += 1) {
      for (const [index] of conversations.entries()) {
        const body = { to: { subject: `order/${index}` }, message: { text: `${number}` }, keepOpen: number < 9 };
        expect((await notify(body)).status).toBe(202);
      }
    }
    await moveToPostgres();
    expect((await operate('GET', '/api/status')).body).toMatchObject({ deliveries: { pending: 50, sending: 0 } });
    // What is accepted now comes after it.
    await notify({ to: { subject: 'order/0' }, message: { text: 'after' }, keepOpen: true });
    skill.standIn.faults.clear();
    skill.clock.advance(3_600_000 / 6);
    await Promise.all(conversations.map((conversation) => conversation.until((now) => now.action?.state === 'ended')));
    const expected = Array.from({ length: 10 }, (_, number) => `${number}`);
    expect(conversations.map(textsOf)).toEqual(conversations.map(() => expected));
    await conversations[0]?.callAction('waitForNotification', { subject: 'order/0' });
    // In the turn, or pushed into its wait where the worker had not yet let go of the lane.
    const texts = (): string[] => textsOf(conversations[0] as AgentConversation);
    await eventually('what came after is given', () => texts().length > expected.length);
    expect(texts()).toEqual([...expected, 'after']);
  });

  it('gives what was held at the next turn, and knows who follows what', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('subscribe', { subject: 'news' });
    const held = await notify({ subject: 'news', text: 'before' });
    await skill.settled(String(held.body['id']), 'held');
    const early = await notify({ subject: 'order/42', text: 'too early' });
    expect(early.body).toMatchObject({ status: 'waiting' });
    await moveToPostgres();
    const later = await notify({ subject: 'news', text: 'after' });
    await skill.settled(String(later.body['id']), 'held');
    await conversation.callAction('getNotifications', {});
    expect(conversation.action?.outputs).toMatchObject({ count: 2, text: expect.stringMatching(/before.*after/s) });
    await conversation.callAction('waitForNotification', { subject: 'order/42' });
    expect(conversation.action?.outputs).toMatchObject({ status: 'notified', text: 'too early' });
  });

  it('shows the history as it was, and tries dead ones again', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    skill.standIn.faults.answerNext({ status: 400 });
    const dead = await notify({ subject: 's', text: 'refused', keepOpen: true });
    const delivered = await notify({ to: { subject: 's' }, message: { text: 'taken' }, keepOpen: true });
    const before = await skill.settled(String(dead.body['id']), 'dead');
    const taken = await skill.settled(String(delivered.body['id']), 'delivered');
    const cancelled = await notify({ to: { subject: 'nobody' }, message: { text: 't' } });
    await operate('POST', `/api/notifications/${String(cancelled.body['id'])}/cancel`, {});
    await moveToPostgres();
    expect(await skill.findNotification(before.id)).toEqual(before);
    expect(await skill.findNotification(taken.id)).toEqual(taken);
    expect(await skill.findNotification(String(cancelled.body['id']))).toMatchObject({ status: 'cancelled' });
    const retried = await operate('POST', '/api/deliveries/retry', { status: 'dead' });
    expect(retried.body).toEqual({ retried: 1 });
    await skill.settled(before.id, 'delivered');
    expect(textsOf(conversation)).toEqual(['taken', 'refused']);
  });

  it('takes the same keys, webhooks and repeats', async () => {
    const made = await operate('POST', '/api/keys', { name: 'erp', scopes: ['notify:send'], subjects: ['order/'] });
    const revoked = await operate('POST', '/api/keys', { name: 'old', scopes: ['notify:send'] });
    await operate('DELETE', `/api/keys/${String(revoked.body['id'])}`);
    const key = String(made.body['key']);
    const hook = await make(documentedWebhooks.github);
    const event = await sendGithub(hook, mergedPullRequest, { id: 'd-1' });
    const body = { subject: 'order/1', text: 't' };
    const first = await notify(body, key, { 'idempotency-key': 'k-1' });
    expect([first.status, event.status]).toEqual([202, 202]);

    await moveToPostgres();
    const again = await notify(body, key, { 'idempotency-key': 'k-1' });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect([again.status, again.body]).toEqual([202, first.body]);
    expect((await notify({ ...body, text: 'other' }, key, { 'idempotency-key': 'k-1' })).status).toBe(422);
    const repeated = await sendGithub(hook, mergedPullRequest, { id: 'd-1' });
    expect([repeated.status, repeated.body]).toEqual([202, event.body]);
    expect((await sendGithub(hook, mergedPullRequest, { id: 'd-2' })).status).toBe(202);
    expect((await sendGithub({ ...hook, secret: 'whatever else it may be' }, {}, { id: 'd-3' })).status).toBe(401);
    expect((await notify({ subject: 'repo/1', text: 't' }, key)).status).toBe(403);
    expect((await notify(body, String(revoked.body['key']))).status).toBe(401);
  });
});

describe('a service that was killed', () => {
  let standIn: StandIn;
  beforeEach(async () => {
    standIn = await startStandIn();
  });
  afterEach(() => standIn.stop());

  it('delivers after the move what was only in its log, and what it was sending', async () => {
    const { place, remove } = await makePlace();
    const port = await findFreePort();
    const url = `http://127.0.0.1:${port}`;
    const app = { appId: randomUUID(), secret: randomUUID(), dataDir: place.dataDir, port };
    const settings = settingsFor(standIn, app);
    standIn.registerApp(app);
    standIn.addSkill({ appId: app.appId, endpointUrl: `${url}/api/messages` });
    const running: ServiceProcess[] = [];
    const start = async (extra: Record<string, string> = {}): Promise<ServiceProcess> => {
      const service = startProcess({ ...settings, ...extra });
      running.push(service);
      await untilReady(service, url);
      return service;
    };
    onTestFinished(async () => {
      for (const service of running) service.kill('SIGKILL');
      await Promise.all(running.map(({ exited }) => exited));
      await remove();
    });
    const notify = (text: string) =>
      fetch(`${url}/api/notify`, {
        method: 'POST',
        headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
        body: JSON.stringify({ to: { subject: 's' }, message: { text }, keepOpen: true }),
      });

    const first = await start();
    const conversation = standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 's' });
    standIn.faults.set({ fault: { kind: 'hang' } });
    for (const text of ['one', 'two', 'three']) expect((await notify(text)).status).toBe(202);
    await eventually('the first is being sent', async () => {
      const answer = await fetch(`${url}/api/status`, { headers: { 'x-api-key': apiKey } });
      const { deliveries } = (await answer.json()) as { deliveries: Record<string, number> };
      return deliveries['sending'] === 1;
    });
    first.kill('SIGKILL');
    await first.exited;

    await move(place.dataDir, place.url ?? '');
    standIn.faults.clear();
    await start({ DATABASE_URL: place.url ?? '' });
    expect((await notify('four')).status).toBe(202);
    const texts = () => textsOf(conversation);
    // Well before the lease of the killed one would have ended.
    await conversation.until(() => texts().includes('four'), { timeoutMs: 20_000 });
    expect(texts()).toEqual(['one', 'two', 'three', 'four']);
  });
});
