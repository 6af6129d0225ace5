// Who works, and who waits for an answer, hears of other replicas at once; without the connection for it, soon.

import { Client } from 'pg';
import { beforeEach, expect, inject, it, onTestFinished } from 'vitest';
import type { AgentConversation } from '../../standin/types.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Replica, startReplica } from '../helpers/replicas.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

const rates = { CONVERSATION_SEND_RATES: '1:1000', HOST_SEND_RATE: '0' };
/** How long the one slot of the replica that accepts is taken. */
const busyMs = 6_000;

let skill: Skill;
/** Takes notifications, and has no slot to send them. */
let accepting: Replica;
/** Sends what others take. */
let sending: Replica;
let conversation: AgentConversation;
let admin: Client;

beforeEach(async () => {
  // Its clock stands still: after the turns below nothing is due for it.
  skill = await startSkill({ env: rates });
  onTestFinished(() => skill.stop());
  const busy = skill.standIn.openConversation({ user: { id: 'busy' } });
  conversation = skill.standIn.openConversation();
  await busy.callAction('waitForNotification', { subject: 'busy' });
  await conversation.callAction('waitForNotification', { subject: 'free' });
  accepting = await startReplica(skill, { env: { DELIVERY_CONCURRENCY: '1' } });
  skill.standIn.faults.set({ conversationId: busy.id, fault: { kind: 'delay', ms: busyMs }, times: 1 });
  const { id } = await accepting.notify({ subject: 'busy', text: 'takes the slot' });
  await eventually('its slot is taken', async () => {
    const view = (await (await accepting.ask(`/api/notifications/${id}`)).json()) as { status: string };
    return view.status === 'sending';
  });
  sending = await startReplica(skill);
  admin = new Client({ connectionString: inject('postgresUrl') });
  await admin.connect();
  onTestFinished(() => admin.end());
});

/** Notifies at the one, waits for the answer there. Gives after how many ms it was answered, and pushed. */
async function deliver(text: string): Promise<{ pushedMs: number; answeredMs: number }> {
  const from = performance.now();
  const pushed = conversation
    .until((now) => now.transcript.some((entry) => entry.text === text))
    .then(() => performance.now() - from);
  const answer = await accepting.notify({ subject: 'free', text, keepOpen: true }, { prefer: 'wait=10' });
  const answeredMs = performance.now() - from;
  expect(answer.status).toBe(200);
  return { pushedMs: await pushed, answeredMs };
}

function median(values: readonly number[]): number {
  return values.toSorted((first, second) => first - second)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const database = () => new URL(skill.env['DATABASE_URL'] ?? '').pathname.slice(1);
const countListeners = async (): Promise<number> =>
  (
    await admin.query(
      "select 1 from pg_stat_activity where application_name = 'copilot-notify signals' and datname = $1",
      [database()],
    )
  ).rows.length;

/** No new connections are let in, and those that listen are ended. */
async function cutListeners(): Promise<() => Promise<unknown>> {
  await admin.query(`alter database ${database()} with allow_connections false`);
  const letIn = () => admin.query(`alter database ${database()} with allow_connections true`);
  await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'copilot-notify signals' and datname = $1",
    [database()],
  );
  return letIn;
}

it('what one has no slot for another pushes at once, and who waits at the first is answered at once', async () => {
  const found = [];
  for (let round = 0; round < 15; round += 1) found.push(await deliver(`round ${round}`));
  const pushedMs = median(found.map((one) => one.pushedMs));
  const answeredMs = median(found.map((one) => one.answeredMs));
  console.log(
    `LISTEN: pushed by another after ${pushedMs.toFixed(0)} ms, answered after ${answeredMs.toFixed(0)} ms (p50)`,
  );
  // By looking once a second it would be half of that.
  expect(pushedMs).toBeLessThan(250);
  expect(answeredMs).toBeLessThan(350);
});

it('without the connection for it both happen by looking, and it comes back', async () => {
  const letIn = await cutListeners();
  const found = [];
  for (let round = 0; round < 3; round += 1) found.push(await deliver(`cut off ${round}`));
  expect(await countListeners()).toBe(0);
  const pushedMs = Math.max(...found.map((one) => one.pushedMs));
  const answeredMs = Math.max(...found.map((one) => one.answeredMs));
  console.log(
    `no LISTEN: pushed by another after ${pushedMs.toFixed(0)} ms, answered after ${answeredMs.toFixed(0)} ms at most`,
  );
  expect(pushedMs).toBeLessThan(1_800);
  expect(answeredMs).toBeLessThan(3_000);
  await letIn();
  const from = performance.now();
  await eventually('they listen again', async () => (await countListeners()) === 3);
  console.log(`LISTEN is back ${Math.round(performance.now() - from)} ms after the server lets it in`);
  for (const { log } of [accepting, sending]) {
    expect(log.filter((line) => line.includes('no word comes from other replicas'))).toHaveLength(1);
  }
});
