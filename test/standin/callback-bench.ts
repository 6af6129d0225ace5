// An agent with one open action and a skill with a right token: what tests of faulty callbacks start from.

import { startStandIn, type AgentConversation, type StandIn } from '../../standin/stand-in.ts';
import type { WireRecord } from '../../standin/types.ts';
import { type FakeSkill, join, startFakeSkill } from './fake-skill.ts';

export type CallbackBench = {
  readonly standIn: StandIn;
  readonly skill: FakeSkill;
  readonly token: string;
  readonly conversation: AgentConversation;
  openAction(): Promise<AgentConversation>;
  send(text: string, options?: { to?: AgentConversation; signal?: AbortSignal }): Promise<Response>;
  /** One callback for each letter, one after the other; gives the statuses. */
  sendAll(texts: string): Promise<number[]>;
  /** Texts that the conversation has taken. */
  listTaken(): string[];
  /** The record of the next request. */
  nextRecord(): Promise<WireRecord>;
  stop(): Promise<void>;
};

/** Starts the stand-in and the skill, and opens the action. */
export async function startCallbackBench(): Promise<CallbackBench> {
  const skill = await startFakeSkill();
  const standIn = await startStandIn();
  join(standIn, skill);
  const openAction = async (): Promise<AgentConversation> => {
    const opened = standIn.openConversation();
    await opened.callAction('wait');
    return opened;
  };
  const conversation = await openAction();
  const token = await skill.fetchToken(standIn);
  const send: CallbackBench['send'] = (text, { to = conversation, ...rest } = {}) =>
    skill.callBack(standIn, to.id, { type: 'message', text }, { token, ...rest });
  return {
    standIn,
    skill,
    token,
    conversation,
    openAction,
    send,
    async sendAll(texts) {
      const statuses: number[] = [];
      for (const text of texts) statuses.push((await send(text)).status);
      return statuses;
    },
    listTaken: () => conversation.transcript.filter((entry) => entry.from === 'skill').map((entry) => entry.text),
    nextRecord: () =>
      new Promise((resolve) => {
        const release = standIn.onWire((record) => {
          release();
          resolve(record);
        });
      }),
    async stop() {
      await standIn.stop();
      await skill.stop();
    },
  };
}

/** What became of a callback whose connection broke: the code of the client's error. */
export async function findFailure(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return 'answered';
  } catch (error) {
    const { cause, name } = error as Error;
    return (cause as { code?: string } | undefined)?.code ?? name;
  }
}

/** The same for one that is read to its end. */
export function findFailureOfBody(answer: Promise<Response>): Promise<string> {
  return findFailure(answer.then((response) => response.text()));
}
