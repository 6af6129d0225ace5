// T1, the family "wrong path": a token in the wrong place, a good token at the wrong address, and bodies that made the
// SDK choose a weaker validator.

import { connect } from 'node:net';
import { type Dispatcher, getGlobalDispatcher } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callbacksOf, countConversations, goodActivity } from '../helpers/activities.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { tokensOf } from '../helpers/tokens.ts';
import { createForge, type Forge, unsigned } from './forge.ts';
import { refused, startTenant, type Tenant } from './gate-bench.ts';

type Headers = Record<string, string | string[]>;

const clock = createFakeClock();
let tenant: Tenant;
let skill: Skill;
let forge: Forge;

beforeAll(async () => {
  tenant = await startTenant(clock.now);
  const { tenantId, openIdMetadataUrl, key } = tenant;
  skill = await startSkill({ clock, standIn: { tenantId }, env: { OPENID_METADATA_URL: openIdMetadataUrl } });
  forge = createForge({ key, tenantId, appId: skill.appId, caller: skill.standIn.agent.appId, now: clock.now });
});
afterAll(async () => {
  await skill.stop();
  await tenant.stop();
});

const good = (): string => `Bearer ${forge.claiming()}`;
const bad = (): string => `Bearer ${forge.claiming({ aud: 'x' })}`;

describe('a good token in the wrong place is no token: 401', () => {
  it.each<[string, () => { path?: string; headers?: Headers; body?: Record<string, unknown> }]>([
    ['cookie', () => ({ headers: { cookie: `authorization=${forge.claiming()}` } })],
    ['X-Authorization', () => ({ headers: { 'x-authorization': good() } })],
    ['Proxy-Authorization', () => ({ headers: { 'proxy-authorization': good() } })],
    ['X-Forwarded-Authorization', () => ({ headers: { 'x-forwarded-authorization': good() } })],
    ['X-MS-TOKEN-AAD-ACCESS-TOKEN', () => ({ headers: { 'x-ms-token-aad-access-token': forge.claiming() } })],
    ['X-API-Key', () => ({ headers: { 'x-api-key': forge.claiming() } })],
    ['body access_token', () => ({ body: { access_token: forge.claiming() } })],
    ['body channelData', () => ({ body: { channelData: { authorization: good() } } })],
    ['a second Authorization after a bad one', () => ({ headers: { authorization: [bad(), good()] } })],
  ])('%s', async (_, make) => {
    const { path = '/api/messages', headers = {}, body = {} } = make();
    expect(await send('POST', path, headers, body)).toMatchObject({ status: 401, answer: refused[401] });
  });
});

describe('a good token in the URL is refused: 400', () => {
  it.each([
    ['alone', (): Headers => ({})],
    ['beside one in its place', () => ({ authorization: good() })],
  ])('%s', async (_, headers) => {
    for (const query of [`access_token=${forge.claiming()}`, `authorization=${encodeURIComponent(good())}`]) {
      const sent = await send('POST', `/api/messages?${query}`, headers());
      expect(sent).toMatchObject({ status: 400, answer: { code: 'malformed_request' } });
    }
  });
});

describe('a good token at the wrong address starts no turn', () => {
  it.each<[Dispatcher.HttpMethod, string, number]>([
    ['GET', '/api/messages', 405],
    ['PUT', '/api/messages', 405],
    ['PATCH', '/api/messages', 405],
    ['DELETE', '/api/messages', 405],
    ['POST', '/API/messages', 404],
    ['POST', '/api/messages/a1', 404],
    ['POST', '//api/messages', 404],
    ['POST', '/api//messages', 404],
    ['POST', '/api/messages%00', 404],
    ['POST', '/api/messages;a=b', 404],
    ['POST', '/api/skills/v3/conversations/c1/activities', 404],
    ['POST', '/', 404],
  ])('%s %s: %i', async (method, path, status) => {
    const sent = await send(method, path, { authorization: good() });
    expect(sent.status).toBe(status);
    expect(await countConversations(skill)).toBe(0);
  });

  it.each(['/api/notify', '/api/deliveries/purge'])('POST %s with it: 401', async (path) => {
    expect(await send('POST', path, { authorization: good() })).toMatchObject({ status: 401 });
  });

  it.each(['websocket', 'WebSocket', 'h2c'])(
    'GET with Upgrade: %s never reaches the streaming path',
    async (protocol) => {
      const upgrade = { connection: 'Upgrade', upgrade: protocol, authorization: good() };
      expect(await sendRaw('GET /api/messages HTTP/1.1', upgrade)).toMatch(/^HTTP\/1\.1 (404|405|426) /);
    },
  );
});

// restify resolves these to /api/messages; what matters is that none of them is a way past the gate.
describe('a bad token at another spelling of the address: 401', () => {
  it.each(['/api/x/../messages', '/api/./messages', '/api/%2e%2e/api/messages', '/api\\messages', '/api/messages?a=b'])(
    '%s',
    async (path) => {
      expect(await send('POST', path, { authorization: bad() })).toMatchObject({ status: 401, answer: refused[401] });
    },
  );
});

describe('bodies that made the SDK choose another validator: 401', () => {
  it.each<[string, () => Promise<string> | string, Record<string, unknown>]>([
    ['our own token as the emulator', ownToken, { channelId: 'emulator' }],
    ['our own token as AseChannel', ownToken, { channelId: 'AseChannel' }],
    ['our own token as Direct Line', ownToken, { channelId: 'directline' }],
    ['our own app id, our own audience, AseChannel', () => own({}), { channelId: 'AseChannel' }],
    ['an emulator token of v2', () => own({ ver: '2.0', azp: forge.appId }), { channelId: 'emulator' }],
    ['an unsigned token as the emulator', () => `Bearer ${none()}`, { channelId: 'emulator' }],
    ['an unsigned token as AseChannel', () => `Bearer ${none()}`, { channelId: 'AseChannel' }],
    ['a channel token for Teams', () => channel(), { channelId: 'msteams' }],
    ['a channel token for Web Chat', () => channel(), { channelId: 'webchat' }],
    ['a channel token without service URL in the body', () => channel(), { serviceUrl: undefined }],
    ['no token, a role of a skill', () => '', { channelId: 'emulator', recipient: { id: 'b', role: 'skill' } }],
    ['no token, an anonymous skill', () => '', { callerId: 'urn:botframework:aadappid:AnonymousSkill' }],
  ])('%s', async (_, authorization, body) => {
    const sent = await send('POST', '/api/messages', { authorization: await authorization() }, body);
    expect(sent).toMatchObject({ status: 401, answer: refused[401] });
  });

  it('and not one of them has changed whom the gate trusts: the token of another tenant is still refused', async () => {
    const foreign = '99999999-9999-4999-8999-999999999999';
    const unsignedForeign = forge.seal(
      forge.header({ alg: 'none' }),
      forge.claims({ tid: foreign, iss: `https://sts.windows.net/${foreign}/`, aud: 'https://api.botframework.com' }),
      unsigned,
    );
    await send('POST', '/api/messages', { authorization: `Bearer ${unsignedForeign}AA` }, { channelId: 'emulator' });
    const token = forge.claiming({ tid: foreign, iss: `https://sts.windows.net/${foreign}/` });
    expect(await send('POST', '/api/messages', { authorization: `Bearer ${token}` })).toMatchObject({ status: 401 });
  });
});

it('nothing of all this has left a row or reached the agent', async () => {
  expect(await countConversations(skill)).toBe(0);
  expect(callbacksOf(skill)).toEqual([]);
});

it('a good token at the right address is let in', async () => {
  const sent = await send('POST', '/api/messages', { authorization: good() }, { type: 'conversationUpdate' });
  expect(sent.status).toBe(200);
  expect(await countConversations(skill)).toBe(1);
});

const ownToken = () => tokensOf(skill.standIn, skill, clock.now)('https://api.botframework.com');
const own = (claims: Record<string, unknown>) => `Bearer ${forge.claiming({ appid: forge.appId, ...claims })}`;
const none = () => forge.heading({ alg: 'none' }, () => Buffer.from('A'));
const channel = () =>
  `Bearer ${forge.claiming({
    iss: 'https://api.botframework.com',
    serviceurl: skill.standIn.agent.serviceUrl,
    tid: undefined,
    ver: undefined,
    appid: undefined,
  })}`;

const activity = () => goodActivity(skill);

async function send(method: Dispatcher.HttpMethod, path: string, headers: Headers, body: Record<string, unknown> = {}) {
  // The dispatcher itself: `request` would tidy the path up first.
  const { statusCode, body: answer } = await getGlobalDispatcher().request({
    origin: skill.url,
    path,
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ ...activity(), ...body }),
  });
  const text = await answer.text();
  return { status: statusCode, answer: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

/** The answer's head to a request that no client would write. */
async function sendRaw(line: string, headers: Record<string, string>): Promise<string> {
  const { hostname, port, host } = new URL(skill.url);
  const socket = connect(Number(port), hostname);
  const fields = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${line}\r\n${fields.join('')}\r\n`);
  for await (const chunk of socket) {
    socket.destroy();
    return String(chunk);
  }
  return '';
}
