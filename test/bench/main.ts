// `npm run bench`: measures, prints, and says in words and by its exit code whether every floor is reached.

import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killChildren } from './child.ts';
import { profile } from './profile.ts';
import {
  judgeLatency,
  judgeReplicas,
  judgeScale,
  judgeSpeed,
  tableOfLatency,
  tableOfReplicas,
  tableOfScale,
  tableOfSpeed,
  tableOfVerdicts,
  type Verdict,
} from './report.ts';
import { measureReplicas } from './replicas.ts';
import { measureScale } from './scale.ts';
import { type Parent, startParent } from './servers.ts';
import { measureSpeed } from './speed.ts';

const speedFigures = ['drain', 'sustained', 'accepts', 'turns', 'latency'];
const scaleFigures = ['scale', 'memory'];
const figureNames = [...speedFigures, ...scaleFigures, 'replicas'];

const help = `Measures the service against what others use, on loopback, with tokens checked.

  npm run bench -- [figures] [options]

  figures            ${figureNames.join(', ')}; default all.
                     profile: where the service spends its time, instead of figures
  --quick            fewer and shorter rounds, 100,000 conversations instead of a million: for a look, not for a verdict
  --rounds <n>       default 5
  --log-level <l>    LOG_LEVEL of the service, default info; the baselines log nothing
  --help             this text

Ends with 0 when every floor is reached, with 1 when one is missed.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    'log-level': { type: 'string', default: 'info' },
    help: { type: 'boolean', default: false },
  },
});
const unknown = positionals.filter((name) => ![...figureNames, 'profile'].includes(name));
if (values.help || unknown.length > 0) {
  process.stdout.write(unknown.length > 0 ? `Not a figure: ${unknown.join(', ')}.\n\n${help}` : help);
  process.exit(unknown.length > 0 ? 1 : 0);
}

const folder = mkdtempSync(join(tmpdir(), 'copilot-notify-bench-'));
process.on('exit', () => {
  killChildren();
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const startedAt = performance.now();
const mostMinutes = 15;
setTimeout(() => {
  tell(`Not done after ${mostMinutes} minutes: given up.`);
  process.exit(1);
}, mostMinutes * 60_000).unref();
tell(
  `Node ${process.version}, ${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown CPU'}, load average ${load()}`,
);
const verdicts = await run(await startParent());
const missed = verdicts.filter(({ isReached }) => !isReached);
if (verdicts.length > 0) {
  print(`${tableOfVerdicts(verdicts)}\n`);
  const said =
    missed.length === 0
      ? `Every floor that was measured is reached (${verdicts.length}).`
      : `Missed: ${missed.map(({ name }) => name).join('; ')}.`;
  tell(`${said} Load average ${load()}.`);
}
process.exit(missed.length === 0 ? 0 : 1);

async function run(parent: Parent): Promise<Verdict[]> {
  const figures = new Set(positionals.length > 0 ? positionals : figureNames);
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
  const span = values.quick ? { warmMs: 500, ms: 1_500 } : { warmMs: 700, ms: 3_000 };
  const settings = { LOG_LEVEL: values['log-level'] };
  const shared = { parent, folder, rounds, span, figures, settings, tell };
  if (figures.has('profile')) await profile({ ...shared, ms: values.quick ? 8_000 : 20_000 });
  const judged: Verdict[] = [];
  if (speedFigures.some((figure) => figures.has(figure))) {
    const { samples, latencies } = await measureSpeed(shared);
    print(`\n${tableOfSpeed(samples)}\n`);
    if (latencies.ours.length > 0) print(`${tableOfLatency(latencies)}\n`);
    judged.push(...judgeSpeed(samples), ...judgeLatency(latencies));
  }
  if (scaleFigures.some((figure) => figures.has(figure))) {
    const size = values.quick ? { many: 100_000, pending: 10_000 } : { many: 1_000_000, pending: 100_000 };
    const scaled = await measureScale({ ...shared, ...size });
    if (figures.has('scale')) print(`\n${tableOfScale(scaled, ['1000', String(size.many)])}\n`);
    judged.push(...judgeScale(scaled));
  }
  if (figures.has('replicas')) {
    const replicas = await measureReplicas(shared);
    print(`\n${tableOfReplicas(replicas)}\n`);
    judged.push(judgeReplicas(replicas));
  }
  return judged;
}

function load(): string {
  return loadavg()[0]?.toFixed(1) ?? '?';
}

function tell(words: string): void {
  print(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s  ${words}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
