// What can be set while the stand-in runs: first what nobody outside of Microsoft knows of Copilot Studio, so that a
// skill can be tried with each answer, then what goes wrong for long. Single callbacks go wrong by faults.ts.

type Choice<T> = { readonly kind: 'choice'; readonly of: readonly T[] };
type Whole = { readonly kind: 'whole'; readonly from: number; readonly to: number };
type Flag = { readonly kind: 'flag' };

export type Switches = {
  /** Answer to a callback into an action that is over; the real status is unknown. */
  closedStatus: 404 | 403 | 410 | 500;
  /** Teams answers a callback 200 with an empty body; off: with `{id}`, as botbuilder's own parent. */
  emptyCallbackBody: boolean;
  /** Whether an action that another topic has pushed aside ends with an endOfConversation to the skill: unknown. */
  tellSkillOfInterruption: boolean;
  /** The session of a conversation closes after this silence; whether an open action ends with it is unknown. */
  idleMinutes: number;
  /** How long the agent waits for the skill's answer: unknown; Bot Framework channels give up after 10 to 15 s. */
  skillTimeoutMs: number;
  /** What the import makes of a skill that does not refuse a request without a token; whether it asks is unknown. */
  probe: 'off' | 'warn' | 'refuse';
  /** Whether the import follows `$ref` in a manifest: probably. */
  references: boolean;
  /** New conversations have ids as long, and with such signs, as Teams channels have them. */
  longIds: boolean;
  /** The agent has an Entra Agent ID instead of a classic app registration: every callback gets 401. */
  entraAgentId: boolean;
  /** How far the clocks of tenant and agent are ahead of this machine's. */
  clockSkewSeconds: number;
  /** The login service gives no tokens, and the import cannot look up the skill's app. */
  directoryDown: boolean;
};

type SwitchName = keyof Switches;

const day = 86_400;

const kinds: { readonly [Name in SwitchName]: Choice<Switches[Name]> | Whole | Flag } = {
  closedStatus: { kind: 'choice', of: [404, 403, 410, 500] },
  emptyCallbackBody: { kind: 'flag' },
  tellSkillOfInterruption: { kind: 'flag' },
  idleMinutes: { kind: 'whole', from: 1, to: 1_440 },
  skillTimeoutMs: { kind: 'whole', from: 1, to: 600_000 },
  probe: { kind: 'choice', of: ['off', 'warn', 'refuse'] },
  references: { kind: 'flag' },
  longIds: { kind: 'flag' },
  entraAgentId: { kind: 'flag' },
  clockSkewSeconds: { kind: 'whole', from: -day, to: day },
  directoryDown: { kind: 'flag' },
};

/** As reported or documented where anything is, and nothing wrong. */
const usualSwitches: Readonly<Switches> = {
  closedStatus: 404,
  emptyCallbackBody: true,
  tellSkillOfInterruption: false,
  // learn.microsoft.com: requirements-sessions-management.
  idleMinutes: 60,
  skillTimeoutMs: 15_000,
  probe: 'warn',
  references: true,
  longIds: false,
  entraAgentId: false,
  clockSkewSeconds: 0,
  directoryDown: false,
};

/** Switches with these values; the object is read anew at each use. Throws a RangeError that names the faulty one. */
export function createSwitches(values: Partial<Switches> = {}): Switches {
  return { ...usualSwitches, ...parseSwitches(values) };
}

/** Checks values from outside. Throws a RangeError that names the faulty one. */
export function parseSwitches(values: Readonly<Record<string, unknown>>): Partial<Switches> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    if (!Object.hasOwn(kinds, name)) throw new RangeError(`there is no switch ${name}`);
    const kind = kinds[name as SwitchName];
    if (!fits(kind, value))
      throw new RangeError(`${name} must be ${describeKind(kind)} (got ${JSON.stringify(value)})`);
  }
  return Object.fromEntries(given);
}

function fits(kind: Choice<unknown> | Whole | Flag, value: unknown): boolean {
  if (kind.kind === 'flag') return typeof value === 'boolean';
  if (kind.kind === 'choice') return kind.of.includes(value);
  return typeof value === 'number' && Number.isInteger(value) && value >= kind.from && value <= kind.to;
}

function describeKind(kind: Choice<unknown> | Whole | Flag): string {
  if (kind.kind === 'flag') return 'true or false';
  return kind.kind === 'choice' ? `one of ${kind.of.join(', ')}` : `a whole number from ${kind.from} to ${kind.to}`;
}
