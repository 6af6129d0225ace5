// What a turn changes of a stored conversation: all that it shows, and as little of the indexes as it can.

import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Conversation } from '../../src/conversations/conversation.ts';
import { findConversation, saveConversation, saveConversations } from '../../src/conversations/conversation-store.ts';
import { forgetConversations } from '../../src/notifications/retention-store.ts';
import type { Database } from '../../src/storage/database.ts';
import { conversation } from '../helpers/conversation.ts';
import { openTestDatabase } from '../helpers/database.ts';

const minute = 60_000;
const hour = 60 * minute;
const start = Date.parse('2026-01-01T00:00:00Z');
const first: Conversation = { ...conversation, lastSeenAt: start };

let db: Database;
beforeEach(async () => {
  db = await openTestDatabase();
  await saveConversation(db, first);
});

const timesOf = async (id: string = first.id) => {
  const columns = ['created_at', 'last_seen_at', 'active_at'] as const;
  const row = await db.selectFrom('conversations').select(columns).where('id', '=', id).executeTakeFirstOrThrow();
  return [row.created_at, row.last_seen_at, row.active_at].map((time) => time - start);
};

describe('a turn', () => {
  it.each([
    ['within the hour leaves the age as it was', hour - 1, 0],
    ['an hour later renews the age', hour, hour],
    ['before the last one, by a clock that was set back, leaves the age', -minute, 0],
  ])('%s', async (_, later, activeAt) => {
    await saveConversation(db, { ...first, lastSeenAt: start + later });
    expect(await timesOf()).toEqual([0, later, activeAt]);
  });

  it.each<[string, Partial<Conversation>]>([
    ['another user', { userKey: 'another', userId: 'another' }],
    ['another service URL and parent', { serviceUrl: 'https://elsewhere.example/', audience: 'another' }],
    ['what can be reached no more', { reachability: 'held', reachabilityReason: 'why' }],
    ['another language', { locale: 'de-DE' }],
    ['other claims and another reference', { reference: { activityId: 'x' }, claims: { aud: 'a', iss: 'i' } }],
    ['a delivery mode', { deliveryMode: 'expectReplies' }],
  ])('stores what it shows, within the hour and after: %s', async (_, change) => {
    for (const later of [minute, 2 * hour]) {
      const shown = { ...first, ...change, lastSeenAt: start + later };
      await saveConversation(db, shown);
      expect(await findConversation(db, first.id)).toEqual(shown);
      await saveConversation(db, { ...first, lastSeenAt: start + later });
    }
  });

  it('is found under its new user at once', async () => {
    await saveConversation(db, { ...first, userKey: 'another', lastSeenAt: start + minute });
    const { rows } = await sql`select id from conversations where user_key = 'another'`.execute(db);
    expect(rows).toEqual([{ id: first.id }]);
  });
});

it('turns that are saved together are each saved as one alone: new, within the hour, later, of another user', async () => {
  const ids = ['fresh', 'late', 'moved', 'new'];
  const known = ids.slice(0, 3).map((id) => ({ ...first, id, lastSeenAt: id === 'late' ? start - hour : start }));
  await saveConversations(db, known);
  const shown = ids.map((id) => ({
    ...first,
    id,
    lastSeenAt: start + minute,
    ...(id === 'moved' && { userKey: 'another' }),
  }));
  await saveConversations(db, shown);
  for (const one of shown) expect(await findConversation(db, one.id)).toEqual(one);
  const actives = await Promise.all(ids.map(async (id) => (await timesOf(id))[2]));
  expect(actives).toEqual([0, minute, minute, minute]);
});

it('a conversation is not forgotten before its time, though its age is behind', async () => {
  await saveConversation(db, { ...first, lastSeenAt: start + hour - 1 });
  expect(await forgetConversations(db, start + hour - 1)).toBe(0);
  expect(await forgetConversations(db, start + hour)).toBe(1);
});
