// The JSON API behind the chat page, and the page itself. State goes out as Server-Sent Events, whole and bounded.

import { resolveSchema, type SkillManifest } from '../src/manifest/skill-manifest.ts';
import type { Directory } from './directory.ts';
import type { OpenedConversation } from './conversation.ts';
import { readPageFile } from './page-files.ts';
import { answerError, answerJson, type Answer, type Request, type Route } from './server.ts';
import type { AgentIdentity, ConversationOptions, SkillAnswer, TranscriptEntry } from './types.ts';
import type { WireLog } from './wire-log.ts';

const shownRecords = 200;
const shownEntries = 300;
/** Changes within this time go out as one event. */
const coalesceMs = 40;

export type ChatParts = {
  readonly url: () => string;
  readonly agent: AgentIdentity;
  readonly directory: Directory;
  readonly wire: WireLog;
  readonly conversations: readonly OpenedConversation[];
  readonly openConversation: (options: ConversationOptions) => OpenedConversation;
  readonly stopSignal: AbortSignal;
};

type Body = Record<string, unknown>;
type Handler = (body: Body, conversation: OpenedConversation) => Promise<SkillAnswer | undefined>;

/** Routes of the page at `/` and of its API below `/standin/`. */
export function createChatRoutes(parts: ChatParts): readonly Route[] {
  const get = ['GET', 'HEAD'];
  const watchers = new Set<() => void>();
  const guarded = (answer: Route['answer']): Route['answer'] => {
    return (request) => refuseForeignOrigin(parts, request) ?? answer(request);
  };
  const post = (pattern: RegExp, answer: (request: Request, body: Body) => Answer | Promise<Answer>): Route => ({
    methods: ['POST'],
    pattern,
    answer: guarded(async (request) => recordCall(parts, request, await answerPost(request, answer))),
  });
  const act = (pattern: RegExp, handler: Handler): Route =>
    post(pattern, async (request, body) => {
      const conversation = parts.conversations.findLast((one) => one.id === request.params['id']);
      if (conversation === undefined) return answerError(404, 'ConversationNotFound', 'There is no such conversation.');
      const answering = handler(body, conversation);
      // Shown at once: a skill may take seconds to answer, and the wire record comes only then.
      for (const watcher of watchers) watcher();
      const answer = await answering;
      return answerJson(200, { skillStatus: answer?.status ?? 0, stuck: answer?.stuck ?? false });
    });
  return [
    {
      methods: get,
      pattern: /^\/(?<file>[a-z-]+\.(?:css|js))?$/,
      answer: guarded(({ params }) => readPageFile(params['file'] ?? '')),
    },
    { methods: get, pattern: /^\/standin\/state$/, answer: guarded(() => answerJson(200, describeState(parts))) },
    { methods: ['GET'], pattern: /^\/standin\/events$/, answer: guarded(() => streamState(parts, watchers)) },
    post(/^\/standin\/conversations$/, (_request, body) => open(parts, body)),
    act(/^\/standin\/conversations\/(?<id>[^/]+)\/actions$/, (body, one) =>
      one.callAction(readText(body, 'name'), isObject(body['inputs']) ? body['inputs'] : {}),
    ),
    act(/^\/standin\/conversations\/(?<id>[^/]+)\/messages$/, (body, one) => one.say(readText(body, 'text'))),
    act(/^\/standin\/conversations\/(?<id>[^/]+)\/cancel$/, (_body, one) => one.cancel()),
  ];
}

/** A page of another site must not steer the stand-in: neither by a form nor through a name that points here. */
function refuseForeignOrigin(parts: ChatParts, request: Request): Answer | undefined {
  const { origin, host } = request.headers;
  const port = new URL(parts.url()).port;
  const isOwnHost = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`].includes(host ?? '');
  const isOwnOrigin = origin === undefined || origin === `http://${host}`;
  if (isOwnHost && isOwnOrigin) return undefined;
  return answerError(403, 'Forbidden', 'The page and its API answer only to their own loopback address.');
}

async function answerPost(
  request: Request,
  answer: (request: Request, body: Body) => Answer | Promise<Answer>,
): Promise<Answer> {
  if (!(request.headers['content-type'] ?? '').startsWith('application/json')) {
    return answerError(415, 'UnsupportedMediaType', 'Send application/json.');
  }
  try {
    const body: unknown = JSON.parse(request.body === '' ? '{}' : request.body);
    if (isObject(body)) return await answer(request, body);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return answerError(400, 'BadSyntax', 'The body must be a JSON object.');
}

function recordCall(parts: ChatParts, request: Request, answer: Answer): Answer {
  const { method, path } = request;
  parts.wire.record({ direction: 'page->standin', method, path, status: answer.status });
  return answer;
}

function open(parts: ChatParts, body: Body): Answer {
  if (parts.directory.skills.length === 0) return answerError(409, 'NoSkill', 'The agent has no skill yet.');
  const conversation = parts.openConversation({ channel: body['channel'] === 'pva-studio' ? 'pva-studio' : 'msteams' });
  return answerJson(201, { id: conversation.id });
}

function describeState(parts: ChatParts): Body {
  return {
    agent: parts.agent,
    tenantId: parts.directory.tenantId,
    skills: parts.directory.skills.map((skill) => ({
      appId: skill.appId,
      name: skill.name ?? 'Skill',
      endpointUrl: skill.endpointUrl,
      actions: describeActions(skill.manifest),
    })),
    conversations: parts.conversations.map((one) => ({
      id: one.id,
      channelId: one.channelId,
      deliveryMode: one.deliveryMode,
      skillAppId: one.skillAppId,
      action: one.action ?? null,
      isOpen: one.hasOpenAction(),
      transcript: one.transcript.slice(-shownEntries).map(describeEntry),
    })),
    wire: parts.wire.records.slice(-shownRecords),
    wireTotal: parts.wire.count(),
  };
}

function describeEntry({ activity, ...entry }: TranscriptEntry): Body {
  const value = entry.type === 'endOfConversation' ? activity?.['value'] : undefined;
  return isObject(value) ? { ...entry, value } : entry;
}

function describeActions(manifest: SkillManifest | undefined): unknown[] {
  return Object.entries(manifest?.activities ?? {}).map(([name, activity]) => ({
    name,
    type: activity.type,
    description: activity.description ?? '',
    inputs: Object.entries(resolveSchema(manifest, activity.value).properties ?? {}).map(([input, schema]) => ({
      name: input,
      type: resolveSchema(manifest, schema).type ?? 'string',
      description: schema.description ?? schema.title ?? '',
    })),
  }));
}

function streamState(parts: ChatParts, watchers: Set<() => void>): Answer {
  return {
    status: 200,
    headers: { 'Content-Type': 'text/event-stream' },
    stream(response) {
      let timer: NodeJS.Timeout | undefined;
      const send = (): void => {
        timer = undefined;
        response.write(`data: ${JSON.stringify(describeState(parts))}\n\n`);
      };
      const schedule = (): void => void (timer ??= setTimeout(send, coalesceMs));
      // A skill's reply comes with or right after a wire record; what the person does comes by this API.
      watchers.add(schedule);
      const unsubscribe = parts.wire.onRecord(schedule);
      const end = (): void => void response.end();
      parts.stopSignal.addEventListener('abort', end);
      response.on('close', () => {
        clearTimeout(timer);
        unsubscribe();
        watchers.delete(schedule);
        parts.stopSignal.removeEventListener('abort', end);
      });
      send();
    },
  };
}

function readText(body: Body, field: string): string {
  const value = body[field];
  return typeof value === 'string' ? value : '';
}

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
