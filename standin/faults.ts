// Which of the callbacks go wrong, and how: a queue for the next ones, and rules that stay.

import type { FaultPreset } from './fault-presets.ts';
import type { Fault, FaultRule, FaultSwitches } from './types.ts';

export type Faults = FaultSwitches & {
  /** The rule that applies to a callback to this conversation; counts as one of its times. */
  take(conversationId: string): FaultRule | undefined;
  /** Puts the preset's rule in the place of the one that it had. */
  setPreset(preset: FaultPreset, times: number): void;
  /** For how many more callbacks a preset is set: null for all. */
  countLeft(name: string): number | null;
};

type Entry = { readonly rule: FaultRule; readonly name?: string; left: number };

/** Switches that are all off. */
export function createFaults(): Faults {
  const queue = new Set<Entry>();
  const rules = new Set<Entry>();
  const add = (entries: Set<Entry>, rule: FaultRule, times: number, name?: string): (() => void) => {
    const entry: Entry = { rule, left: times, ...(name !== undefined && { name }) };
    if (times > 0) entries.add(entry);
    return () => void entries.delete(entry);
  };
  return {
    answerNext: (answer, times = 1) => void add(queue, { fault: { kind: 'answer', ...answer } }, times),
    set(rule) {
      checkShare(rule);
      checkStatus(rule.fault);
      return add(rules, rule, rule.times ?? Infinity);
    },
    take(conversationId) {
      for (const entries of [queue, rules]) {
        for (const entry of entries) {
          if (!applies(entry.rule, conversationId)) continue;
          entry.left -= 1;
          if (entry.left <= 0) entries.delete(entry);
          return entry.rule;
        }
      }
      return undefined;
    },
    setPreset({ name, rule }, times) {
      for (const entry of rules) if (entry.name === name) rules.delete(entry);
      add(rules, rule, times, name);
    },
    countLeft(name) {
      const left = [...rules].find((entry) => entry.name === name)?.left ?? 0;
      return left === Infinity ? null : left;
    },
    clear() {
      queue.clear();
      rules.clear();
    },
  };
}

function applies(rule: FaultRule, conversationId: string): boolean {
  if (rule.conversationId !== undefined && rule.conversationId !== conversationId) return false;
  return rule.share === undefined || rule.random === undefined || rule.random() < rule.share;
}

function checkShare({ share, random }: FaultRule): void {
  if (share === undefined) return;
  if (!(share >= 0 && share <= 1)) throw new RangeError(`the share of a fault must be 0 to 1 (got ${share})`);
  if (random === undefined) throw new Error('a fault with a share needs random, from a seed that the test names');
}

function checkStatus(fault: Fault): void {
  if (fault.kind !== 'answer') return;
  const { status } = fault;
  if (Number.isInteger(status) && status >= 200 && status <= 599) return;
  throw new RangeError(`the status of a fault must be 200 to 599 (got ${status})`);
}
