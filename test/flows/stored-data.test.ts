// V1: what is kept of a turn is what a push needs, and nothing else: of everything else an activity brings along, not a byte.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postActivity } from '../helpers/activities.ts';
import { countInFiles, show } from '../helpers/people.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill({ env: { LOG_LEVEL: 'trace' } });
});
afterAll(() => skill.stop());

const canary = { note: 'canary' };
/** In every field that an activity may have and no push needs. */
const everywhere = (objectId: string, conversationId: string) => ({
  id: 'canary-of-activity',
  from: { id: '29:user', aadObjectId: objectId, name: 'canary', role: 'canary', properties: canary, more: canary },
  recipient: { id: '28:bot', name: 'canary', role: 'canary', properties: canary },
  conversation: { id: conversationId, name: 'canary', role: 'canary', properties: canary, aadObjectId: 'canary' },
  channelData: { tenant: canary, team: canary, legacy: 'canary' },
  text: 'canary',
  summary: 'canary',
  speak: 'canary',
  attachments: [{ contentType: 'text/plain', content: 'canary', name: 'canary' }],
  entities: [{ type: 'clientInfo', country: 'canary' }],
  replyToId: 'canary',
  label: 'canary',
  localTimezone: 'canary',
  relatesTo: { user: { id: 'canary' } },
  semanticAction: canary,
  membersAdded: [{ id: 'canary', name: 'canary' }],
});

const turns: [string, Record<string, unknown>][] = [
  ['subscribe', { name: 'subscribe', value: { subject: 'news', ...canary } }],
  ['unsubscribe', { name: 'unsubscribe', value: { subject: 'news', ...canary } }],
  ['waitForNotification', { name: 'waitForNotification', value: { subject: 's', ...canary } }],
  [
    'waitForNotification in the test pane',
    { name: 'waitForNotification', value: { subject: 's', ...canary }, deliveryMode: 'expectReplies' },
  ],
  ['getNotifications', { name: 'getNotifications', value: { subject: '', ...canary } }],
  ['an action with inputs that cannot be used', { name: 'subscribe', value: { subject: ['canary'] } }],
  ['an unknown action', { name: 'canary', value: canary }],
  ['a message', { type: 'message', value: canary }],
  ['a message while an action waits', { type: 'message', value: canary, isSecond: true }],
  ['a conversationUpdate', { type: 'conversationUpdate' }],
  ['an endOfConversation', { type: 'endOfConversation', code: 'canary', value: canary, isSecond: true }],
  ['an activity of no known type', { type: 'typing' }],
];

describe('of a turn nothing is kept that no push needs', () => {
  it.each(turns)('%s', async (_, { isSecond, ...activity }) => {
    const objectId = randomUUID();
    const conversation = skill.standIn.openConversation();
    const base = { type: 'event', ...everywhere(objectId, conversation.id) };
    const wait = { name: 'waitForNotification', value: { subject: 's' } };
    if (isSecond) await conversation.post({ ...base, ...wait });
    expect((await conversation.post({ ...base, ...activity })).status).toBe(200);
    const { body } = await show(skill, objectId);
    expect(body['conversations']).toMatchObject([{ userId: objectId, channelUserId: '29:user' }]);
    // The search finds what is there.
    expect(countInFiles(skill.dataDir, objectId)).toBeGreaterThan(0);
    expect(countInFiles(skill.dataDir, 'canary')).toBe(0);
    expect(skill.log.join('')).not.toContain('canary');
  });
});

it('a refused activity leaves nothing at all', async () => {
  const objectId = randomUUID();
  const base = everywhere(objectId, 'conversation');
  const good = await skill.standIn.signToken();
  const refused: [string | undefined, object][] = [
    [undefined, {}],
    [good, { serviceUrl: 'https://canary.example.com/' }],
    [good, { conversation: { id: '' } }],
    [good, { from: { ...base.from, id: 'x'.repeat(1_025) } }],
  ];
  for (const [token, more] of refused) {
    expect([400, 401, 403]).toContain((await postActivity(skill, token, { ...base, ...more })).status);
  }
  expect((await show(skill, objectId)).status).toBe(404);
  expect([countInFiles(skill.dataDir, 'canary'), countInFiles(skill.dataDir, objectId)]).toEqual([0, 0]);
});
