import { afterEach, beforeEach, expect, it } from 'vitest';
import { startStandIn, type AgentConversation, type StandIn } from '../../standin/stand-in.ts';
import type { Receipt } from '../../standin/types.ts';
import { createWireLog } from '../../standin/wire-log.ts';
import { type FakeSkill, join, startFakeSkill } from './fake-skill.ts';

let standIn: StandIn;
let skill: FakeSkill;
let token: string;

beforeEach(async () => {
  skill = await startFakeSkill();
  standIn = await startStandIn({ now: () => 7 });
  join(standIn, skill);
  // The clock of the stand-in has only just begun, and so has the token.
  token = await skill.fetchToken(standIn);
});

afterEach(async () => {
  await standIn.stop();
  await skill.stop();
});

async function openAction(): Promise<AgentConversation> {
  const conversation = standIn.openConversation();
  await conversation.callAction('wait');
  return conversation;
}

it('each activity that is taken is told, in order and before its answer', async () => {
  const [one, other] = [await openAction(), await openAction()];
  const receipts: Receipt[] = [];
  const release = standIn.onReceive((receipt) => receipts.push(receipt));
  const activities = [1, 2, 3].map((number) => ({
    type: 'message',
    text: `text ${number}`,
    channelData: { notification: { id: number } },
  }));
  for (const [index, activity] of activities.entries()) {
    await skill.callBack(standIn, index === 1 ? other.id : one.id, activity, { token });
    expect(receipts).toHaveLength(index + 1);
  }
  expect(receipts).toEqual(
    activities.map((activity, index) => ({ conversationId: index === 1 ? other.id : one.id, activity, at: 7 })),
  );
  release();
  await skill.callBack(standIn, one.id, { type: 'message' }, { token });
  expect(receipts).toHaveLength(3);
});

it('what is refused or lost is not told, what is taken before its answer is lost is', async () => {
  const conversation = await openAction();
  const texts: unknown[] = [];
  standIn.onReceive(({ activity }) => texts.push(activity['text']));
  const send = (text: string, to = conversation.id): Promise<Response> =>
    skill.callBack(standIn, to, { type: 'message', text }, { token });
  const lost = { kind: 'answer', status: 503 } as const;
  standIn.faults.set({ fault: lost, times: 1 });
  standIn.faults.set({ fault: lost, after: true, times: 1 });
  await send('lost before');
  await send('lost after');
  await send('to nobody', 'unknown');
  await send('taken');
  expect(texts).toEqual(['lost after', 'taken']);
});

it('a reply in the body of an expectReplies answer is told as well', async () => {
  skill.onActivity = () => ({ body: { activities: [{ type: 'message', text: 'here' }] } });
  const receipts: Receipt[] = [];
  standIn.onReceive((receipt) => receipts.push(receipt));
  const conversation = standIn.openConversation({ channel: 'pva-studio' });
  await conversation.callAction('wait');
  expect(receipts).toMatchObject([{ conversationId: conversation.id, activity: { text: 'here' } }]);
});

it('a conversation with a thousand messages keeps the last 500, and the user’s last words', async () => {
  standIn.addSkill({
    appId: skill.appId,
    endpointUrl: skill.endpointUrl,
    manifest: { name: 's', endpoints: [], activities: { ask: { type: 'message' } } },
  });
  const conversation = standIn.openConversation({ channel: 'pva-studio' });
  await conversation.say('where is my order?');
  const taken: unknown[] = [];
  standIn.onReceive(({ activity }) => taken.push(activity['text']));
  const texts = Array.from({ length: 1_000 }, (_, index) => String(index));
  skill.onActivity = () => ({ body: { activities: texts.map((text) => ({ type: 'message', text })) } });
  await conversation.callAction('wait');
  expect(taken).toEqual(texts);
  expect(conversation.transcript.map((entry) => entry.text)).toEqual(texts.slice(-500));
  await conversation.callAction('ask');
  expect(skill.received.at(-1)?.activity['text']).toBe('where is my order?');
});

it('the wire log forgets the oldest and counts them all', () => {
  const log = createWireLog(() => 0);
  const record = { direction: 'skill->agent', method: 'POST', status: 200 } as const;
  for (let index = 1; index <= 100_000; index += 1) log.record({ ...record, path: String(index) });
  expect(log.records.length).toBeGreaterThanOrEqual(20_000);
  expect(log.records.length).toBeLessThanOrEqual(21_000);
  expect(log.records.at(-1)?.path).toBe('100000');
  expect(log.records[0]?.path).toBe(String(100_001 - log.records.length));
  expect(log.count()).toBe(100_000);
});
