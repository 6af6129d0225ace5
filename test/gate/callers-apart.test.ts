// O6: two parents that name the same channel, conversation and user have two conversations. Neither reads, changes, ends or
// hears anything of the other's, whatever it writes into its activities.

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConversationView } from '../../src/conversations/conversation-store.ts';
import { callbacksOf, postActivity } from '../helpers/activities.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

/** What the second parent was sent: whom the token is for, and the activity. */
type Post = { readonly path: string | undefined; readonly aud: unknown; readonly activity: Record<string, unknown> };

const second = { appId: randomUUID(), secret: randomUUID() };
const posts: Post[] = [];
let parent: Server;
let serviceUrl: string;
let skill: Skill;

beforeAll(async () => {
  parent = createServer((req, res) => void take(req, res)).listen(0, '127.0.0.1');
  await once(parent, 'listening');
  serviceUrl = `http://127.0.0.1:${(parent.address() as AddressInfo).port}/`;
  skill = await startSkill({ extraCallers: [second.appId] });
  await skill.restart({
    env: {
      ALLOWED_SERVICE_URLS: [skill.standIn.agent.serviceUrl, serviceUrl].map((url) => new URL(url).origin).join(),
    },
  });
  skill.standIn.registerApp(second);
});
afterAll(async () => {
  parent.closeAllConnections();
  parent.close();
  await skill.stop();
});

/** The second parent takes everything. */
async function take(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
  const { aud } = decodeJwt(req.headers.authorization?.replace('Bearer ', '') ?? '');
  const activity = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
  posts.push({ path: req.url, aud, activity });
  res.end();
}

/** The second parent, in a conversation that has the same names as one of the first. */
async function postAsSecond(activity: Record<string, unknown>): Promise<number> {
  const token = await skill.standIn.signToken({ appid: second.appId });
  const { status } = await postActivity(skill, token, { serviceUrl, ...activity });
  return status;
}

async function findConversation(callerAppId: string): Promise<ConversationView> {
  const answer = await fetch(`${skill.url}/api/conversations`, { headers: { 'x-api-key': apiKey } });
  const { items } = (await answer.json()) as { items: ConversationView[] };
  const own = items.filter((item) => item.callerAppId === callerAppId);
  expect(own).toHaveLength(1);
  return own[0] as ConversationView;
}

/** The names of the first parent's conversation, as an activity of the second would carry them. */
async function openFirst() {
  const user = { id: '29:user', aadObjectId: '77777777-7777-4777-8777-777777777777' };
  const first = skill.standIn.openConversation({ conversationId: 'shared', user });
  await first.callAction('waitForNotification', { subject: 'order/1' });
  return { first, names: { channelId: 'msteams', conversation: { id: 'shared' }, from: user } };
}

describe('the same channel, conversation and user from another caller', () => {
  let names: Record<string, unknown>;
  let before: ConversationView;
  let first: Awaited<ReturnType<typeof openFirst>>['first'];
  beforeAll(async () => {
    ({ first, names } = await openFirst());
    before = await findConversation(skill.standIn.agent.appId);
    skill.clock.advance(60_000);
  });

  it.each<[string, () => Record<string, unknown>]>([
    ['calls an action', () => ({ name: 'subscribe', value: { subject: 'order/2' } })],
    ['opens a wait of its own', () => ({ name: 'waitForNotification', value: { subject: 'order/3' } })],
    ['sends on expectReplies', () => ({ type: 'conversationUpdate', deliveryMode: 'expectReplies' })],
    ['says cancel', () => ({ type: 'message', text: 'cancel' })],
    ['unsubscribes from all', () => ({ name: 'unsubscribe', value: { subject: '*' } })],
    ['ends the conversation', () => ({ type: 'endOfConversation' })],
    [
      'claims to be the first caller in the body',
      () => ({
        type: 'conversationUpdate',
        callerId: `urn:botframework:aadappid:${skill.standIn.agent.appId}`,
        channelData: { callerAppId: skill.standIn.agent.appId, tenant: { id: skill.standIn.tenantId } },
        relatesTo: { serviceUrl: skill.standIn.agent.serviceUrl, conversation: { id: 'shared' } },
      }),
    ],
    [
      "names the first parent's service URL",
      () => ({ type: 'conversationUpdate', serviceUrl: skill.standIn.agent.serviceUrl }),
    ],
  ])('%s: the conversation of the first stays as it is', async (_, activity) => {
    expect(await postAsSecond({ ...names, ...activity() })).toBe(200);
    expect(await findConversation(skill.standIn.agent.appId)).toEqual(before);
    expect((await findConversation(second.appId)).id).not.toBe(before.id);
    expect(first.action?.state).toBe('open');
  });

  it('a notification to the conversation of one goes to its parent, with a token for that parent alone', async () => {
    await postAsSecond({ ...names, name: 'waitForNotification', value: { subject: 'order/4' } });
    const { id } = await findConversation(second.appId);
    const before2 = { posts: posts.length, callbacks: callbacksOf(skill).length };
    const toSecond = await skill.notify({ to: { conversationId: id }, message: { text: 'for the second' } });
    await skill.settled(String(toSecond.body['id']), 'delivered');
    const sent = posts.slice(before2.posts);
    expect(sent.map(({ aud }) => aud)).toEqual(sent.map(() => second.appId));
    // Not to /activities/{id}: the SDK would take the made-up id of its continuation event for one to reply to.
    expect(sent.map(({ path }) => path)).toEqual(sent.map(() => '/v3/conversations/shared/activities'));
    expect(sent[0]?.activity).toMatchObject({ text: 'for the second', conversation: { id: 'shared' } });
    expect(callbacksOf(skill)).toHaveLength(before2.callbacks);

    const total = posts.length;
    const toFirst = await skill.notify({ to: { conversationId: before.id }, message: { text: 'for the first' } });
    await skill.settled(String(toFirst.body['id']), 'delivered');
    expect(posts).toHaveLength(total);
    expect(callbacksOf(skill).at(-1)?.token).toMatchObject({ aud: skill.standIn.agent.appId });
    expect(first.transcript.some(({ text }) => text === 'for the first')).toBe(true);
    expect(first.transcript.some(({ text }) => text === 'for the second')).toBe(false);
  });

  it('what is held for the user at the first is not given to the second', async () => {
    await first.callAction('subscribe', { subject: 'order/5' });
    const held = await skill.notify({ subject: 'order/5', text: 'held for the first' });
    await skill.settled(String(held.body['id']), 'held');
    const total = posts.length;
    await postAsSecond({ ...names, name: 'getNotifications', value: { subject: 'order/5' } });
    expect(posts.slice(total).at(-1)?.activity['value']).toMatchObject({ count: 0 });
    expect(JSON.stringify(posts)).not.toContain('held for the first');
    expect((await skill.findNotification(String(held.body['id']))).status).toBe('held');
  });
});
