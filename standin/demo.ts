// The demo as a process: starts the stand-in and the skill, tells the story, stops both, whatever happens.

import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { createReport, type Report } from './demo-report.ts';
import { createSkillIdentity, type SkillProcess, startSkill } from './demo-skill.ts';
import { type Demo, describeNext, tellStory } from './demo-story.ts';
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
  const identity = await createSkillIdentity();
  const report = createReport({
    write: (text) => void process.stdout.write(text),
    colour: process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '',
    shorten: [
      [standIn.agent.appId, '<agent app id>'],
      [identity.appId, '<skill app id>'],
      [standIn.tenantId, '<tenant id>'],
      [new URL(standIn.agent.serviceUrl).pathname, '<service URL>/'],
    ],
  });
  let skill: SkillProcess | undefined;
  try {
    skill = startSkill(standIn, identity);
    const demo: Demo = { report, standIn, identity, skill };
    const dead = failWhenDead(skill);
    const told = tellStory(demo).then(() => 'told' as const);
    const first = await Promise.race([told, interrupted, dead, failAt(deadline)]);
    if (first === 'interrupted') return interruptedCode;
    if (once) return 0;
    describeNext(demo);
    await Promise.race([interrupted, dead]);
    return 0;
  } catch (error) {
    explainFailure(report, skill, error);
    return 1;
  } finally {
    await skill?.stop();
    await standIn.stop();
  }
}

function waitForSignal(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      // A second one finds no listener and ends the process at once; its exit handler still ends the child.
      process.once(signal, () => resolve('interrupted'));
    }
  });
}

async function failWhenDead(skill: SkillProcess): Promise<never> {
  throw new Error(`the skill is gone: ${await skill.ended}`);
}

async function failAt(deadline: Promise<void>): Promise<never> {
  await deadline;
  throw new Error(`not finished within ${deadlineMs / 1_000} s`);
}

function explainFailure(report: Report, skill: SkillProcess | undefined, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  report.say('');
  report.say(`The demo failed at ${report.currentStep}.`, 'red');
  for (const line of reason.split('\n')) report.say(line);
  const lines = skill?.lastLines() ?? [];
  if (lines.length === 0) return;
  report.say('');
  report.say('The last lines of the skill:', 'bold');
  for (const line of lines) report.say(`  ${line}`, 'dim');
}
