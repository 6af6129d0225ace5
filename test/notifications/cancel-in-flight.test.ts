// A sender takes back what an attempt, or a turn, has in hand.

import { beforeEach, expect, it } from 'vitest';
import { setReachability } from '../../src/conversations/conversation-store.ts';
import { cancelNotification } from '../../src/notifications/cancel-notification.ts';
import { createInbox } from '../../src/notifications/inbox.ts';
import { purgeDeliveries } from '../../src/notifications/replay-deliveries.ts';
import { forgetConversations } from '../../src/notifications/retention-store.ts';
import type { SendOutcome } from '../../src/notifications/notification.ts';
import { conversation } from '../helpers/conversation.ts';
import { createLaneBench, type LaneBench } from '../helpers/lane-bench.ts';

const refused = (status: number): SendOutcome => ({ kind: 'refused', status, retryAfter: undefined, detail: 'why' });
let lane: LaneBench;
beforeEach(async () => {
  lane = await createLaneBench();
});
const cancel = (id: string) => cancelNotification(lane.db, id, lane.clock.now());
const inboxOf = () => createInbox({ db: lane.db, now: lane.clock.now, onSettled: () => undefined })(conversation);

it('cancelled in flight, and the attempt is refused for good (403): cancelled, not held', async () => {
  await lane.openWait('w1');
  const { id } = await lane.accept('unwanted');
  lane.answer = async () => {
    await cancel(id);
    return refused(403);
  };
  await lane.work();
  expect((await lane.viewOf(id)).status).toBe('cancelled');
});

it('cancelled while a turn has it, and the turn fails: cancelled, not held', async () => {
  await lane.openWait('w1');
  const { id } = await lane.accept('unwanted');
  lane.answer = () => refused(403);
  await lane.work();
  const [item] = await inboxOf().take({ limit: 1 });
  await cancel(id);
  await item?.putBack();
  expect((await lane.viewOf(id)).status).toBe('cancelled');
});

it('what is held but cancelled hides nothing from a turn that takes one', async () => {
  await lane.openWait('w1');
  const { id } = await lane.accept('unwanted');
  lane.answer = async () => {
    await cancel(id);
    return refused(403);
  };
  await lane.work();
  await lane.accept('wanted');
  await setReachability(lane.db, 'c', 'held', 'x');
  await lane.work();
  const items = await inboxOf().take({ subject: 's', limit: 1 });
  expect(items.map((item) => item.notification.content.message?.text)).toEqual(['wanted']);
});

it('whoever waits is told when an attempt in flight ends cancelled', async () => {
  await lane.openWait('w1');
  const { id } = await lane.accept('unwanted');
  lane.answer = async () => {
    await cancel(id);
    lane.settled.length = 0;
    return refused(503);
  };
  await lane.work();
  expect((await lane.viewOf(id)).status).toBe('cancelled');
  expect(lane.settled).toEqual([id]);
});

it('a conversation is not forgotten before its dead deliveries are', async () => {
  await lane.openWait('w1');
  await lane.accept('x');
  lane.answer = () => refused(400);
  await lane.work();
  lane.answer = () => ({ kind: 'delivered', status: 200 });
  await lane.passDeadline();
  const forget = () => forgetConversations(lane.db, lane.clock.now() + 1);
  expect(await forget()).toBe(0);
  expect(await purgeDeliveries(lane.db, { status: 'dead' })).toBe(1);
  expect(await forget()).toBe(1);
});
