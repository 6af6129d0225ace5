// The agent's end of the callback: POST v3/conversations/{id}/activities. Each check refuses for its own reason, in
// the order in which the service can know it: the token, then the conversation, then the activity.

import { verifyCallbackToken, type CallbackVerifier } from './callback-token.ts';
import { isActivity, type OpenedConversation } from './conversation.ts';
import { answerFault, delayAnswer } from './fault-answers.ts';
import { answerError, answerJson, type Answer, type Request, type Route } from './server.ts';
import type { Switches } from './switches.ts';
import type { Activity, FaultRule } from './types.ts';
import { pickShownClaims, type WireLog } from './wire-log.ts';

export type CallbackParts = {
  readonly botId: string;
  readonly verifier: CallbackVerifier;
  readonly findConversation: (id: string) => OpenedConversation | undefined;
  readonly takeFault: (conversationId: string) => FaultRule | undefined;
  readonly switches: Pick<Switches, 'closedStatus' | 'emptyCallbackBody' | 'entraAgentId'>;
  /** Whether the agent can still be reached at what was its service URL after this many moves. */
  readonly isServed: (moves: number) => boolean;
  readonly newActivityId: () => string;
  readonly wire: WireLog;
  readonly stopSignal: AbortSignal;
};

type Outcome = {
  readonly answer: Answer;
  readonly reason?: string;
  /** Takes the activity in; run after the request is on record, so that whoever waits for it finds the record. */
  readonly deliver?: () => void;
};

/** Path of the agent's service URL for this bot after so many moves, with a trailing slash. */
export function nameServicePath(botId: string, moves = 0): string {
  return `${moves === 0 ? '' : `/il${moves}`}/api/runtime/bots/${botId}/skillsV2/`;
}

/** The routes that a skill's connector client calls. */
export function createCallbackRoutes(parts: CallbackParts): readonly Route[] {
  const prefix = nameServicePath(parts.botId).replaceAll('/', String.raw`\/`);
  const pattern = new RegExp(
    `^(?:\\/il(?<moves>\\d+))?${prefix}v3\\/conversations\\/(?<id>[^/]+)\\/activities(?:\\/(?<activityId>[^/]+))?$`,
  );
  return [
    {
      methods: ['POST'],
      pattern,
      answer: async (request) => {
        const outcome = await handleCallback(parts, request);
        recordCallback(parts.wire, request, outcome.answer.status, outcome.reason);
        outcome.deliver?.();
        return outcome.answer;
      },
    },
  ];
}

/** Puts a request of a skill on record, refused ones with their reason. */
export function recordCallback(
  wire: WireLog,
  request: Request,
  status: number,
  reason: string | undefined,
  direction: 'skill->agent' | 'skill->channel' = 'skill->agent',
): void {
  const token = pickShownClaims(readBearer(request));
  const activity = parseJsonObject(request.body);
  const conversationId = request.params['id'];
  wire.record({
    direction,
    method: request.method,
    path: request.path,
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(token === undefined ? {} : { token }),
    ...(activity === undefined ? {} : { activity }),
    ...(conversationId === undefined ? {} : { conversationId }),
  });
}

async function handleCallback(parts: CallbackParts, request: Request): Promise<Outcome> {
  if (parts.switches.entraAgentId) {
    const reason = 'the agent has an Entra Agent ID (switch): no token that a skill can get is good for it';
    return refuse(401, 'Unauthorized', 'Authorization has been denied for this request.', reason);
  }
  if (!parts.isServed(Number(request.params['moves'] ?? 0))) {
    const reason = "this was the agent's service URL in an earlier turn; it has moved";
    return refuse(404, 'NotFound', 'There is nothing at this address.', reason);
  }
  const verdict = await verifyCallbackToken(parts.verifier, readBearer(request));
  if ('reason' in verdict) return refuse(401, 'Unauthorized', verdict.message, verdict.reason);
  const rule = parts.takeFault(request.params['id'] ?? '');
  const handle = (): Outcome => takeActivity(parts, request, verdict.caller);
  return rule === undefined ? handle() : applyFault(rule, handle, parts.stopSignal);
}

function applyFault({ fault, after }: FaultRule, handle: () => Outcome, stopSignal: AbortSignal): Outcome {
  const name = `fault set on purpose: ${fault.kind === 'answer' ? fault.status : fault.kind}`;
  if (fault.kind !== 'delay' && after !== true) return { answer: answerFault(fault, stopSignal), reason: name };
  const handled = handle();
  const answer =
    fault.kind === 'delay' ? delayAnswer(handled.answer, fault.ms, stopSignal) : answerFault(fault, stopSignal);
  return { ...handled, answer, reason: `${name}; ${handled.reason ?? 'the activity was taken'}` };
}

function takeActivity(parts: CallbackParts, request: Request, caller: string): Outcome {
  const conversation = parts.findConversation(request.params['id'] ?? '');
  if (conversation === undefined) {
    return refuse(404, 'ConversationNotFound', 'Conversation not found.', 'the agent has no conversation with this id');
  }
  if (conversation.skillAppId.toLowerCase() !== caller.toLowerCase()) {
    const reason = 'the calling skill has no part in this conversation';
    return refuse(403, 'Forbidden', 'The skill is not part of the conversation.', reason);
  }
  if (conversation.deliveryMode === 'expectReplies') {
    const reason = 'the conversation is on expectReplies: replies travel only in the answer to the request';
    return refuse(403, 'Forbidden', 'This conversation takes no asynchronous replies.', reason);
  }
  if (!conversation.hasOpenAction()) return refuseClosed(parts.switches.closedStatus, conversation);

  const activity = parseActivity(request.body);
  if (activity === undefined) {
    return refuse(
      400,
      'BadSyntax',
      'The activity must be JSON with a type.',
      'body is no JSON object with a string type',
    );
  }
  const answer = parts.switches.emptyCallbackBody ? { status: 200 } : answerJson(200, { id: parts.newActivityId() });
  return { answer, deliver: () => conversation.receive(activity) };
}

function refuse(status: number, code: string, message: string, reason: string): Outcome {
  return { answer: answerError(status, code, message), reason };
}

function refuseClosed(status: Switches['closedStatus'], conversation: OpenedConversation): Outcome {
  const reason = `no action is open any more (last one: ${conversation.action?.state ?? 'none was called'})`;
  // As botbuilder's own parent: botbuilder:src/skills/skillHandlerImpl.ts throws, restify sends the words as JSON.
  if (status === 500) return { answer: answerJson(500, 'skillConversationReference not found'), reason };
  const codes = { 403: 'Forbidden', 404: 'ConversationNotFound', 410: 'Gone' } as const;
  return refuse(status, codes[status], 'The conversation with the skill is over.', reason);
}

export function readBearer(request: Request): string | undefined {
  return /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

export function parseActivity(body: string): (Activity & { type: string }) | undefined {
  const parsed = parseJsonObject(body);
  return isActivity(parsed) ? parsed : undefined;
}

function parseJsonObject(body: string): Activity | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
