// The steps of the demo: a topic waits, a system notifies, the conversation goes on. Each says what crossed the wire.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from './demo-report.ts';
import type { SkillIdentity, SkillProcess } from './demo-skill.ts';
import type { AgentConversation, StandIn, WireRecord } from './types.ts';

const statusPollMs = 50;
const subject = 'order/42';
const text = 'Your order 42 has been shipped.';

export type Demo = {
  readonly report: Report;
  readonly standIn: StandIn;
  readonly identity: SkillIdentity;
  readonly skill: SkillProcess;
};

type Notification = {
  readonly status: string;
  readonly deliveries: readonly {
    readonly reasonText: string | null;
    readonly attempts: readonly {
      number: number;
      step: string;
      outcome: string;
      status: number | null;
      durationMs: number;
    }[];
  }[];
};

/** Runs all steps; rejects with the reason as soon as one does not do what it should. */
export async function tellStory(demo: Demo): Promise<void> {
  const { report, standIn } = demo;
  const printWire = createWirePrinter(report, standIn);
  report.say('Copilot Notify: a message from outside reaches a waiting Copilot Studio conversation', 'bold');
  report.say(
    'All on 127.0.0.1, with identities made for this run. A stand-in plays Copilot Studio and its Entra tenant:',
  );
  report.say('it checks every token and refuses what the service refuses.');
  describeStandIn(demo);
  await startSkill(demo);
  await importManifest(demo);
  printWire();
  const conversation = await callWait(demo);
  printWire();
  const id = await notify(demo);
  await watchArrival(demo, conversation);
  printWire();
  const attempts = await askStatus(demo, id);
  report.say('');
  report.say('What happened', 'green');
  report.say(
    `The topic waited for ${subject}. A system that knows nothing of Copilot Studio posted one line to /api/notify. The` +
      " skill got a token for the agent's app id, posted the message to the agent's service URL and ended the action" +
      ` with the result "notified". The user has read: "${text}" (${attempts} requests, none refused)`,
  );
}

/** How to go on by hand, while everything stays up. */
export function describeNext({ report, standIn, identity }: Demo): void {
  report.say('');
  report.say('Try it yourself', 'bold');
  report.say(`1  Open the chat page: ${standIn.chatPageUrl}`);
  report.say('2  In the Teams chat choose waitForNotification and press "Start action".');
  report.say('3  Notify again:');
  report.say('');
  report.say(`   curl -X POST ${identity.url}/api/notify \\`);
  report.say(`     -H 'Authorization: Bearer ${identity.apiKey}' -H 'Content-Type: application/json' \\`);
  report.say(`     -d '{"subject":"${subject}","text":"It is at your door."}'`);
  report.say('');
  report.say('The key is good for this run only. Ctrl-C stops everything and removes its data.', 'dim');
}

function describeStandIn({ report, standIn }: Demo): void {
  report.step('The stand-in for Copilot Studio runs');
  report.fact('chat page', standIn.chatPageUrl);
  report.fact('tenant id', standIn.tenantId);
  report.fact('agent app id', standIn.agent.appId);
  report.fact('service URL', standIn.agent.serviceUrl);
}

async function startSkill({ report, identity, skill, standIn }: Demo): Promise<void> {
  report.step('The skill starts as a process of its own');
  const startedAt = Date.now();
  await skill.untilReady();
  // The home page of a registration tells which domain its endpoint may be on.
  standIn.registerApp({ appId: identity.appId, secret: identity.secret, homePageUrl: identity.url });
  report.fact('skill app id', identity.appId);
  report.fact('ready', `at ${identity.url} after ${((Date.now() - startedAt) / 1_000).toFixed(1)} s`);
}

async function importManifest({ report, standIn, identity }: Demo): Promise<void> {
  report.step('The agent imports the skill by its manifest');
  const { ok, findings, manifest } = await standIn.importSkill(`${identity.url}/manifests/skill-manifest-2.2.json`);
  for (const { level, code, message, path } of findings) {
    report.fact(level, `${code}${path === undefined ? '' : ` at ${path}`}: ${message}`);
  }
  if (!ok) throw new Error(`the import was refused: ${findings.map(({ code }) => code).join(', ')}`);
  report.fact(
    'checks',
    `manifest, endpoint origin, directory, limits, ping: ${findings.length === 0 ? 'all passed' : 'passed'}`,
  );
  report.fact('actions', Object.keys(manifest?.activities ?? {}).join(', '));
}

async function callWait({ report, standIn }: Demo): Promise<AgentConversation> {
  report.step(`In Teams a topic calls waitForNotification for "${subject}"`);
  const conversation = standIn.openConversation({ channel: 'msteams', deliveryMode: 'normal' });
  await conversation.say('Where is my order 42?');
  const answer = await conversation.callAction('waitForNotification', { subject, timeoutMinutes: 10 });
  if (answer.status !== 200) throw new Error(`the skill answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  const { action } = conversation;
  if (action?.state !== 'open') {
    throw new Error(`the action is ${action?.state ?? 'missing'} instead of open: ${JSON.stringify(action?.outputs)}`);
  }
  report.fact('action', 'open: the topic waits');
  return conversation;
}

async function notify({ report, identity }: Demo): Promise<string> {
  report.step('Another system notifies the subject');
  const body = JSON.stringify({ subject, text });
  report.fact('request', 'POST /api/notify with an API key');
  report.fact('body', body);
  const response = await fetch(`${identity.url}/api/notify`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${identity.apiKey}`, 'Content-Type': 'application/json' },
    body,
  });
  const answer = (await response.json()) as { id: string; status: string; recipients: number };
  if (response.status !== 202) throw new Error(`/api/notify answered ${response.status}: ${JSON.stringify(answer)}`);
  report.fact('answer', `202 status ${answer.status}, recipients ${answer.recipients}, id ${answer.id}`);
  return answer.id;
}

async function watchArrival({ report }: Demo, conversation: AgentConversation): Promise<void> {
  report.step('The skill sends it into the conversation and ends the action');
  await conversation.until((now) => now.action?.state === 'ended');
  const arrived = conversation.transcript.some((entry) => entry.from === 'skill' && entry.text === text);
  if (!arrived) throw new Error(`the action has ended, but the message "${text}" has not arrived`);
  const outputs = conversation.action?.outputs ?? {};
  if (outputs['status'] !== 'notified') throw new Error(`the result is ${JSON.stringify(outputs)} instead of notified`);
}

/** Prints what became of the notification; returns how many requests it took. */
async function askStatus({ report, identity }: Demo, id: string): Promise<number> {
  report.step('The other system asks what became of it');
  report.fact('request', `GET /api/notifications/${id}`);
  let found = await fetchNotification(identity, id);
  while (['pending', 'sending'].includes(found.status)) {
    // The parent has it a moment before the skill has written that down.
    await sleep(statusPollMs);
    found = await fetchNotification(identity, id);
  }
  const [delivery] = found.deliveries;
  report.fact('status', found.status);
  for (const { number, step, outcome, status, durationMs } of delivery?.attempts ?? []) {
    report.fact(
      `attempt ${number}`,
      `${step}: ${outcome}, the agent answered ${status ?? 'nothing'} after ${durationMs} ms`,
    );
  }
  if (found.status !== 'delivered') {
    throw new Error(`the notification is ${found.status}: ${delivery?.reasonText ?? 'no reason is given'}`);
  }
  return delivery?.attempts.length ?? 0;
}

async function fetchNotification(identity: SkillIdentity, id: string): Promise<Notification> {
  const response = await fetch(`${identity.url}/api/notifications/${encodeURIComponent(id)}`, {
    headers: { Authorization: `Bearer ${identity.apiKey}` },
  });
  if (response.status !== 200) throw new Error(`GET /api/notifications/{id} answered ${response.status}`);
  return (await response.json()) as Notification;
}

/** What has crossed the wire since the last call. A request is on record once answered, so causes are put first. */
function createWirePrinter(report: Report, standIn: StandIn): () => void {
  const order: readonly WireRecord['direction'][] = ['agent->manifest', 'agent->skill'];
  const rank = ({ direction }: WireRecord): number =>
    (order.indexOf(direction) + order.length + 1) % (order.length + 1);
  let printed = 0;
  return () => {
    const records = standIn.wire.slice(printed).toSorted((a, b) => rank(a) - rank(b));
    printed = standIn.wire.length;
    for (const record of records) report.wire(record);
  };
}
