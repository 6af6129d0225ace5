// A parent takes pushes again: what waits for its next attempt need not wait for hours.

import { beforeEach, expect, it } from 'vitest';
import { parentOf } from '../../src/conversations/conversation.ts';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { acceptNotification } from '../../src/notifications/accept-notification.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { hastenParent } from '../../src/notifications/parent-lanes-store.ts';
import { conversation } from '../helpers/conversation.ts';
import { createLaneBench, type LaneBench } from '../helpers/lane-bench.ts';
import { findNextLaneAt } from '../helpers/lanes.ts';

const parent = parentOf(conversation);
let lane: LaneBench;

beforeEach(async () => {
  lane = await createLaneBench();
});

const hasten = (after = lane.clock.now()) => hastenParent(lane.db, parent, { after, now: lane.clock.now() });

function accept(id: string, more: object = {}) {
  const now = lane.clock.now();
  const request = parseNotifyRequest({ to: { conversationId: id }, message: { text: id }, ...more }, now, 86_400_000);
  return acceptNotification(lane.db, 'test', request, now);
}

it('what waits for its next attempt is due now', async () => {
  lane.answer = () => ({ kind: 'refused', status: 503, retryAfter: '3600', detail: 'why' });
  const { id } = await accept('c');
  await lane.work();
  expect(await findNextLaneAt(lane.db)).toBeGreaterThan(lane.clock.now() + 3_000_000);
  expect(await hasten()).toBeUndefined();
  expect(await findNextLaneAt(lane.db)).toBe(lane.clock.now());
  lane.answer = () => ({ kind: 'delivered', status: 200 });
  await lane.work();
  expect((await lane.viewOf(id)).status).toBe('delivered');
});

it('what is to be sent later, and the deadline of a wait, stay where they are', async () => {
  await lane.openWait('w1');
  const sendAt = new Date(lane.clock.now() + 60_000).toISOString();
  await accept('c', { sendAt });
  await hasten();
  expect(await findNextLaneAt(lane.db)).toBe(lane.clock.now() + 60_000);
  await lane.work();
  expect(lane.sent).toEqual([]);
});

it('another parent is not touched, and many lanes go chunk by chunk', async () => {
  const now = lane.clock.now();
  const ids = Array.from({ length: 1_200 }, (_, index) => `c${index}`);
  for (const id of ids) await saveConversation(lane.db, { ...conversation, id, userKey: id });
  await saveConversation(lane.db, { ...conversation, id: 'elsewhere', serviceUrl: 'https://other.example.com/' });
  for (const id of [...ids, 'elsewhere']) await accept(id);
  let runAt = now + 1_000_000;
  for (const id of [...ids, 'elsewhere']) {
    runAt += 1;
    await lane.db.updateTable('deliveries').set({ run_at: runAt }).where('conversation_id', '=', id).execute();
    await lane.db.updateTable('lanes').set({ run_at: runAt }).where('conversation_id', '=', id).execute();
  }
  let chunks = 0;
  for (let after: number | undefined = now; after !== undefined; chunks += 1) after = await hasten(after);
  expect(chunks).toBe(3);
  const late = await lane.db.selectFrom('lanes').select('conversation_id').where('run_at', '>', now).execute();
  expect(late).toEqual([{ conversation_id: 'elsewhere' }]);
});
