// T5: bodies that nobody thought of, with good credentials, against the whole service. BODY_SEED=<number> repeats a run.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/storage/database.ts';
import { goodActivity } from '../helpers/activities.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';
import { canary, type Fields, wildBodies } from './wild-bodies.ts';

const seed = Number(process.env['BODY_SEED'] ?? Date.now() % 2 ** 31);
const runs = 115;
const codes = ['malformed_request', 'invalid_notification', 'body_too_large', 'service_url_not_allowed'];
const problemFields = ['type', 'title', 'status', 'code', 'detail', 'instance', 'errors'];

let skill: Skill;
let token: string;
const counted = { '/api/messages': new Map<number, number>(), '/api/notify': new Map<number, number>() };
/** What was accepted: ids of notifications, ids of conversations. */
const accepted = { notifications: new Set<string>(), conversations: new Set<string>() };
type Route = keyof typeof counted;

beforeAll(async () => {
  skill = await startSkill();
  token = await skill.standIn.signToken();
});
afterAll(async () => {
  const words = Object.entries(counted).map(([route, statuses]) => {
    const total = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    const each = [...statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${count} x ${status}`);
    return `${route} ${total} bodies (${each.join(', ')})`;
  });
  console.log(`T5: ${words.join('; ')}, seed ${seed}`);
  await skill.stop();
});

const notification: Fields = {
  to: { subject: canary },
  message: { text: canary, textFormat: 'plain' },
  result: { a: canary, b: 1, c: true },
  keepOpen: false,
  sendAt: '2020-01-01T00:00:00Z',
  metadata: { note: canary },
};
const goodNotifications: Fields[] = [
  notification,
  { subject: canary, text: canary },
  { to: { userId: `msteams:${canary}` }, message: { text: canary } },
  { to: { all: true }, message: { text: canary } },
  {
    to: { subject: canary },
    card: {
      type: 'AdaptiveCard',
      body: [
        { type: 'TextBlock', text: canary },
        { type: 'Image', url: `https://${canary}.example/` },
      ],
      actions: [{ type: 'Action.OpenUrl', url: `https://${canary}.example/` }],
    },
  },
];

// A host that is answered in the turn alone: nothing leaves for anywhere, whatever becomes of the delivery mode.
const activity: Fields = {
  ...(goodActivity({
    standIn: { agent: { serviceUrl: 'https://europe.directline.botframework.com/' } },
  } as Skill) as Fields),
  deliveryMode: 'expectReplies',
  from: { id: canary, name: canary, aadObjectId: canary, role: 'user' },
  conversation: { id: canary, tenantId: canary, isGroup: false, conversationType: 'personal' },
  locale: 'de-DE',
  timestamp: '2026-01-01T00:00:00.000Z',
};
const goodActivities: Fields[] = [
  ...['subscribe', 'unsubscribe', 'getNotifications', 'waitForNotification', 'somethingElse'].map((name) => ({
    ...activity,
    name,
    value: { subject: canary, timeoutMinutes: 1 },
  })),
  { ...activity, type: 'message', text: canary, value: { subject: canary, timeoutMinutes: 1 } },
  { ...activity, type: 'message', text: canary, entities: [{ type: 'mention' }], attachments: [{ contentType: 'x' }] },
  { ...activity, type: 'conversationUpdate', membersAdded: [{ id: canary }], membersRemoved: [{ id: 'bot' }] },
  { ...activity, type: 'endOfConversation', code: 'userCancelled' },
  { ...activity, type: 'messageReaction', reactionsAdded: [{ type: 'like' }], replyToId: canary },
  { ...activity, type: 'installationUpdate', action: 'add', channelData: { tenant: { id: canary } } },
];

async function post(route: Route, body: string | Uint8Array): Promise<Response> {
  const credential = route === '/api/notify' ? apiKey : token;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${credential}` };
  const answer = await fetch(skill.url + route, { method: 'POST', headers, body });
  counted[route].set(answer.status, (counted[route].get(answer.status) ?? 0) + 1);
  return answer;
}

function noteAccepted(route: Route, body: string | Uint8Array, answer: string): void {
  if (route === '/api/notify') {
    accepted.notifications.add((JSON.parse(answer) as { id: string }).id);
    return;
  }
  const { conversation } = JSON.parse(Buffer.from(body).toString()) as { conversation?: { id: string } | null };
  if (conversation) accepted.conversations.add(conversation.id);
}

/** Whether the answer is as it may be for any body at all. */
async function judge(route: Route, body: string | Uint8Array): Promise<void> {
  const answer = await post(route, body);
  const text = await answer.text();
  if (answer.ok) return noteAccepted(route, body, text);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const problem = JSON.parse(text) as Record<string, unknown>;
  expect(problemFields).toEqual(expect.arrayContaining(Object.keys(problem)));
  expect(codes).toContain(problem['code']);
  expect(problem).toMatchObject({ status: answer.status, instance: answer.headers.get('x-request-id') });
  expect(text).not.toMatch(/node_modules|\.ts:|SQLITE| {4}at |ZodError|unexpected token/i);
  expect(text).not.toContain(canary);
}

describe.each<[Route, Fields[]]>([
  ['/api/messages', goodActivities],
  ['/api/notify', goodNotifications],
])('POST %s', (route, good) => {
  it.each(good)('takes the good body %#, of which others are made', async (body) => {
    // The others may have given the conversation to another user, whom the good body then does not name.
    await post('/api/messages', JSON.stringify(activity));
    await judge(route, JSON.stringify(body));
    expect([...counted[route].keys()]).toEqual([route === '/api/notify' ? 202 : 200]);
  });

  it.each(wildBodies(good))('answers %s with 2xx or a problem that repeats nothing of it', async (_, bodies) => {
    await fc.assert(
      fc.asyncProperty(bodies, (body) => judge(route, body)),
      { numRuns: runs, seed },
    );
    expect((await fetch(`${skill.url}/health/live`)).status).toBe(200);
    expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(12);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

it('what was refused has left no row, and what was accepted is there', async () => {
  // The service holds the file; what is idle may be copied.
  const copy = mkdtempSync(join(tmpdir(), 'copilot-notify-copy-'));
  cpSync(skill.dataDir, copy, { recursive: true });
  const db = await openDatabase({ dataDir: copy });
  const notifications = await db.selectFrom('notifications').select('id').execute();
  const conversations = await db.selectFrom('conversations').select('external_id').execute();
  await db.destroy();
  rmSync(copy, { recursive: true, force: true });
  expect(new Set(notifications.map(({ id }) => id))).toEqual(accepted.notifications);
  expect(accepted.notifications.size).toBeGreaterThan(goodNotifications.length);
  expect(conversations).not.toEqual([]);
  expect(conversations.filter(({ external_id: id }) => !accepted.conversations.has(id))).toEqual([]);
});

it('1,000 or more on each route', () => {
  const totals = Object.values(counted).map((statuses) =>
    [...statuses.values()].reduce((sum, count) => sum + count, 0),
  );
  expect(Math.min(...totals)).toBeGreaterThanOrEqual(1_000);
});
