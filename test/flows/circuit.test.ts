// A parent that is in trouble as a whole: it is left alone, the operator is told why, nothing is lost.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

type Status = {
  readonly deliveries: Record<string, number>;
  readonly parents: { audience: string; cause: string; detail: string; nextTryAt: string }[];
};

const conversations = 25;
let skill: Skill;
let pushes = 0;

beforeEach(async () => {
  skill = await startSkill();
  pushes = 0;
  for (let index = 0; index < conversations; index += 1) {
    const conversation = skill.standIn.openConversation({ user: { id: `user ${index}` } });
    await conversation.callAction('waitForNotification', { subject: `s/${index}` });
  }
  skill.standIn.onWire((record) => {
    if (record.direction === 'skill->agent') pushes += 1;
  });
});
afterEach(() => skill.stop());

async function readStatus(): Promise<Status> {
  const answer = await fetch(`${skill.url}/api/status`, { headers: { 'X-API-Key': apiKey } });
  return (await answer.json()) as Status;
}

async function notifyAll(): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < conversations; index += 1) {
    const sent = await skill.notify({ subject: `s/${index}`, text: 'hello', keepOpen: true });
    ids.push(String(sent.body['id']));
  }
  return ids;
}

const untilIdle = () =>
  eventually('nothing is in flight', async () => {
    const { deliveries } = await readStatus();
    return deliveries['sending'] === 0;
  });

/** Lets time pass in steps that no attempt is longer than. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5_000) {
    skill.clock.advance(5_000);
    await untilIdle();
  }
}

describe('a parent that refuses our credential everywhere', () => {
  it('is left alone with the likely causes in words, and gets everything once it is mended', async () => {
    const mend = skill.standIn.faults.set({ fault: { kind: 'answer', status: 401, body: 'canary' } });
    const ids = await notifyAll();
    const open = await eventually('the circuit opens', async () => (await readStatus()).parents[0]);
    expect(open).toMatchObject({ cause: 'unauthorized', audience: skill.standIn.agent.appId });
    for (const cause of ['audience', 'MicrosoftAppTenantId', 'Entra Agent ID', 'share one app id']) {
      expect(open.detail).toContain(cause);
    }
    const alarm = skill.log.map((line) => JSON.parse(line) as Record<string, unknown>).find((line) => line['parent']);
    expect(alarm).toMatchObject({ level: 'error', cause: 'unauthorized' });
    // What the parent says may be anything.
    expect(skill.log.join('')).not.toContain('canary');

    await untilIdle();
    const before = pushes;
    await pass(10 * 60_000);
    // One at a time, after 15, 30, 60, then every 120 s; without the circuit it would be five for each conversation.
    console.log(
      `401 everywhere: ${before} requests until the circuit opens, ${pushes - before} in the ten minutes after`,
    );
    expect(pushes - before).toBeLessThanOrEqual(10);
    const { deliveries } = await readStatus();
    expect(deliveries).toMatchObject({ pending: conversations, dead: 0, held: 0 });

    mend();
    await pass(120_000);
    for (const id of ids) await skill.settled(id, 'delivered');
    expect((await readStatus()).parents).toEqual([]);
  }, 60_000);
});

describe('a parent that is down', () => {
  it('gets few requests meanwhile and everything within two minutes after, and nothing dies', async () => {
    const mend = skill.standIn.faults.set({ fault: { kind: 'close' } });
    const ids = await notifyAll();
    const open = await eventually('the circuit opens', async () => (await readStatus()).parents[0]);
    expect(open).toMatchObject({ cause: 'failing' });
    await untilIdle();
    await pass(10 * 60_000);
    console.log(`parent down for ten minutes: ${pushes} requests for ${conversations} conversations`);
    expect(pushes).toBeLessThanOrEqual(60);
    mend();
    await pass(120_000);
    for (const id of ids) await skill.settled(id, 'delivered');
    expect((await readStatus()).deliveries['dead']).toBe(0);
  }, 60_000);
});
