// What the demo prints: numbered steps and what went over the wire, readable at 100 columns.

import { stripVTControlCharacters } from 'node:util';
import type { WireRecord } from './types.ts';

const width = 98;
const indent = '   ';
const labelWidth = 15;

/** SGR codes: on, off. */
const styles = { bold: [1, 22], dim: [2, 22], green: [32, 39], red: [31, 39], cyan: [36, 39] } as const;

type Style = keyof typeof styles;

export type Report = {
  /** Begins the next numbered step. */
  step(title: string): void;
  /** A named fact of the current step. */
  fact(label: string, value: string): void;
  /** One request that crossed the wire, with the claims of its token. */
  wire(record: WireRecord): void;
  /** A line outside of the steps, good or bad news in colour. */
  say(text: string, style?: Style): void;
  /** Number and title of the step it is at. */
  readonly currentStep: string;
};

export type ReportOptions = {
  readonly write: (text: string) => void;
  readonly colour: boolean;
  /** Long values of the wire with the words to show instead, such as an app id and whose it is. */
  readonly shorten: readonly (readonly [string, string])[];
};

/** Prints by `write`, in ANSI colours when `colour`. */
export function createReport({ write, colour, shorten }: ReportOptions): Report {
  let steps = 0;
  let current = 'start';
  const paint = (style: Style, text: string): string => {
    const [on, off] = styles[style];
    return colour ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  };
  const line = (text = ''): void => write(`${text}\n`);
  const row = (label: string, value: string, style?: Style): void => {
    const [first = '', ...rest] = wrap(value, width - indent.length - labelWidth);
    const tint = (text: string): string => (style === undefined ? text : paint(style, text));
    line(`${indent}${paint('dim', label.padEnd(labelWidth))}${tint(first)}`);
    for (const more of rest) line(`${indent}${' '.repeat(labelWidth)}${tint(more)}`);
  };
  return {
    get currentStep() {
      return current;
    },
    step(title) {
      steps += 1;
      current = `step ${steps}, ${title}`;
      line();
      line(`${paint('cyan', String(steps).padEnd(indent.length))}${paint('bold', title)}`);
    },
    fact: (label, value) => row(label, value),
    wire(record) {
      const isGood = record.reason === undefined;
      const status = paint(isGood ? 'green' : 'red', record.status === 0 ? 'no answer' : String(record.status));
      const words = replaceAll(describeRequest(record), shorten);
      row(record.direction.replace('->', ' → '), `${words}  ${status}`);
      for (const detail of describeDetails(record)) row('', replaceAll(detail, shorten), 'dim');
      if (record.reason !== undefined) row('', record.reason, 'red');
    },
    say(text, style) {
      for (const part of wrap(text, width)) line(style === undefined ? part : paint(style, part));
    },
  };
}

function describeRequest({ method, path, activity, token, direction }: WireRecord): string {
  const request = `${method} ${path}`;
  if (activity === undefined) return request;
  const name = typeof activity['name'] === 'string' ? ` ${activity['name']}` : '';
  const isProbe = direction === 'agent->skill' && token === undefined;
  return `${request}  ${String(activity['type'])}${name}${isProbe ? ', without a token, to be refused' : ''}`;
}

function describeDetails({ scope, token, activity, direction }: WireRecord): string[] {
  const details = scope === undefined ? [] : [`scope ${scope}`];
  const { aud, iss, tid, appid, azp } = token ?? {};
  if (token !== undefined) {
    const caller = appid === undefined ? `azp ${String(azp)}` : `appid ${String(appid)}`;
    details.push(`token aud ${String(aud)}, ${caller}`, `      iss ${String(iss)}, tid ${String(tid)}`);
  }
  const { text, value } = activity ?? {};
  if (typeof text === 'string' && text !== '') details.push(`text  "${text}"`);
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, entry]) => `${name}: ${JSON.stringify(entry)}`);
    if (entries.length > 0) details.push(`${direction === 'agent->skill' ? 'input' : 'result'} ${entries.join(', ')}`);
  }
  return details;
}

function replaceAll(text: string, pairs: readonly (readonly [string, string])[]): string {
  let result = text;
  for (const [long, short] of pairs) result = result.replaceAll(long, short);
  return result;
}

/** Breaks at spaces; a longer word stays whole, so that an address can be copied. Indents what follows like the first. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let current = '';
  const lead = /^ */.exec(text)?.[0] ?? '';
  for (const word of text.slice(lead.length).split(' ')) {
    const next = current === '' ? lead + word : `${current} ${word}`;
    if (current !== '' && stripVTControlCharacters(next).length > columns) {
      lines.push(current);
      current = lead + word;
    } else {
      current = next;
    }
  }
  return [...lines, current];
}
