// The demo as a process: starts the stand-in and the skill, tells the story, stops both, whatever happens.

import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createPrinter, type Printer } from './demo-print.ts';
import { type SkillIdentity, type SkillProcess, spawnSkill } from './demo-skill.ts';
import { createWirePrinter, type Demo, describeNext, tellStory } from './demo-story.ts';
import { startStandIn } from './stand-in.ts';

const deadlineMs = 20_000;
/** Exit code of a process that Ctrl-C has ended. */
const interruptedCode = 130;

const help = `Shows how a notification reaches a waiting conversation, with throw-away identities on 127.0.0.1.

  npm run demo [-- --once]

  --once   end after the demonstration: exit code 0, or 1 with the reason
  --help   this text
`;

process.exitCode = await run();

async function run(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 2;
  if (options.help) {
    process.stdout.write(help);
    return 0;
  }
  return runDemo(options.once);
}

function readOptions(): { once: boolean; help: boolean } | undefined {
  const types = { once: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } as const;
  try {
    return parseArgs({ options: types }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return undefined;
  }
}

async function runDemo(once: boolean): Promise<number> {
  const interrupted = waitForSignal();
  const deadline = sleep(deadlineMs, undefined, { ref: false });
  const standIn = await startStandIn();
  const identity = createIdentity();
  const print = createPrinter(
    (text) => void process.stdout.write(text),
    process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '',
    new Map([
      [standIn.agent.appId, '(the agent)'],
      [identity.appId, '(the skill)'],
      [standIn.tenantId, '(the tenant)'],
    ]),
  );
  const printWire = createWirePrinter(print, standIn);
  const stop = new AbortController();
  let skill: SkillProcess | undefined;
  try {
    skill = await spawnSkill(standIn, identity);
    const demo: Demo = { print, standIn, identity, skill, printWire, stopSignal: stop.signal };
    const told = tellStory(demo);
    const first = await Promise.race([told, interrupted, skill.death, failAt(deadline)]);
    if (first === 'interrupted') return interruptedCode;
    if (once) return 0;
    describeNext(demo);
    await Promise.race([interrupted, skill.death]);
    return 0;
  } catch (error) {
    printWire();
    explainFailure(print, skill, error);
    return 1;
  } finally {
    stop.abort();
    await skill?.stop();
    await standIn.stop();
  }
}

function createIdentity(): SkillIdentity {
  return { appId: randomUUID(), secret: createSecret(), apiKey: createSecret() };
}

function createSecret(): string {
  return randomBytes(24).toString('base64url');
}

function waitForSignal(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      // A second one finds no listener and ends the process at once.
      process.once(signal, () => resolve('interrupted'));
    }
  });
}

async function failAt(deadline: Promise<void>): Promise<never> {
  await deadline;
  throw new Error(`not finished within ${deadlineMs / 1_000} s`);
}

function explainFailure(print: Printer, skill: SkillProcess | undefined, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  print.failure(`The demo failed: ${reason}`);
  if (skill === undefined || skill.logTail.length === 0) return;
  print.line('The last lines of the skill:');
  for (const line of skill.logTail) print.line(`  ${line}`);
}
