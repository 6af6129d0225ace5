// Sends activities from the agent to a skill, with the agent's token, and records what came back.

import { buildClaims, signClaims, type SigningKey } from './tokens.ts';
import type { Skill } from './directory.ts';
import type { Activity, AgentIdentity, SkillAnswer, TokenVersion } from './types.ts';
import { pickShownClaims, type WireLog } from './wire-log.ts';

export type SkillClient = {
  /** Posts one activity; an answer that did not come has status 0 and the reason in the wire log. */
  send(skill: Skill, activity: Activity): Promise<SkillAnswer>;
  /** Posts without a token: what to say of an endpoint that does not refuse strangers. */
  probe(skill: Skill, activity: Activity): Promise<string | undefined>;
  signToken(skillAppId: string): Promise<string>;
};

export type SkillClientParts = {
  readonly agent: () => AgentIdentity;
  /** That vouches for the agent: its own, or the Bot Framework's. */
  readonly tenantId: string;
  /** Of the tokens for this skill. */
  readonly tokenVersion: (skillAppId: string) => TokenVersion;
  readonly key: () => SigningKey;
  readonly now: () => number;
  /** The tenant's clock, which may be ahead. */
  readonly tokenNow: () => number;
  readonly timeoutMs: () => number;
  readonly wire: WireLog;
  readonly stopSignal: AbortSignal;
};

/** A client that presents the agent's identity. */
export function createSkillClient(parts: SkillClientParts): SkillClient {
  const signToken = (skillAppId: string): Promise<string> =>
    signClaims(
      buildClaims({
        audience: skillAppId,
        caller: parts.agent().appId,
        tenantId: parts.tenantId,
        version: parts.tokenVersion(skillAppId),
        now: parts.tokenNow(),
      }),
      parts.key(),
    );
  return {
    signToken,
    async send(skill, activity) {
      const answer = await postActivity(parts, skill, activity, await signToken(skill.appId));
      return { status: answer.status, body: answer.body };
    },
    async probe(skill, activity) {
      const answer = await postActivity(parts, skill, activity, undefined);
      if (answer.status === 401 && answer.challenge !== null) return undefined;
      const found = answer.status === 401 ? '401 without a WWW-Authenticate header' : String(answer.status);
      return `A request without a token should get 401 with WWW-Authenticate: Bearer; it got ${found}.`;
    },
  };
}

type RawAnswer = { status: number; body: unknown; challenge: string | null };

/** Posts one activity with this token, whoever it is that speaks, and puts it on record. */
export async function postActivity(
  parts: Pick<SkillClientParts, 'now' | 'timeoutMs' | 'wire' | 'stopSignal'>,
  skill: Skill,
  activity: Activity,
  token: string | undefined,
  direction: 'agent->skill' | 'channel->skill' = 'agent->skill',
): Promise<RawAnswer> {
  const claims = pickShownClaims(token);
  const shared = {
    at: parts.now(),
    direction,
    method: 'POST',
    path: new URL(skill.endpointUrl).pathname,
    activity,
    ...(claims === undefined ? {} : { token: claims }),
    ...describeConversation(activity),
  } as const;
  try {
    const response = await fetch(skill.endpointUrl, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json; charset=utf-8',
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(activity),
      redirect: 'manual',
      signal: AbortSignal.any([parts.stopSignal, AbortSignal.timeout(parts.timeoutMs())]),
    });
    const text = await response.text();
    // The probe without a token is to be refused: that is no fault to point at.
    const isExpected = response.ok || (token === undefined && response.status === 401);
    const reason = isExpected ? {} : { reason: `the skill answered ${response.status}: ${text.slice(0, 300)}` };
    parts.wire.record({ ...shared, status: response.status, ...reason });
    return { status: response.status, body: parseBody(text), challenge: response.headers.get('www-authenticate') };
  } catch (error) {
    parts.wire.record({ ...shared, status: 0, reason: `no answer from the skill: ${describeFailure(error)}` });
    return { status: 0, body: undefined, challenge: null };
  }
}

/** Words for a failed fetch; the cause holds what the system said, such as ECONNREFUSED. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it took too long';
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}

function describeConversation(activity: Activity): { conversationId?: string } {
  const conversation = activity['conversation'];
  if (typeof conversation !== 'object' || conversation === null || !('id' in conversation)) return {};
  return typeof conversation.id === 'string' ? { conversationId: conversation.id } : {};
}

function parseBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
