// The API behind the chats of the page, and the page itself. State goes out as Server-Sent Events, whole and bounded.

import type { OpenedConversation } from './conversation.ts';
import type { Core } from './core.ts';
import { describeState } from './describe-state.ts';
import { readPageFile } from './page-files.ts';
import { type Body, guard, isObject, postRoute } from './page-guard.ts';
import { answerError, answerJson, type Answer, type Route } from './server.ts';
import type { ConversationOptions, SkillAnswer } from './types.ts';

/** Changes within this time go out as one event. */
const coalesceMs = 40;
const channels = ['msteams', 'directline', 'pva-studio'] as const;

export type ChatParts = {
  readonly core: Core;
  readonly openConversation: (options: ConversationOptions) => OpenedConversation;
};

type Handler = (body: Body, conversation: OpenedConversation) => Promise<SkillAnswer | undefined>;

/** Routes of the page at `/` and of its conversations below `/standin/`. */
export function createChatRoutes(parts: ChatParts): readonly Route[] {
  const { core } = parts;
  const get = ['GET', 'HEAD'];
  const act = (what: string, handler: Handler): Route =>
    postRoute(core, new RegExp(`^/standin/conversations/(?<id>[^/]+)/${what}$`), async (body, request) => {
      const conversation = core.conversations.findLast((one) => one.id === request.params['id']);
      if (conversation === undefined) return answerError(404, 'ConversationNotFound', 'There is no such conversation.');
      const answering = handler(body, conversation);
      // Shown at once: a skill may take seconds to answer, and the wire record comes only then.
      core.changed();
      const answer = await answering;
      return answerJson(200, { skillStatus: answer?.status ?? 0, stuck: answer?.stuck ?? false });
    });
  return [
    {
      methods: get,
      pattern: /^\/(?<file>[a-z-]+\.(?:css|js))?$/,
      answer: guard(core, ({ params }) => readPageFile(params['file'] ?? '')),
    },
    { methods: get, pattern: /^\/standin\/state$/, answer: guard(core, () => answerJson(200, describeState(core))) },
    { methods: ['GET'], pattern: /^\/standin\/events$/, answer: guard(core, () => streamState(core)) },
    postRoute(core, /^\/standin\/conversations$/, (body) => open(parts, body)),
    act('actions', (body, one) =>
      one.callAction(readText(body, 'name'), isObject(body['inputs']) ? body['inputs'] : {}),
    ),
    act('messages', (body, one) => one.say(readText(body, 'text'))),
    act('cancel', (_body, one) => one.cancel()),
    act('interrupt', (_body, one) => one.interrupt()),
  ];
}

function open({ core, openConversation }: ChatParts, body: Body): Answer {
  if (core.directory.skills.length === 0) return answerError(409, 'NoSkill', 'The agent has no skill yet.');
  const channel = channels.find((one) => one === body['channel']);
  if (channel === undefined) throw new RangeError(`channel must be one of ${channels.join(', ')}`);
  return answerJson(201, { id: openConversation({ channel }).id });
}

function streamState(core: Core): Answer {
  return {
    status: 200,
    headers: { 'Content-Type': 'text/event-stream' },
    stream(response) {
      let timer: NodeJS.Timeout | undefined;
      const send = (): void => {
        timer = undefined;
        response.write(`data: ${JSON.stringify(describeState(core))}\n\n`);
      };
      const schedule = (): void => void (timer ??= setTimeout(send, coalesceMs));
      // A skill's reply comes with or right after a wire record; what the person does comes by this API.
      core.watchers.add(schedule);
      const unsubscribe = core.wire.onRecord(schedule);
      const end = (): void => void response.end();
      core.stop.signal.addEventListener('abort', end);
      response.on('close', () => {
        clearTimeout(timer);
        unsubscribe();
        core.watchers.delete(schedule);
        core.stop.signal.removeEventListener('abort', end);
      });
      send();
    },
  };
}

function readText(body: Body, field: string): string {
  const value = body[field];
  return typeof value === 'string' ? value : '';
}
