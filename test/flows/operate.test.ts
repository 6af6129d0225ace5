// What operators do with deliveries that went nowhere, and senders with notifications they no longer want.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentConversation } from '../../standin/types.ts';
import type { DeliveryView } from '../../src/notifications/delivery-view.ts';
import type { NotificationView } from '../../src/notifications/notification-view.ts';
import { eventually } from '../helpers/eventually.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill();
});
afterEach(() => skill.stop());

type Answer<T> = { readonly status: number; readonly headers: Headers; readonly body: T };

async function get<T = DeliveryView>(path: string): Promise<Answer<T>> {
  const answer = await fetch(`${skill.url}/api/${path}`, { headers: { 'x-api-key': apiKey } });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as T };
}

async function post<T = unknown>(path: string, body: unknown = {}): Promise<Answer<T>> {
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  const answer = await fetch(`${skill.url}/api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as T };
}

/** Every delivery that the filter names, asked for one by one. */
async function list(filter: string): Promise<DeliveryView[]> {
  type DeliveryPage = { readonly items: DeliveryView[]; readonly nextCursor: string | null };
  const items: DeliveryView[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const from: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const { body }: Answer<DeliveryPage> = await get<DeliveryPage>(`deliveries?${filter}&limit=1${from}`);
    items.push(...body.items);
    cursor = body.nextCursor;
  }
  return items;
}

async function openWait(subject: string, user?: string): Promise<AgentConversation> {
  const conversation = skill.standIn.openConversation(user === undefined ? {} : { user: { id: user } });
  await conversation.callAction('waitForNotification', { subject });
  return conversation;
}

const texts = (conversation: AgentConversation) =>
  conversation.transcript.filter((line) => line.from === 'skill' && line.type === 'message').map((line) => line.text);

/** Sends it, and waits until it has this status. */
async function send(body: unknown, status: string): Promise<NotificationView & { readonly delivery: DeliveryView }> {
  const sent = await skill.notify(body);
  expect(sent.status).toBe(202);
  const view = await skill.settled(String(sent.body['id']), status);
  return { ...view, delivery: view.deliveries[0] as DeliveryView };
}

/** One that the parent has answered with 400. */
async function sendInVain(subject: string, text = 'hello') {
  skill.standIn.faults.answerNext({ status: 400 });
  return send({ subject, text }, 'dead');
}

async function hold(text = 'later') {
  const conversation = skill.standIn.openConversation();
  await conversation.callAction('subscribe', { subject: 'news' });
  return { conversation, ...(await send({ subject: 'news', text }, 'held')) };
}

const cancel = (id: string) => post<NotificationView>(`notifications/${id}/cancel`);

const inAMinute = () => new Date(skill.clock.now() + 60_000).toISOString();

describe('a delivery that the parent has refused', () => {
  it('is dead with the reason in words, listed, and delivered when it is tried again', async () => {
    const conversation = await openWait('s');
    const { id, delivery } = await sendInVain('s');
    expect(delivery).toMatchObject({
      status: 'dead',
      reason: 'rejected',
      reasonText: expect.stringContaining('The parent refused the activity (400).'),
      attempts: [{ number: 1, status: 400, outcome: 'refused' }],
    });
    expect(await list('status=dead')).toEqual([delivery]);
    expect(await list('status=dead&reason=rejected')).toEqual([delivery]);
    expect(await list('status=dead&reason=expired')).toEqual([]);
    expect(await list('status=held')).toEqual([]);

    const retried = await post<DeliveryView>(`deliveries/${delivery.id}/retry`);
    expect(retried).toMatchObject({ status: 200, body: { id: delivery.id } });
    const view = await skill.settled(id, 'delivered');
    expect(view.deliveries).toMatchObject([
      {
        id: delivery.id,
        reason: null,
        reasonText: null,
        attempts: [
          { number: 1, step: 'message', status: 400 },
          { number: 2, step: 'message', status: 200 },
          { number: 3, step: 'end', status: 200 },
        ],
      },
    ]);
    expect(conversation.action).toMatchObject({ state: 'ended', outputs: { status: 'notified', text: 'hello' } });
    expect(await list('status=dead')).toEqual([]);
    expect(await post(`deliveries/${delivery.id}/retry`)).toMatchObject({
      status: 409,
      body: { code: 'not_retryable', detail: expect.stringContaining('delivered') },
    });
  });

  it('is tried again with all others of the filter, and only those', async () => {
    const conversations = [await openWait('a', 'user-1'), await openWait('b', 'user-2')];
    const dead = [await sendInVain('a'), await sendInVain('b')];
    const held = await hold();
    expect((await list('status=dead')).map(({ id }) => id)).toEqual(
      dead.map(({ delivery }) => delivery.id).toReversed(),
    );
    expect((await post('deliveries/retry', { status: 'dead', reason: 'expired' })).body).toEqual({ retried: 0 });
    expect((await post('deliveries/retry', { status: 'dead', reason: 'rejected' })).body).toEqual({ retried: 2 });
    for (const { id } of dead) await skill.settled(id, 'delivered');
    for (const conversation of conversations) expect(texts(conversation).at(-1)).toBe('hello');
    expect((await get(`deliveries/${held.delivery.id}`)).body).toEqual(held.delivery);
  });

  it('takes its place behind what is pending', async () => {
    const conversation = await openWait('s');
    const earlier = await sendInVain('s', 'first accepted');
    skill.standIn.faults.answerNext({ status: 500 });
    const later = await skill.notify({
      to: { subject: 's' },
      message: { text: 'second accepted' },
      keepOpen: true,
    });
    await eventually('the second has failed', async () => {
      const { deliveries } = await skill.findNotification(String(later.body['id']));
      return deliveries[0]?.status === 'pending' && deliveries[0].attempts.length === 1;
    });
    expect((await post(`deliveries/${earlier.delivery.id}/retry`)).body).toMatchObject({ status: 'pending' });
    skill.clock.advance(5_000);
    await skill.settled(earlier.id, 'delivered');
    expect(texts(conversation).slice(-2)).toEqual(['second accepted', 'first accepted']);
  });

  it('is forgotten by a purge of what the filter names', async () => {
    await openWait('s');
    const { id, delivery } = await sendInVain('s');
    expect((await post('deliveries/purge', { status: 'cancelled' })).body).toEqual({ purged: 0 });
    expect((await post('deliveries/purge', { status: 'dead', notificationId: 'x' })).body).toEqual({ purged: 0 });
    expect((await post('deliveries/purge', { status: 'dead', notificationId: id })).body).toEqual({ purged: 1 });
    expect((await get(`deliveries/${delivery.id}`)).status).toBe(404);
    expect((await post(`deliveries/${delivery.id}/retry`)).status).toBe(404);
    expect((await skill.findNotification(id)).counts.dead).toBe(0);
  });
});

describe('a held delivery that is tried again', () => {
  it('is pushed once, whatever is known of the conversation, and held again when that is refused', async () => {
    const { id, delivery } = await hold();
    expect(delivery.attempts).toEqual([]);
    skill.standIn.faults.answerNext({ status: 403 });
    await post(`deliveries/${delivery.id}/retry`);
    const refused = await eventually('it was refused', async () => {
      const { body } = await get(`deliveries/${delivery.id}`);
      return body.status === 'held' && body.attempts.length === 1 && body;
    });
    expect(refused).toMatchObject({ reason: 'forbidden', attempts: [{ number: 1, via: 'push', status: 403 }] });
    skill.clock.advance(10_000);
    await skill.settled(id, 'held');
    expect((await get(`deliveries/${delivery.id}`)).body.attempts).toHaveLength(1);
  });

  it('is delivered when the parent takes it', async () => {
    const { id, delivery } = await hold();
    skill.standIn.faults.answerNext({ status: 200 });
    expect((await post('deliveries/retry', { status: 'held' })).body).toEqual({ retried: 1 });
    const view = await skill.settled(id, 'delivered');
    expect(view.deliveries).toMatchObject([{ id: delivery.id, attempts: [{ number: 1, via: 'push', status: 200 }] }]);
  });
});

describe('a notification that its sender cancels', () => {
  it('is not sent when its time comes', async () => {
    const conversation = await openWait('s');
    const { id } = await send({ subject: 's', text: 'too late', sendAt: inAMinute() }, 'pending');
    const cancelled = await cancel(id);
    expect(cancelled).toMatchObject({
      status: 200,
      body: { id, status: 'cancelled', counts: { pending: 0, cancelled: 1 }, deliveries: [{ reason: 'cancelled' }] },
    });
    skill.clock.advance(61_000);
    await send({ subject: 's', text: 'in time' }, 'delivered');
    expect(texts(conversation)).not.toContain('too late');
    expect((await cancel(id)).body).toEqual(cancelled.body);
  });

  it('is no longer held for the next turn', async () => {
    const { id, conversation } = await hold();
    expect((await cancel(id)).body).toMatchObject({ status: 'cancelled', counts: { held: 0, cancelled: 1 } });
    await conversation.callAction('getNotifications', { subject: '' });
    expect(conversation.action?.outputs).toMatchObject({ count: 0 });
    expect((await skill.findNotification(id)).status).toBe('cancelled');
  });

  it('is not given to whoever waits for it later', async () => {
    const { id } = await send({ subject: 's', text: 'never mind' }, 'waiting');
    expect((await cancel(id)).body).toMatchObject({ status: 'cancelled', recipients: 0 });
    const conversation = await openWait('s');
    expect(conversation.action?.state).toBe('open');
    expect(texts(conversation)).not.toContain('never mind');
    expect((await skill.findNotification(id)).status).toBe('cancelled');
  });

  it('stays with those who have it', async () => {
    const conversation = await openWait('s', 'user-1');
    await skill.standIn.openConversation({ user: { id: 'user-2' } }).callAction('subscribe', { subject: 's' });
    const { id } = await send({ subject: 's', text: 'hello' }, 'held');
    await conversation.until((now) => now.action?.state === 'ended');
    await eventually('one is delivered', async () => (await skill.findNotification(id)).counts.delivered === 1);
    expect((await cancel(id)).body).toMatchObject({ counts: { delivered: 1, held: 0, cancelled: 1 } });
    expect(texts(conversation).at(-1)).toBe('hello');
    expect((await cancel('019ab3c2-7d1e-7c44-9a52-0c1f7b2f5d10')).status).toBe(404);
  });
});

it('GET /api/notifications lists what was accepted last first, page by page', async () => {
  const ids: string[] = [];
  for (const text of ['1', '2', '3']) ids.unshift((await send({ subject: 's', text }, 'waiting')).id);
  type NotificationPage = { readonly items: NotificationView[]; readonly nextCursor: string | null };
  const first = await get<NotificationPage>('notifications?limit=2');
  const second = await get<NotificationPage>(`notifications?limit=2&cursor=${first.body.nextCursor}`);
  expect([...first.body.items, ...second.body.items].map(({ id }) => id)).toEqual(ids);
  expect(second.body.nextCursor).toBeNull();
  expect(first.body.items[0]).not.toHaveProperty('deliveries');
});
