// T22: a person is erased in the middle of a turn, or while very much is going on: nothing of them comes back.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { ask, countInFiles, erase, meetPerson, nothing, type Person, show, tellPerson } from '../helpers/people.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
afterEach(() => skill.stop());

const user = { id: '29:canary', aadObjectId: '0000abcd-0000-4000-8000-00000000000e' };
const isStored = async (): Promise<boolean> => (await show(skill, user.aadObjectId)).status === 200;

it('a wait that was about to be opened is not, and its action is ended', async () => {
  skill = await startSkill();
  const conversation = skill.standIn.openConversation({ user });
  // The parent thinks about the first message, and the turn goes on when it has answered.
  skill.standIn.faults.set({ fault: { kind: 'delay', ms: 800 }, times: 1 });
  const turn = conversation.callAction('waitForNotification', { subject: 's' });
  await eventually('the turn has begun', isStored);
  expect((await erase(skill, user.aadObjectId)).body).toEqual({ ...nothing, conversations: 1 });
  await turn;
  expect(conversation.action).toMatchObject({ state: 'ended', outputs: { status: 'cancelled', subject: 's' } });
  expect([await isStored(), countInFiles(skill.dataDir, '29:canary')]).toEqual([false, 0]);
});

it('a turn that waits in the test pane ends, and takes nothing along that nobody had yet', async () => {
  skill = await startSkill({ env: { WAIT_IN_TURN_SECONDS: '5' } });
  const conversation = skill.standIn.openConversation({ channel: 'pva-studio', user });
  const turn = conversation.callAction('waitForNotification', { subject: 's' });
  await eventually('the turn waits', async () => {
    const { body } = await show(skill, user.aadObjectId);
    return (body['subscriptions'] as unknown[] | undefined)?.length === 1;
  });
  await erase(skill, user.aadObjectId);
  const sent = await skill.notify({ subject: 's', text: 'for whoever asks next' });
  const isOver = turn.then(() => true);
  await eventually('the turn is over', async () => {
    skill.clock.advance(250);
    return Promise.race([isOver, nextTurn(false)]);
  });
  expect(conversation.action).toMatchObject({ state: 'ended', outputs: { status: 'pushUnavailable' } });
  expect([await isStored(), countInFiles(skill.dataDir, 'canary')]).toEqual([false, 0]);
  expect(await skill.findNotification(String(sent.body['id']))).toMatchObject({ status: 'waiting', recipients: 0 });
  const next = skill.standIn.openConversation();
  await next.callAction('waitForNotification', { subject: 's' });
  expect(next.action).toMatchObject({ state: 'ended', outputs: { text: 'for whoever asks next' } });
});

it('what is in flight is delivered once, and stored nowhere', async () => {
  skill = await startSkill();
  const person = await meetPerson(skill, 'canary');
  const received: string[] = [];
  skill.standIn.onReceive(({ activity }) => void received.push(String(activity['text'])));
  skill.standIn.faults.set({ fault: { kind: 'delay', ms: 500 }, times: 1, after: true });
  const sent = await skill.notify({ to: { userId: person.id }, message: { text: 'in flight' } });
  await eventually('it is in flight', () => received.includes('in flight'));
  expect((await erase(skill, person.id)).body).toMatchObject({ conversations: 1, deliveries: 1, attempts: 0 });
  await eventually('its attempt has ended', () => skill.log.some((line) => line.includes('"msg":"attempt"')));
  await skill.restart();
  skill.clock.advance(3_600_000);
  await tellPerson(skill, await meetPerson(skill, 'other'), 'the worker has been by');
  expect(received.filter((text) => text === 'in flight')).toHaveLength(1);
  expect((await ask(skill, 'GET', `/api/notifications/${String(sent.body['id'])}`)).status).toBe(404);
  expect([(await show(skill, person.id)).status, countInFiles(skill.dataDir, 'in flight')]).toEqual([404, 0]);
});

it('under load: turns and notifications go on, others get all of theirs once, of the erased nothing is left', async () => {
  skill = await startSkill({ env: { CONVERSATION_SEND_RATES: '1:1000', HOST_SEND_RATE: '0' } });
  const canary = await meetPerson(skill, 'canary');
  const others = await Promise.all(['a', 'b', 'c', 'd'].map((name) => meetPerson(skill, name)));
  const counts = { refused: 0, erasures: 0, turns: 0 };
  const sentTo = new Map<Person, string[]>(others.map((person) => [person, []]));
  const over = new AbortController();
  const send = async (): Promise<void> => {
    for (let index = 0; index < 15; index += 1) {
      for (const person of others) {
        const text = `text ${index} for ${person.id}`;
        await skill.notify({ to: { userId: person.id }, message: { text }, keepOpen: true });
        sentTo.get(person)?.push(text);
      }
      const message = { text: `canary text ${index}` };
      await skill.notify({ to: { all: true }, message: { text: `to all ${index}` }, keepOpen: true });
      const { status } = await skill.notify({ to: { userId: canary.id }, message, keepOpen: true });
      if (status === 422) counts.refused += 1;
    }
    over.abort();
  };
  const talk = async (): Promise<void> => {
    for (; !over.signal.aborted; counts.turns += 1) {
      await canary.conversation.callAction('waitForNotification', { subject: 'order of canary' });
      await canary.conversation.say('canary says hello');
    }
  };
  const eraseAgain = async (): Promise<void> => {
    for (; !over.signal.aborted; counts.erasures += 1) expect((await erase(skill, canary.id)).status).toBe(200);
  };
  await Promise.all([send(), talk(), eraseAgain()]);
  await erase(skill, canary.id);
  for (const [person, texts] of sentTo) {
    const got = (): string[] =>
      person.conversation.transcript.map(({ text }) => text).filter((text) => texts.includes(text));
    await eventually(`${person.id} has all`, () => got().length >= texts.length);
    expect(got()).toEqual(texts);
  }
  const told = (): number => canary.conversation.transcript.length;
  const before = told();
  await skill.restart();
  skill.clock.advance(3_600_000);
  await tellPerson(skill, await meetPerson(skill, 'newcomer'), 'the worker has been by');
  expect([told(), (await show(skill, canary.id)).status]).toEqual([before, 404]);
  const marks = ['canary', canary.id, canary.conversationId, canary.conversation.id];
  expect(marks.map((mark) => countInFiles(skill.dataDir, mark))).toEqual([0, 0, 0, 0]);
  expect(counts.erasures).toBeGreaterThan(3);
  expect(counts.turns).toBeGreaterThan(3);
  const faults = skill.log.filter((line) => /"level":"(?:error|fatal)"/.test(line));
  expect(faults).toEqual([]);
  console.log(`T22 under load: ${JSON.stringify(counts)}`);
});
