// The table of figures with their floors, and whether each is reached.

import type { ReplicaSamples } from './replicas.ts';
import type { ScaleSamples } from './scale.ts';
import type { Figure, Latencies, Samples, ServerName } from './speed.ts';
import type { Sample } from './measure.ts';

export type Verdict = {
  readonly name: string;
  readonly figure: string;
  readonly floor: string;
  readonly isReached: boolean;
};

type Floor = {
  readonly figure: Exclude<Figure, 'notify'>;
  readonly against: 'notify' | 'turns';
  readonly rate: number;
  readonly cpu?: number;
};

const floors: Readonly<Record<string, Floor>> = {
  'drain of a stored backlog': { figure: 'drain', against: 'notify', rate: 4, cpu: 0.3 },
  'accept to parent, durable': { figure: 'sustained', against: 'notify', rate: 2.5 },
  'accepts, durable, 64 senders': { figure: 'accepts', against: 'notify', rate: 4 },
  'turns with one reply': { figure: 'turns', against: 'turns', rate: 3 },
};

/** Against (a), each round with its own: the noise of the machine meets both. */
export function judgeSpeed(samples: Samples): Verdict[] {
  return Object.entries(floors).flatMap(([name, { figure, against, rate, cpu }]) => {
    const ours = samples.get(`${figure} ours`);
    const today = samples.get(`${against} today`);
    if (!ours || !today) return [];
    const times = ratio(ours, today, (sample) => sample.perSecond);
    const verdicts = [{ name, figure: `${times.toFixed(2)} x (a)`, floor: `>= ${rate} x`, isReached: times >= rate }];
    if (cpu === undefined) return verdicts;
    const share = ratio(ours, today, (sample) => sample.cpuUs);
    const figureOfCpu = `${share.toFixed(2)} x (a)`;
    return [...verdicts, { name: `${name}, CPU`, figure: figureOfCpu, floor: `<= ${cpu} x`, isReached: share <= cpu }];
  });
}

const latencyFloors = [
  { percent: 50, ms: 15 },
  { percent: 99, ms: 50 },
];

export function judgeLatency({ ours }: Latencies): Verdict[] {
  if (ours.length === 0) return [];
  return latencyFloors.map(({ percent, ms }) => {
    const measured = percentile(ours, percent);
    const name = `accept to arrival, idle, p${percent}`;
    return { name, figure: `${measured.toFixed(1)} ms`, floor: `<= ${ms} ms`, isReached: measured <= ms };
  });
}

function slower(name: string, times: number, most: number): Verdict {
  const figure = `${times.toFixed(2)} x slower`;
  return { name: `${name} with the many`, figure, floor: `<= ${most} x`, isReached: times <= most };
}

const mostMb = 200;

export function judgeScale({ few, many, peakMb }: ScaleSamples): Verdict[] {
  const verdicts =
    few.startMs.length === 0
      ? []
      : [
          slower(
            'notify',
            ratio(few.notify, many.notify, (sample) => sample.perSecond),
            1.2,
          ),
          slower(
            'turn',
            ratio(few.turns, many.turns, (sample) => sample.perSecond),
            1.2,
          ),
          slower(
            'start',
            ratio(many.startMs, few.startMs, (ms) => ms),
            2,
          ),
        ];
  if (peakMb === undefined) return verdicts;
  const memory = {
    name: 'memory at most',
    figure: `${peakMb.toFixed(0)} MB`,
    floor: `<= ${mostMb} MB`,
    isReached: peakMb <= mostMb,
  };
  return [...verdicts, memory];
}

/** Three processes share one database, and on two cores also its CPU: they must not be in each other's way. */
export function judgeReplicas({ one, three }: ReplicaSamples): Verdict {
  const times = ratio(three, one, (sample) => sample.perSecond);
  const figure = `${times.toFixed(2)} x one`;
  return { name: 'three replicas on one PostgreSQL', figure, floor: '>= 1 x', isReached: times >= 1 };
}

export function tableOfReplicas({ one, three }: ReplicaSamples): string {
  return formatTable([
    ['drain on PostgreSQL', 'per second', 'CPU us of one, each'],
    ['one process', ...columnsOf(one)],
    ['three processes', ...columnsOf(three)],
  ]);
}

const serverNames: Readonly<Record<ServerName, string>> = {
  today: '(a) BotBuilder today',
  agentsSdk: '(b) M365 Agents SDK',
  limit: '(c) bare client',
  ours: 'Copilot Notify',
};

const figureNames: Readonly<Record<Figure, string>> = {
  notify: 'notify, awaited push',
  drain: 'drain',
  sustained: 'accept to parent',
  accepts: 'accepts',
  busy: 'accepts beside their deliveries',
  turns: 'turns',
};

/** Every figure of every server: median, least and most. */
export function tableOfSpeed(samples: Samples): string {
  const rows = [...samples].map(([key, list]) => {
    const [figure, server] = key.split(' ') as [Figure, ServerName];
    return [figureNames[figure], serverNames[server], ...columnsOf(list)];
  });
  return formatTable([
    ['figure', 'server', 'per second', 'CPU us each'],
    ...rows.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
  ]);
}

export function tableOfScale({ few, many }: ScaleSamples, names: readonly [string, string]): string {
  const rows = [few, many].flatMap(({ startMs, notify, turns }, index) => [
    ['start', names[index] ?? '', `${spread(startMs)} ms`, ''],
    ['notify', names[index] ?? '', ...columnsOf(notify)],
    ['turn', names[index] ?? '', ...columnsOf(turns)],
  ]);
  return formatTable([['figure', 'conversations', 'per second', 'CPU us each'], ...rows]);
}

export function tableOfLatency({ today, ours }: Latencies): string {
  const rows = [
    ['(a) BotBuilder today', today],
    ['Copilot Notify', ours],
  ] as const;
  const cells = rows.map(([name, list]) => [
    name,
    ...[50, 90, 99, 100].map((percent) => percentile(list, percent).toFixed(1)),
    String(list.length),
  ]);
  return formatTable([['request to arrival, ms', 'p50', 'p90', 'p99', 'most', 'count'], ...cells]);
}

export function tableOfVerdicts(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ name, figure, floor, isReached }) => [
    name,
    figure,
    floor,
    isReached ? 'reached' : 'MISSED',
  ]);
  return formatTable([['figure', 'measured', 'floor', ''], ...rows]);
}

function columnsOf(samples: readonly Sample[]): string[] {
  return [spread(samples.map(({ perSecond }) => perSecond)), spread(samples.map(({ cpuUs }) => cpuUs))];
}

function spread(values: readonly number[]): string {
  const [least, middle, most] = [0, 50, 100].map((percent) => percentile(values, percent).toFixed(0));
  return `${middle} (${least}-${most})`;
}

/** The median over the rounds of left by right. */
function ratio<T>(left: readonly T[], right: readonly T[], read: (sample: T) => number): number {
  const ratios = left.flatMap((sample, index) => {
    const other = right[index];
    return other === undefined ? [] : [read(sample) / read(other)];
  });
  return percentile(ratios, 50);
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = ((sorted.length - 1) * percent) / 100;
  const [below = Number.NaN, above = below] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return below + (above - below) * (place - Math.floor(place));
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}
