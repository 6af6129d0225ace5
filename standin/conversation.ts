// One conversation of a user with the agent: what the agent sends to the skill, and what becomes of the skill's replies.

import { createActionStack, type ActionStack } from './action-stack.ts';
import { buildActivity, type ConversationShape } from './activities.ts';
import { findAction } from './manifest.ts';
import { bindInputs, bindOutputs } from './outputs.ts';
import type { SkillClient } from './skill-client.ts';
import type { Skill } from './directory.ts';
import type { Activity, AgentConversation, Receipt, SkillAnswer, TranscriptEntry, WireRecord } from './types.ts';
import type { Switches } from './switches.ts';
import { waitUntil } from './wait-until.ts';

const maxEntries = 500;
const minuteMs = 60_000;

export type ConversationParts = {
  readonly shape: ConversationShape;
  readonly client: SkillClient;
  readonly findSkill: (appId: string) => Skill | undefined;
  readonly switches: Pick<Switches, 'idleMinutes' | 'tellSkillOfInterruption'>;
  readonly now: () => number;
  readonly refusals: () => readonly WireRecord[];
  readonly onReceive: (receipt: Receipt) => void;
  readonly stopSignal: AbortSignal;
};

/** The conversation as the stand-in itself sees it. */
export type OpenedConversation = AgentConversation & {
  readonly skillAppId: string;
  hasOpenAction(): boolean;
  /** Takes a reply of the skill, from a callback or from the body of an expectReplies answer. */
  receive(activity: Activity & { type: string }): void;
  onChange(listener: () => void): () => void;
};

type State = {
  readonly parts: ConversationParts;
  readonly actions: ActionStack;
  readonly transcript: TranscriptEntry[];
  /** The user's, kept for when the transcript has lost them. */
  lastWords: string | undefined;
  readonly listeners: Set<() => void>;
  /** Replies so far, to tell an event action that was left without any. */
  replies: number;
};

/** A conversation without any action yet. */
export function createConversation(parts: ConversationParts): OpenedConversation {
  const actions = createActionStack(parts.now, () => parts.switches.idleMinutes * minuteMs);
  const state: State = { parts, actions, transcript: [], lastWords: undefined, listeners: new Set(), replies: 0 };
  const { shape } = parts;
  const onChange = (listener: () => void): (() => void) => {
    state.listeners.add(listener);
    return () => state.listeners.delete(listener);
  };
  const conversation: OpenedConversation = {
    id: shape.id,
    channelId: shape.channelId,
    deliveryMode: shape.deliveryMode,
    skillAppId: shape.skillAppId,
    get action() {
      return actions.viewLast();
    },
    transcript: state.transcript,
    callAction: (name, inputs) => callAction(state, name, inputs),
    say: (text) => say(state, text),
    cancel: (options) => drop(state, 'cancelled', options?.tellSkill ?? true),
    interrupt: (options) => interrupt(state, options ?? {}),
    post: (activity) => postRaw(state, activity),
    until: (done, options) =>
      waitUntil({
        holds: () => done(conversation),
        onChange,
        timeoutMs: options?.timeoutMs ?? 10_000,
        describe: () => describeForTimeout(state),
        stopSignal: parts.stopSignal,
      }),
    hasOpenAction: () => actions.findOpen() !== undefined,
    receive: (activity) => receive(state, activity),
    onChange,
  };
  return conversation;
}

async function callAction(state: State, name: string, inputs: Activity = {}): Promise<SkillAnswer> {
  const { manifest } = getSkill(state);
  const declared = findAction(manifest, name);
  const type = declared?.type ?? 'event';
  // A message action has no name (skill-manifest schema 2.2, messageActivity): its call is told by its value.
  const activityName = type === 'message' ? declared?.name : (declared?.name ?? name);
  // A message action carries the user's last words, as a topic's trigger phrase would be.
  const text = type === 'message' ? { text: state.lastWords ?? name } : {};
  const { bound, dropped } = bindInputs(manifest, name, inputs);
  state.actions.open(name, type);
  note(state, { from: 'agent', type, text: `calls ${name}` });
  for (const one of dropped) complain(state, `an input was not sent: ${one}`);
  return runTurn(
    state,
    buildActivity(state.parts.shape, { type, name: activityName, value: bound, ...text }, now(state)),
  );
}

async function say(state: State, text: string): Promise<SkillAnswer> {
  state.lastWords = text;
  note(state, { from: 'user', type: 'message', text });
  if (state.actions.findOpen() === undefined) return { status: 0, body: undefined };
  return runTurn(state, buildActivity(state.parts.shape, { type: 'message', text, textFormat: 'plain' }, now(state)));
}

async function interrupt(
  state: State,
  { text, tellSkill }: { text?: string; tellSkill?: boolean },
): Promise<SkillAnswer | undefined> {
  if (text !== undefined) {
    state.lastWords = text;
    note(state, { from: 'user', type: 'message', text });
  }
  return drop(state, 'interrupted', tellSkill ?? state.parts.switches.tellSkillOfInterruption);
}

async function drop(
  state: State,
  how: 'cancelled' | 'interrupted',
  tellSkill: boolean,
): Promise<SkillAnswer | undefined> {
  // Closed before the skill hears of it: what the skill still sends must be refused.
  state.actions.closeAll(how);
  const text = how === 'cancelled' ? 'the topic was cancelled' : 'another topic took over, the action was dropped';
  const told = how === 'cancelled' || tellSkill ? '' : ' without a word to the skill';
  note(state, { from: 'agent', type: 'endOfConversation', text: `${text}${told}` });
  if (!tellSkill) return undefined;
  const fields = { type: 'endOfConversation', code: 'userCancelled' };
  return runTurn(state, buildActivity(state.parts.shape, fields, now(state)));
}

async function postRaw(state: State, fields: Activity): Promise<SkillAnswer> {
  const { type, name } = fields;
  if (type === 'endOfConversation') state.actions.closeAll('cancelled');
  if (type === 'event') state.actions.open(typeof name === 'string' ? name : 'event', 'event');
  if (type === 'message' && state.actions.findOpen() === undefined) state.actions.open('message', 'message');
  const activity = buildActivity(state.parts.shape, fields, now(state));
  note(state, { from: 'agent', type: String(type), text: 'sends an activity', activity });
  const answer = await state.parts.client.send(getSkill(state), activity);
  receiveAll(state, answer);
  return answer;
}

/** Sends one activity and deals with the answer as Copilot Studio does. */
async function runTurn(state: State, activity: Activity): Promise<SkillAnswer> {
  state.actions.touch();
  const repliesBefore = state.replies;
  const answer = await state.parts.client.send(getSkill(state), activity);
  if (answer.status < 200 || answer.status > 299) {
    const found = answer.status === 0 ? 'did not answer' : `answered ${answer.status}`;
    // The platform's own spelling.
    const code = 'SkillNotSuccesfulResponseCode';
    state.actions.endOpen({ code });
    note(state, { from: 'agent', type: 'message', text: `${code}: the skill ${found}` });
    return answer;
  }
  receiveAll(state, answer);
  if (activity['type'] !== 'event' || state.replies !== repliesBefore) return answer;
  complain(
    state,
    'the skill answered this event action with neither a reply nor an endOfConversation: the topic could not go on',
  );
  return { ...answer, stuck: true };
}

/** On expectReplies the replies travel in the body of the answer. */
function receiveAll(state: State, answer: SkillAnswer): void {
  const { body } = answer;
  if (state.parts.shape.deliveryMode !== 'expectReplies') return;
  if (typeof body !== 'object' || body === null || !('activities' in body)) return;
  if (Array.isArray(body.activities))
    for (const activity of body.activities) if (isActivity(activity)) receive(state, activity);
}

function receive(state: State, activity: Activity & { type: string }): void {
  const { actions, parts } = state;
  state.replies += 1;
  actions.touch();
  const { type } = activity;
  const dropped = type === 'endOfConversation' ? endAction(state, activity) : [];
  const text = [activity['text'], activity['name'], activity['code']].find((part) => typeof part === 'string');
  const at = parts.now();
  add(state, { from: 'skill', type, text: typeof text === 'string' ? text : '', at, activity });
  for (const one of dropped) complain(state, `an output was dropped: ${one}`);
  parts.onReceive({ conversationId: parts.shape.id, activity, at });
  notify(state);
}

/** Ends the action that is open; gives what was dropped of its outputs. */
function endAction({ actions, parts }: State, activity: Activity): readonly string[] {
  const code = typeof activity['code'] === 'string' ? { code: activity['code'] } : {};
  const skill = parts.findSkill(parts.shape.skillAppId);
  const bound = bindOutputs(skill?.manifest, actions.findOpen()?.name ?? '', activity['value']);
  actions.endOpen({ ...code, ...bound });
  return bound.dropped ?? [];
}

/** An object with a string `type`: the least that makes an activity. */
export function isActivity(value: unknown): value is Activity & { type: string } {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function note(state: State, entry: Omit<TranscriptEntry, 'at'>): void {
  add(state, { ...entry, at: state.parts.now() });
  notify(state);
}

/** What the agent has to complain of stands in the transcript, where it happened. */
function complain(state: State, text: string): void {
  note(state, { from: 'agent', type: 'finding', text });
}

function add({ transcript }: State, entry: TranscriptEntry): void {
  transcript.push(entry);
  if (transcript.length > maxEntries) transcript.shift();
}

function notify(state: State): void {
  for (const listener of state.listeners) listener();
}

function now(state: State): number {
  return state.parts.now();
}

function getSkill(state: State): Skill {
  const { skillAppId } = state.parts.shape;
  const skill = state.parts.findSkill(skillAppId);
  if (skill === undefined) throw new Error(`no skill with app id ${skillAppId}: call addSkill or importSkill first`);
  return skill;
}

function describeForTimeout(state: State): string {
  const lines = state.transcript.map((entry) => `  ${entry.from} ${entry.type}: ${entry.text}`);
  const refusals = state.parts.refusals().slice(-5);
  const refused = refusals.map((record) => `  ${record.direction} ${record.method} ${record.status}: ${record.reason}`);
  const action = JSON.stringify(state.actions.viewLast() ?? null);
  return ['action:', `  ${action}`, 'transcript:', ...lines, 'last refusals:', ...refused].join('\n');
}
