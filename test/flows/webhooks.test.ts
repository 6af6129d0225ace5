// The webhooks of docs/webhooks.md, made as the page says: what the source sends reaches the waiting topic.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answeredTicket, createdBlob, documentedWebhooks, mergedPullRequest } from '../helpers/documented-webhooks.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { type Answer, createSources, type Made } from '../helpers/webhook-sources.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

const { send, operate, make, sendGithub, sendStandard } = createSources(() => skill);

const textOf = async (subject: string, act: () => Promise<Answer>): Promise<unknown> => {
  const conversation = skill.standIn.openConversation();
  await conversation.callAction('waitForNotification', { subject });
  const answer = await act();
  expect(answer).toMatchObject({ status: 202, body: { status: 'pending', recipients: 1 } });
  await conversation.until((now) => now.action?.state === 'ended');
  return conversation.action?.outputs?.['text'];
};

describe('a webhook of GitHub', () => {
  let made: Made;
  beforeAll(async () => {
    made = await make({ ...documentedWebhooks.github, subjects: ['repo/'] });
  });

  it('brings a merged pull request to the topic that waits for its repository', async () => {
    const text = await textOf('repo/octo/hello', () => sendGithub(made, mergedPullRequest));
    expect(text).toBe('octocat merged **Update the README** (https://github.com/octo/hello/pull/2)');
  });

  it('is one notification, however often the same delivery comes', async () => {
    const first = await sendGithub(made, mergedPullRequest, { id: 'd-again' });
    const second = await sendGithub(made, mergedPullRequest, { id: 'd-again' });
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
  });

  it('names the webhook as the sender, for operators alone', async () => {
    const { body } = await sendGithub(made, mergedPullRequest, { id: 'd-sender' });
    const found = await operate('GET', `/api/notifications/${String(body['id'])}`);
    expect(found.status).toBe(200);
    const sender = await operate('POST', '/api/keys', { name: 'documented-github', scopes: ['notify:read'] });
    const other = await send('GET', `/api/notifications/${String(body['id'])}`, undefined, {
      'x-api-key': String(sender.body['key']),
    });
    expect(other.status).toBe(404);
  });

  it.each([
    ['a ping', { zen: 'Design for failure.' }, 'ping'],
    ['another event', mergedPullRequest, 'issues'],
    ['another action', { ...mergedPullRequest, action: 'opened' }, 'pull_request'],
    ['not merged', { ...mergedPullRequest, pull_request: { merged: false } }, 'pull_request'],
    ['without the value', { action: 'closed' }, 'pull_request'],
  ])('ignores %s', async (title, event, name) => {
    expect(await sendGithub(made, event, { id: title.replaceAll(' ', '-'), name })).toMatchObject({
      status: 200,
      body: { status: 'ignored' },
    });
  });

  it('refuses a wrong signature, a changed body, no signature: 401, with the reason in the log alone', async () => {
    const forged = await sendGithub(made, mergedPullRequest, { id: 'f-1', secret: 'another-secret-of-24-characters' });
    const text = JSON.stringify(mergedPullRequest);
    const bare = await send('POST', made.url, text, { 'x-github-delivery': 'f-2', 'x-github-event': 'pull_request' });
    for (const { status, body } of [forged, bare]) {
      expect([status, body['code']]).toEqual([401, 'invalid_signature']);
      expect(JSON.stringify(body)).not.toContain('sha256');
    }
    expect(forged.body['detail']).toEqual(bare.body['detail']);
    expect(skill.log.join('\n')).toContain('webhook documented-github: the signature is wrong');
    expect(skill.log.join('\n')).toContain('webhook documented-github: x-hub-signature-256 is missing');
  });

  it('is refused outside of its subjects, and says where an event does not fit', async () => {
    const wide = await make({
      ...documentedWebhooks.github,
      name: 'wide',
      template: { subject: '{{sender.login}}', text: 't' },
      subjects: ['repo/'],
    });
    expect(await sendGithub(wide, mergedPullRequest)).toMatchObject({
      status: 403,
      body: { code: 'recipient_not_allowed' },
    });
    const { sender: _, ...nobody } = mergedPullRequest;
    expect(await sendGithub(wide, nobody, { id: 'd-2' })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'subject', message: 'needs sender.login, which the webhook does not have' }] },
    });
  });

  it('takes the form only as JSON, and at most 1 MB', async () => {
    const form = await send('POST', made.url, 'payload=%7B%7D', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(form.status).toBe(415);
    const large = await sendGithub(made, { ...mergedPullRequest, padding: 'x'.repeat(1024 * 1024) });
    expect(large.status).toBe(413);
    const fits = await sendGithub(made, { ...mergedPullRequest, padding: 'x'.repeat(900 * 1024) }, { id: 'd-large' });
    expect(fits.status).toBe(202);
  });
});

describe.each(['webhook', 'svix'])('a webhook of Standard Webhooks with the headers %s-…', (family) => {
  let made: Made;
  beforeAll(async () => {
    made = await make({ ...documentedWebhooks.standard, name: `documented-${family}` });
  });

  it('brings the answer to the topic that waits for the ticket', async () => {
    expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const event = { ...answeredTicket, data: { ...answeredTicket.data, ticket: { id: family } } };
    const text = await textOf(`ticket/${family}`, () => sendStandard(made, event, { family }));
    expect(text).toBe('Kim has answered: Please try again.');
  });

  it('is one notification for one id, and is refused when it is too old', async () => {
    const first = await sendStandard(made, answeredTicket, { family, id: 'msg_2' });
    const second = await sendStandard(made, answeredTicket, { family, id: 'msg_2' });
    expect(second.body).toEqual(first.body);
    const old = await sendStandard(made, answeredTicket, { family, id: 'msg_3', ageSeconds: 301 });
    expect([old.status, old.body['code']]).toEqual([401, 'invalid_signature']);
  });

  it('rotates: both secrets are good for a while, then only the new one', async () => {
    const { body } = await operate('POST', `/api/webhooks/${made.id}/rotate`, { overlapHours: 1 });
    const fresh = { ...made, secret: String(body['secret']) };
    expect(fresh.secret).not.toBe(made.secret);
    const first = await sendStandard(made, answeredTicket, { family, id: 'r-1' });
    expect(first.status).toBe(202);
    expect((await sendStandard(fresh, answeredTicket, { family, id: 'r-1' })).body).toEqual(first.body);
    expect((await sendStandard(fresh, answeredTicket, { family, id: 'r-2' })).status).toBe(202);
    skill.clock.advance(3_600_000);
    expect((await sendStandard(made, answeredTicket, { family, id: 'r-3' })).status).toBe(401);
    expect((await sendStandard(fresh, answeredTicket, { family, id: 'r-4' })).status).toBe(202);
  });

  it('rotates again before the source has the new secret: the one in use stays good', async () => {
    const often = await make({ ...documentedWebhooks.standard, name: `often-${family}` });
    for (const id of ['o-1', 'o-2']) {
      await operate('POST', `/api/webhooks/${often.id}/rotate`, { overlapHours: 1 });
      expect((await sendStandard(often, answeredTicket, { family, id })).status).toBe(202);
    }
    await operate('POST', `/api/webhooks/${often.id}/rotate`, { overlapHours: 0 });
    expect((await sendStandard(often, answeredTicket, { family, id: 'o-3' })).status).toBe(401);
  });
});

describe('a webhook of Event Grid', () => {
  let made: Made;
  let key: string;
  beforeAll(async () => {
    made = await make(documentedWebhooks.cloudevents);
    const { body } = await operate('POST', '/api/keys', { name: 'event-grid', scopes: ['notify:send'] });
    key = String(body['key']);
  });

  const structured = (event: object, presented = key, url = made.url): Promise<Answer> =>
    send('POST', url, JSON.stringify(event), {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'x-api-key': presented,
    });

  it('has no secret of its own', () => {
    expect(made.secret).toBeUndefined();
  });

  it('gives consent to the handshake', async () => {
    const answer = await send('OPTIONS', made.url, undefined, {
      'webhook-request-origin': 'eventgrid.azure.net',
      'webhook-request-rate': '120',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('webhook-allowed-origin')).toBe('eventgrid.azure.net');
    expect(answer.headers.get('webhook-allowed-rate')).toBe('120');
    expect((await send('OPTIONS', made.url, undefined)).status).toBe(400);
  });

  it('brings an event to the topic, in either mode', async () => {
    const subject = `upload/${createdBlob.subject}`;
    const expected = 'A file has arrived: https://acc.blob.core.windows.net/in/a.txt';
    expect(await textOf(subject, () => structured(createdBlob))).toBe(expected);
    const { data, ...attributes } = createdBlob;
    const headers = Object.entries({ ...attributes, id: 'b-2' }).map(([name, value]) => [`ce-${name}`, value]);
    const binary = () =>
      send('POST', made.url, JSON.stringify(data), { ...Object.fromEntries(headers), 'x-api-key': key });
    expect(await textOf(subject, binary)).toBe(expected);
  });

  it('is one notification for one source and id', async () => {
    const first = await structured({ ...createdBlob, id: 'once' });
    expect((await structured({ ...createdBlob, id: 'once' })).body).toEqual(first.body);
    const other = await structured({ ...createdBlob, id: 'once', source: '/another' });
    expect(other.status).toBe(202);
    expect(other.body['id']).not.toBe(first.body['id']);
  });

  it('is a notification of each webhook that it goes to, also with one key', async () => {
    const event = { ...createdBlob, id: 'two-webhooks' };
    const first = await structured(event);
    const template = { subject: 'audit', text: 'There is {{data.url}}.' };
    const audit = await make({ ...documentedWebhooks.cloudevents, name: 'audit', template });
    const text = await textOf('audit', () => structured(event, key, audit.url));
    expect(text).toBe('There is https://acc.blob.core.windows.net/in/a.txt.');
    expect((await structured(event)).body).toEqual(first.body);
  });

  it('is refused without a good key, and keeps to the subjects of the key', async () => {
    expect((await structured(createdBlob, 'x'.repeat(40))).status).toBe(401);
    const { body } = await operate('POST', '/api/keys', { name: 'reads', scopes: ['notify:read'] });
    expect((await structured(createdBlob, String(body['key']))).status).toBe(403);
    const narrow = await operate('POST', '/api/keys', { name: 'narrow', scopes: ['notify:send'], subjects: ['a/'] });
    expect((await structured({ ...createdBlob, id: 'n' }, String(narrow.body['key']))).status).toBe(403);
  });

  it.each([
    ['no event', { hello: 'world' }, 400],
    ['another version', { ...createdBlob, specversion: '0.3' }, 400],
    ['another type', { ...createdBlob, type: 'Microsoft.Storage.BlobDeleted' }, 200],
  ])('answers %s', async (_title, event, status) => {
    expect((await structured(event)).status).toBe(status);
  });
});
