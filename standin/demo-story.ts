// The steps of the demo: a topic waits, a system notifies, the conversation goes on. Each says what crossed the wire.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Printer } from './demo-print.ts';
import type { SkillIdentity, SkillProcess } from './demo-skill.ts';
import type { AgentConversation, StandIn, WireRecord } from './types.ts';

const pollMs = 50;
const subject = 'order/42';
const text = 'Your order 42 has been shipped.';

export type Demo = {
  readonly print: Printer;
  readonly standIn: StandIn;
  readonly identity: SkillIdentity;
  readonly skill: SkillProcess;
  /** Prints what has crossed the wire since the last call. */
  readonly printWire: () => void;
  /** Aborted when the demo ends: what is still polled would keep the process up. */
  readonly stopSignal: AbortSignal;
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
  const { print } = demo;
  print.line('Copilot Notify: a message from outside reaches a waiting Copilot Studio conversation.');
  print.line('All on 127.0.0.1, with identities made for this run. A stand-in plays Copilot Studio and its');
  print.line('Entra tenant: it checks every token and refuses what the service refuses.');
  describeStandIn(demo);
  await startSkill(demo);
  await importManifest(demo);
  const conversation = await callWait(demo);
  const id = await notify(demo);
  await watchArrival(demo, conversation);
  await askStatus(demo, id);
  print.success(`What happened: the topic that waited for "${subject}" has its answer.`);
  print.line('A system that knows nothing of Copilot Studio made one request to /api/notify. The skill took');
  print.line("a token for the agent's app id, posted the message to the agent's service URL and ended the");
  print.line(`action with the result "notified". The user has read: "${text}"`);
}

/** How to go on by hand, while everything stays up. */
export function describeNext({ print, standIn, identity, skill }: Demo): void {
  print.step('Try it yourself');
  print.line(`Open the chat page, choose waitForNotification and press "Start action":`);
  print.line(`  ${standIn.chatPageUrl}`);
  print.line('Then notify again (the key is good for this run only):');
  print.line(`  curl -X POST ${skill.url}/api/notify \\`);
  print.line(`    -H 'Authorization: Bearer ${identity.apiKey}' \\`);
  print.line(`    -H 'Content-Type: application/json' \\`);
  print.line(`    -d '{"subject":"${subject}","text":"It is at your door."}'`);
  print.line('Ctrl-C stops everything and removes its data.');
}

function describeStandIn({ print, standIn }: Demo): void {
  print.step('The stand-in for Copilot Studio runs');
  print.field('chat page', standIn.chatPageUrl);
  print.field('tenant id', standIn.tenantId);
  print.field('agent app id', standIn.agent.appId);
  // Without the host, which is the chat page's: the whole address is longer than a line.
  print.field('service URL', new URL(standIn.agent.serviceUrl).pathname);
}

async function startSkill({ print, identity, skill, standIn, stopSignal }: Demo): Promise<void> {
  print.step('The skill starts as a process of its own');
  const startedAt = Date.now();
  await untilReady(skill.url, stopSignal);
  // The home page of a registration tells which domain its endpoint may be on.
  standIn.registerApp({ appId: identity.appId, secret: identity.secret, homePageUrl: skill.url });
  print.field('skill app id', identity.appId);
  print.field('ready', `at ${skill.url} after ${((Date.now() - startedAt) / 1_000).toFixed(1)} s`);
}

async function importManifest({ print, standIn, skill, printWire }: Demo): Promise<void> {
  print.step('The agent imports the skill by its manifest');
  const { ok, findings, manifest } = await standIn.importSkill(`${skill.url}/manifests/skill-manifest-2.2.json`);
  printWire();
  for (const { level, code, message, path } of findings) {
    print.field(level, `${code}${path === '' ? '' : ` at ${path}`}: ${message}`);
  }
  if (!ok) throw new Error(`the import was refused: ${findings.map(({ code }) => code).join(', ')}`);
  print.field(
    'checks',
    `manifest, endpoint origin, directory, limits, ping: ${findings.length === 0 ? 'all passed' : 'passed'}`,
  );
  print.field('actions', Object.keys(manifest?.activities ?? {}).join(', '));
}

async function callWait({ print, standIn, printWire }: Demo): Promise<AgentConversation> {
  print.step(`In Teams a topic calls waitForNotification for "${subject}"`);
  const conversation = standIn.openConversation({ channel: 'msteams', deliveryMode: 'normal' });
  await conversation.say('Where is my order 42?');
  const answer = await conversation.callAction('waitForNotification', { subject, timeoutMinutes: 10 });
  printWire();
  if (answer.status !== 200) throw new Error(`the skill answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  const { action } = conversation;
  if (action?.state !== 'open') {
    throw new Error(`the action is ${action?.state ?? 'missing'} instead of open: ${JSON.stringify(action?.outputs)}`);
  }
  print.field('action', 'open: the topic waits');
  return conversation;
}

async function notify({ print, identity, skill }: Demo): Promise<string> {
  print.step('Another system notifies the subject');
  const body = JSON.stringify({ subject, text });
  print.field('request', 'POST /api/notify with an API key');
  print.field('body', body);
  const response = await fetch(`${skill.url}/api/notify`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${identity.apiKey}`, 'Content-Type': 'application/json' },
    body,
  });
  const answer = (await response.json()) as { id: string; status: string; recipients: number };
  if (response.status !== 202) throw new Error(`/api/notify answered ${response.status}: ${JSON.stringify(answer)}`);
  print.field('answer', `202 status ${answer.status}, recipients ${answer.recipients}, id ${answer.id}`);
  return answer.id;
}

async function watchArrival({ print, printWire }: Demo, conversation: AgentConversation): Promise<void> {
  print.step('The skill sends it into the conversation and ends the action');
  await conversation.until((now) => now.action?.state === 'ended');
  printWire();
  const arrived = conversation.transcript.some((entry) => entry.from === 'skill' && entry.text === text);
  if (!arrived) throw new Error(`the action has ended, but the message "${text}" has not arrived`);
  const outputs = conversation.action?.outputs ?? {};
  if (outputs['status'] !== 'notified') throw new Error(`the result is ${JSON.stringify(outputs)} instead of notified`);
  print.line('The topic goes on with:');
  for (const [name, value] of Object.entries(outputs)) print.field(name, String(value));
}

async function askStatus({ print, identity, skill, stopSignal }: Demo, id: string): Promise<void> {
  print.step('The other system asks what became of it');
  print.field('request', `GET /api/notifications/${id}`);
  let found = await fetchNotification(skill.url, identity.apiKey, id);
  while (['pending', 'sending'].includes(found.status)) {
    // The parent has it a moment before the skill has written that down.
    await sleep(pollMs, undefined, { signal: stopSignal });
    found = await fetchNotification(skill.url, identity.apiKey, id);
  }
  const [delivery] = found.deliveries;
  print.field('status', found.status);
  for (const { number, step, outcome, status, durationMs } of delivery?.attempts ?? []) {
    print.field(
      `attempt ${number}`,
      `${step}: ${outcome}, the agent answered ${status ?? 'nothing'} after ${durationMs} ms`,
    );
  }
  if (found.status !== 'delivered') {
    throw new Error(`the notification is ${found.status}: ${delivery?.reasonText ?? 'no reason is given'}`);
  }
}

async function fetchNotification(url: string, apiKey: string, id: string): Promise<Notification> {
  const response = await fetch(`${url}/api/notifications/${encodeURIComponent(id)}`, {
    headers: { Authorization: `Bearer ${apiKey}` },
  });
  if (response.status !== 200) throw new Error(`GET /api/notifications/{id} answered ${response.status}`);
  return (await response.json()) as Notification;
}

async function untilReady(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/health/ready`, { signal }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    await sleep(pollMs, undefined, { signal });
  }
}

/** Prints what has crossed the wire since the last call. A request is recorded once answered, so causes go first. */
export function createWirePrinter(print: Printer, standIn: StandIn): () => void {
  const order: readonly WireRecord['direction'][] = ['agent->manifest', 'agent->skill'];
  const rank = ({ direction }: WireRecord): number =>
    (order.indexOf(direction) + order.length + 1) % (order.length + 1);
  let printed = 0;
  return () => {
    const records = standIn.wire.slice(printed).toSorted((a, b) => rank(a) - rank(b));
    printed = standIn.wire.length;
    for (const record of records) print.wire(record);
  };
}
