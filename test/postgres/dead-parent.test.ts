// Two replicas of the service and a parent that is down: it gets no more requests than from one.

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { asReplica, type Replica, startReplica } from '../helpers/replicas.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

describe('two replicas and a parent that is down', () => {
  type Status = { deliveries: Record<string, number>; parents: { nextTryAt: string }[] };
  const conversations = 30;
  let skill: Skill;
  let replicas: readonly Replica[];
  let pushes = 0;

  beforeEach(async () => {
    pushes = 0;
    skill = await startSkill();
    onTestFinished(() => skill.stop());
    const second = await startReplica(skill, { clock: skill.clock });
    replicas = [asReplica(skill.url, skill.log, () => Promise.resolve()), second];
    for (let index = 0; index < conversations; index += 1) {
      const conversation = skill.standIn.openConversation({ user: { id: `user ${index}` } });
      await conversation.callAction('waitForNotification', { subject: `s/${index}` });
    }
    skill.standIn.onWire((record) => {
      if (record.direction === 'skill->agent') pushes += 1;
    });
  });

  const statusOf = async (replica: Replica | undefined): Promise<Status> =>
    (await replica?.ask('/api/status'))?.json() as Promise<Status>;
  const untilIdle = () =>
    eventually('nothing is in flight', async () => (await statusOf(replicas[0])).deliveries['sending'] === 0);

  /** A probe that is due has been made, if there is anything that is due for it. */
  const untilProbed = () =>
    eventually(
      'no probe is due',
      async () => {
        const [open] = (await statusOf(replicas[0])).parents;
        return open === undefined || Date.parse(open.nextTryAt) > skill.clock.now();
      },
      300,
    ).catch(() => undefined);

  it('leave it alone together, and deliver everything once it is back', async () => {
    const mend = skill.standIn.faults.set({ fault: { kind: 'close' } });
    const ids: string[] = [];
    for (let index = 0; index < conversations; index += 1) {
      const sent = await replicas[index % 2]?.notify({ subject: `s/${index}`, text: 'hello', keepOpen: true });
      ids.push(sent?.id ?? '');
    }
    const openAt: number[] = [];
    await Promise.all(
      replicas.map((replica, index) =>
        eventually('it is open', async () => (await statusOf(replica)).parents.length > 0).then(
          () => (openAt[index] = performance.now()),
        ),
      ),
    );
    const apartMs = Math.round(Math.abs((openAt[0] ?? 0) - (openAt[1] ?? 0)));
    await untilIdle();
    const before = pushes;
    for (let passed = 0; passed < 300_000; passed += 15_000) {
      skill.clock.advance(15_000);
      await untilProbed();
      await untilIdle();
    }
    const meanwhile = pushes - before;
    console.log(
      `two replicas, parent down: ${before} requests until the circuit is open (seen ${apartMs} ms apart), then ${meanwhile} in five minutes`,
    );
    expect(apartMs).toBeLessThan(1_000);
    expect(before).toBeLessThanOrEqual(2 * conversations);
    expect(meanwhile).toBeLessThanOrEqual(7);
    expect(meanwhile).toBeGreaterThanOrEqual(2);
    mend();
    await eventually('everything is delivered', async () => {
      skill.clock.advance(15_000);
      await untilProbed();
      return (await statusOf(replicas[1])).deliveries['delivered'] === conversations;
    });
    for (const replica of replicas) {
      await eventually('it is closed', async () => (await statusOf(replica)).parents.length === 0);
    }
    expect(new Set(ids).size).toBe(conversations);
  });
});
