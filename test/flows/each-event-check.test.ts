// Each check of an event alone, through HTTP: whose it is, how often, of whom.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createdBlob, documentedWebhooks, mergedPullRequest } from '../helpers/documented-webhooks.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { type Answer, createSources, type Made } from '../helpers/webhook-sources.ts';

let skill: Skill;
let github: Made;
let grid: Made;
let key: string;

const { send, operate, make, sendGithub } = createSources(() => skill);

beforeAll(async () => {
  skill = await startSkill({ env: { SENDER_RATE: '30', FAILURE_RATE: '10', TRUSTED_PROXIES: '127.0.0.1' } });
  github = await make({ ...documentedWebhooks.github, subjects: ['repo/'] });
  grid = await make({ ...documentedWebhooks.cloudevents, subjects: ['upload/'] });
  key = await makeKey('event-grid', { scopes: ['notify:send'] });
});
afterAll(() => skill.stop());

async function makeKey(name: string, request: object): Promise<string> {
  const { body } = await operate('POST', '/api/keys', { name, ...request });
  return String(body['key']);
}

const sendGrid = (
  event: object,
  presented: string | undefined,
  type = 'application/cloudevents+json',
): Promise<Answer> =>
  send('POST', grid.url, JSON.stringify(event), {
    'content-type': type,
    ...(presented !== undefined && { 'x-api-key': presented }),
  });
/** Through a proxy where an address is given. */
const sendUnsigned = (text: string, address?: string): Promise<Answer> =>
  send('POST', github.url, text, address === undefined ? {} : { 'x-forwarded-for': address });
const nested = (depth: number): object =>
  JSON.parse(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`) as object;
const withKeys = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1]));
const outcomeOf = ({ status, body }: Answer) => [status, body['code'] ?? body['status']];

describe('an event of GitHub', () => {
  it('is taken as it should be', async () => {
    expect(outcomeOf(await sendGithub(github, mergedPullRequest))).toEqual([202, 'waiting']);
  });

  it('is refused with a wrong signature', async () => {
    const forged = sendGithub(github, mergedPullRequest, { id: 'forged', secret: 'another-secret-of-24-characters' });
    expect(outcomeOf(await forged)).toEqual([401, 'invalid_signature']);
  });

  it('is refused in another form than JSON, also signed', async () => {
    const form = send('POST', github.url, 'payload=%7B%7D', { 'content-type': 'application/x-www-form-urlencoded' });
    expect(outcomeOf(await form)).toEqual([415, 'unsupported_media_type']);
  });

  it('is refused outside of the subjects of its webhook', async () => {
    const wide = await make({ ...documentedWebhooks.github, name: 'wide', subjects: ['another/'] });
    expect(outcomeOf(await sendGithub(wide, mergedPullRequest))).toEqual([403, 'recipient_not_allowed']);
  });

  it('has at most 1 MB, to the byte', async () => {
    expect(outcomeOf(await sendUnsigned('{}'.padEnd(1024 * 1024 + 1)))).toEqual([413, 'body_too_large']);
    expect(outcomeOf(await sendUnsigned('{}'.padEnd(1024 * 1024)))).toEqual([401, 'invalid_signature']);
  });

  it.each([
    ['64 levels', nested(64), nested(65)],
    ['20,000 keys', withKeys(20_000), withKeys(20_001)],
  ])('has at most %s', async (what, most, more) => {
    const bodies = await make({ ...documentedWebhooks.github, name: `bodies-${what.length}` });
    expect(outcomeOf(await sendGithub(bodies, more, { id: 'more' }))).toEqual([400, 'malformed_request']);
    expect(outcomeOf(await sendGithub(bodies, most, { id: 'most' }))).toEqual([200, 'ignored']);
  });

  it('that is a ping is ignored, though nothing is left out', async () => {
    const all = await make({ ...documentedWebhooks.github, name: 'all', when: {} });
    expect(outcomeOf(await sendGithub(all, { zen: 'z' }, { id: 'ping', name: 'ping' }))).toEqual([200, 'ignored']);
  });
});

describe('an event of Event Grid', () => {
  it('is taken with a key for sending', async () => {
    expect(outcomeOf(await sendGrid(createdBlob, key))).toEqual([202, 'waiting']);
  });

  it('is refused without a key, and with one for reading', async () => {
    expect(outcomeOf(await sendGrid(createdBlob, undefined))).toEqual([401, 'credential_required']);
    const reader = await makeKey('reader', { scopes: ['notify:read'] });
    expect(outcomeOf(await sendGrid(createdBlob, reader))).toEqual([403, 'scope_missing']);
  });

  it('is refused outside of the subjects of its key', async () => {
    const narrow = await makeKey('narrow', { scopes: ['notify:send'], subjects: ['order/'] });
    expect(outcomeOf(await sendGrid({ ...createdBlob, id: 'n' }, narrow))).toEqual([403, 'recipient_not_allowed']);
  });

  it('is refused when it is no event', async () => {
    expect(outcomeOf(await sendGrid({ hello: 'world' }, key))).toEqual([400, 'malformed_request']);
  });

  it('of another source is another one, though its id is the same', async () => {
    const once = await sendGrid({ ...createdBlob, id: 'once' }, key);
    const other = await sendGrid({ ...createdBlob, id: 'once', source: '/another' }, key);
    expect(outcomeOf(other)).toEqual([202, 'waiting']);
    expect(other.body['id']).not.toBe(once.body['id']);
  });

  it('is given no consent without an origin', async () => {
    expect((await send('OPTIONS', grid.url, undefined)).status).toBe(400);
  });
});

describe('what is counted', () => {
  it('is each event of a webhook', async () => {
    const often = await make({ ...documentedWebhooks.github, name: 'often' });
    const statuses: number[] = [];
    for (let count = 0; count < 31; count += 1) {
      statuses.push((await sendGithub(often, mergedPullRequest, { id: `o-${count}` })).status);
    }
    expect(statuses).toEqual([...Array<number>(30).fill(202), 429]);
  });

  it('is each wrong signature of an address, and not of the proxy before it', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 11; count += 1) {
      statuses.push((await sendUnsigned('{}', '198.51.100.9')).status);
    }
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429]);
    expect((await sendUnsigned('{}', '198.51.100.10')).status).toBe(401);
  });

  it('is each wrong signature without a proxy, too', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 11; count += 1) {
      const wrong = { id: `w-${count}`, secret: 'another-secret-of-24-characters' };
      statuses.push((await sendGithub(github, mergedPullRequest, wrong)).status);
    }
    expect(statuses.at(-1)).toBe(429);
  });
});
