// Corners of what operators and senders do, where several parts of the service have to agree.

import { afterEach, expect, it } from 'vitest';
import type { DeliveryView } from '../../src/notifications/delivery-view.ts';
import type { NotificationView } from '../../src/notifications/notification-view.ts';
import type { AgentConversation } from '../../standin/types.ts';
import { countConversations } from '../helpers/activities.ts';
import { eventually } from '../helpers/eventually.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

const minute = 60_000;
const hour = 60 * minute;

let skill: Skill;
afterEach(() => skill.stop());

type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown };

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(`${skill.url}/api/${path}`, {
    method: 'POST',
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

async function openWait(): Promise<AgentConversation> {
  const conversation = skill.standIn.openConversation();
  await conversation.callAction('waitForNotification', { subject: 's' });
  return conversation;
}

/** One that the parent has answered with 400. */
async function sendInVain(): Promise<NotificationView & { readonly delivery: DeliveryView }> {
  skill.standIn.faults.answerNext({ status: 400 });
  const sent = await skill.notify({ subject: 's', text: 'hello' });
  const view = await skill.settled(String(sent.body['id']), 'dead');
  return { ...view, delivery: view.deliveries[0] as DeliveryView };
}

/** The only notification there is, once there is one. */
function findAccepted(): Promise<string> {
  return eventually('something is accepted', async () => {
    const answer = await fetch(`${skill.url}/api/notifications`, { headers: { 'x-api-key': apiKey } });
    return ((await answer.json()) as { items: { id: string }[] }).items[0]?.id;
  });
}

it('a notification whose deliveries are purged is forgotten, and does not say that it waits', async () => {
  skill = await startSkill();
  await openWait();
  const { id } = await sendInVain();
  expect((await post('deliveries/purge', { status: 'dead' })).body).toEqual({ purged: 1 });
  expect(await skill.findNotification(id)).toMatchObject({ status: 'forgotten', recipients: 1, deliveries: [] });
  // Nor is it given to whoever waits next.
  const next = await openWait();
  expect(next.action?.state).toBe('open');
  expect((await skill.findNotification(id)).status).toBe('forgotten');
});

it.each(['waitForNotification', 'getNotifications'])(
  'a sender that prefers to wait hears at once of what a turn gives: %s',
  async (action) => {
    skill = await startSkill();
    // Time stands still: the answer comes because it was told, or never.
    const answering = post('notify', { subject: 's', text: 'early' }, { prefer: 'wait=30' });
    const id = await findAccepted();
    const conversation = skill.standIn.openConversation();
    await conversation.callAction(action, { subject: 's' });
    expect(conversation.action?.state).toBe('ended');
    const { status, headers, body } = await answering;
    expect([status, headers.get('preference-applied')]).toEqual([200, 'wait']);
    expect(body).toMatchObject({ id, status: 'delivered', recipients: 1, counts: { delivered: 1 } });
  },
);

it('a sender that prefers to wait hears at once that its notification is cancelled', async () => {
  skill = await startSkill();
  const answering = post('notify', { subject: 's', text: 'never mind' }, { prefer: 'wait=30' });
  const id = await findAccepted();
  await post(`notifications/${id}/cancel`, {});
  expect(await answering).toMatchObject({ status: 200, body: { id, status: 'cancelled', recipients: 0 } });
});

it('a conversation is kept as long as a dead delivery of it is, which can still be tried again', async () => {
  skill = await startSkill({ env: { CONVERSATION_DAYS: '1' } });
  const conversation = await openWait();
  const { id, delivery } = await sendInVain();
  await conversation.cancel();
  skill.clock.advance(25 * hour);
  await post('deliveries/retry', { status: 'dead' });
  // Its action is over: the parent takes no more there.
  const { deliveries } = await skill.settled(id, 'held');
  expect(deliveries).toMatchObject([{ id: delivery.id, attempts: [{ number: 1 }, { number: 2 }] }]);
  // Then both go, the conversation last.
  await eventually('the conversation is forgotten', async () => {
    skill.clock.advance(24 * hour);
    return (await countConversations(skill)) === 0;
  });
  expect((await post('deliveries/retry', { status: 'dead' })).body).toEqual({ retried: 0 });
});
