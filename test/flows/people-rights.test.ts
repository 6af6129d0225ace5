// T22: what is stored about a person is shown and erased over HTTP, by operators alone.

import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOnPostgres } from '../helpers/database.ts';
import { postActivity } from '../helpers/activities.ts';
import { eventually } from '../helpers/eventually.ts';
import { ask, countInFiles, erase, meetPerson, nothing, type Person, show, tellPerson } from '../helpers/people.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

const meet = (name: string) => meetPerson(skill, name);
const tell = (person: Person, text: string) => tellPerson(skill, person, text);

describe('an export', () => {
  it('has everything, with the texts and each attempt', async () => {
    const ann = await meet('ann');
    await tell(ann, 'for ann alone');
    const answer = await show(skill, ann.id);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      userId: ann.id,
      exportedAt: new Date(skill.clock.now()).toISOString(),
      conversations: [{ id: ann.conversationId, channelUserId: '29:ann', waitingFor: 'order of ann' }],
      waits: [{ subject: 'order of ann', action: 'waitForNotification' }],
      subscriptions: [{ subject: 'news of ann', once: false }],
      deliveries: [{ status: 'delivered', attempts: [{ status: 200 }], notification: { sender: 'test' } }],
      notifications: [{ to: { userId: ann.id }, message: { text: 'for ann alone' } }],
    });
  });

  it('has nothing of anybody else, also where both got the same', async () => {
    const [bob, eve] = [await meet('bob'), await meet('eve')];
    await tell(eve, 'for eve alone');
    const sent = await skill.notify({ to: { all: true }, message: { text: 'for all' }, keepOpen: true });
    await skill.settled(String(sent.body['id']), 'delivered');
    const text = JSON.stringify((await show(skill, bob.id)).body);
    expect(text).toContain('for all');
    for (const other of [eve.id, eve.conversationId, '29:eve', 'of eve', 'eve alone'])
      expect(text).not.toContain(other);
  });

  it('is written while it is read, and a client that leaves in the middle harms nobody', async () => {
    const rita = await meet('rita');
    for (let index = 0; index < 40; index += 1) {
      await skill.notify({ to: { userId: rita.id }, message: { text: 'x'.repeat(7_900) }, sendAt: later() });
    }
    const leaving = new AbortController();
    const headers = { 'x-api-key': apiKey };
    const answer = await fetch(`${skill.url}/api/users/${rita.id}`, { headers, signal: leaving.signal });
    expect([answer.headers.get('content-length'), answer.headers.get('content-type')]).toEqual([
      null,
      'application/json',
    ]);
    await answer.body?.getReader().read();
    leaving.abort();
    const { body } = await show(skill, rita.id);
    expect((body['deliveries'] as unknown[]).length).toBe(40);
    expect((await erase(skill, rita.id)).body).toMatchObject({ deliveries: 40, notifications: 40 });
  });

  it.each(['nobody', 'msteams:nobody', randomUUID(), 'a/b', '%'])('of %s, whom nobody knows, is 404', async (id) => {
    expect(await show(skill, id)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});

const later = () => new Date(skill.clock.now() + 3_600_000).toISOString();

describe('an erasure', () => {
  it('counts what it took; the second one finds nothing, and is no error', async () => {
    const carl = await meet('carl');
    await tell(carl, 'for carl alone');
    const all = { conversations: 1, waits: 1, subscriptions: 1, deliveries: 1, attempts: 1, notifications: 1 };
    expect(await erase(skill, carl.id)).toEqual({ status: 200, body: all });
    expect(await erase(skill, carl.id)).toEqual({ status: 200, body: nothing });
    expect((await show(skill, carl.id)).status).toBe(404);
  });

  it('of somebody whom nobody knows is 200 with zeros', async () => {
    expect(await erase(skill, 'msteams:never seen')).toEqual({ status: 200, body: nothing });
  });

  it.skipIf(isOnPostgres)('leaves nothing of them in any file, and everything of others', async () => {
    const [dora, otto] = [await meet('dora-canary'), await meet('otto')];
    await tell(dora, 'a text for the canary dora');
    await tell(otto, 'a text for otto');
    const otherOne = (await show(skill, otto.id)).body;
    expect(countInFiles(skill.dataDir, 'canary')).toBeGreaterThan(3);
    await erase(skill, dora.id);
    const marks = ['canary', dora.id, dora.conversation.id, dora.conversationId];
    expect(marks.map((mark) => countInFiles(skill.dataDir, mark))).toEqual([0, 0, 0, 0]);
    expect((await show(skill, otto.id)).body).toEqual(otherOne);
  });

  it('makes them unknown to senders, by their id and by their conversation', async () => {
    const finn = await meet('finn');
    await erase(skill, finn.id);
    for (const to of [{ userId: finn.id }, { conversationId: finn.conversationId }]) {
      const refused = await skill.notify({ to, message: { text: 'x' } });
      expect(refused).toMatchObject({ status: 422, body: { code: 'invalid_notification' } });
    }
  });

  it('lets what was for their subject wait for the next who asks', async () => {
    await erase(skill, (await meet('gus')).id);
    const sent = await skill.notify({ subject: 'order of gus', text: 'shipped' });
    expect(sent.body).toMatchObject({ status: 'waiting', recipients: 0 });
  });

  it('takes what was still to be sent: nothing of it goes out', async () => {
    const hana = await meet('hana');
    const sent = await skill.notify({ to: { userId: hana.id }, message: { text: 'too late' }, sendAt: later() });
    await erase(skill, hana.id);
    expect((await ask(skill, 'GET', `/api/notifications/${String(sent.body['id'])}`)).status).toBe(404);
    skill.clock.advance(3_600_000);
    await tell(await meet('somebody else'), 'the worker has been by');
    expect(hana.conversation.transcript.some(({ text }) => text === 'too late')).toBe(false);
  });

  it('is of the past: the next turn makes a new conversation, with nothing of the old, and ends the open action', async () => {
    const ida = await meet('ida');
    await erase(skill, ida.id);
    await ida.conversation.say('hello?');
    expect(ida.conversation.action?.state).toBe('ended');
    const { body } = await show(skill, ida.id);
    expect(body).toMatchObject({ conversations: [{ id: ida.conversationId }], waits: [], deliveries: [] });
    expect(body).toMatchObject({ subscriptions: [], notifications: [] });
  });
});

describe('an id', () => {
  const named = [
    'a/b',
    '/',
    'a b',
    'ü',
    '?a=b',
    '#x',
    '100%',
    '%2F',
    'a;b',
    'a+b',
    "o'neil",
    '"',
    '\\',
    '😀',
    '{}',
    'ÄB',
  ];
  const long = { 'of 1,000 characters': 'x'.repeat(1_000), 'of 1,000 that are escaped': '€'.repeat(1_000) };
  const ids = [...named.map((id) => [id, id] as const), ...Object.entries(long)];
  it.each(ids)('%s: shown and erased as it is', async (_, id) => {
    const from = { id, aadObjectId: '' };
    const conversation = { id: createHash('sha256').update(id).digest('hex') };
    await postActivity(skill, await skill.standIn.signToken(), { from, conversation });
    expect((await show(skill, `msteams:${id}`)).body).toMatchObject({ userId: `msteams:${id}`, conversations: [{}] });
    expect((await erase(skill, `msteams:${id}`)).body).toMatchObject({ conversations: 1 });
    expect((await show(skill, `msteams:${id}`)).status).toBe(404);
  });

  it('of an object counts in any case', async () => {
    const jo = await meet('jo');
    expect((await show(skill, jo.id.toUpperCase())).status).toBe(200);
    expect((await erase(skill, jo.id.toUpperCase())).body).toMatchObject({ conversations: 1 });
  });
});

describe('one conversation', () => {
  it('is erased, and the others of the same person stay', async () => {
    const kim = await meet('kim');
    const second = skill.standIn.openConversation({ user: { id: '29:kim', aadObjectId: kim.id } });
    await second.callAction('subscribe', { subject: 'other news' });
    const sent = await skill.notify({ to: { conversationId: kim.conversationId }, message: { text: 'kim’s' } });
    await skill.settled(String(sent.body['id']), 'delivered');
    // The wait goes right after the delivery that ended it.
    await eventually('the wait is over', async () => ((await show(skill, kim.id)).body['waits'] as []).length === 0);
    const path = `/api/conversations/${kim.conversationId}`;
    const counts = { conversations: 1, waits: 0, subscriptions: 1, deliveries: 1, attempts: 2, notifications: 1 };
    expect(await ask(skill, 'DELETE', path)).toEqual({ status: 200, body: counts });
    expect(await ask(skill, 'DELETE', path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const { body } = await show(skill, kim.id);
    expect(body).toMatchObject({ conversations: [{}], subscriptions: [{ subject: 'other news' }], deliveries: [] });
    expect(countInFiles(skill.dataDir, kim.conversationId)).toBe(0);
    const refused = await skill.notify({ to: { conversationId: kim.conversationId }, message: { text: 'x' } });
    expect(refused.status).toBe(422);
  });

  it.each(['unknown', 'a/b', 'x'.repeat(2_000)])('that is unknown is 404: %s', async (id) => {
    expect((await ask(skill, 'DELETE', `/api/conversations/${encodeURIComponent(id)}`)).status).toBe(404);
  });
});
