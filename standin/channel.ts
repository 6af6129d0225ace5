// The Bot Framework's channels, as Teams or Web Chat stand before a bot: a key set with endorsements, tokens with the
// service URL in them, and the address where the bot's messages are taken. An action is nothing that a channel knows.
// Shapes: bot-docs articles/rest-api/bot-framework-rest-connector-authentication.md.

import { randomUUID } from 'node:crypto';
import { type CallbackVerifier, verifyCallbackToken } from './callback-token.ts';
import { parseActivity, readBearer, recordCallback } from './callbacks.ts';
import type { Directory } from './directory.ts';
import { answerError, answerJson, type Answer, type Request, type Route } from './server.ts';
import { postActivity } from './skill-client.ts';
import { connectorAudience, createSigningKey, describePublicKey, signClaims, tokenLifetimeSeconds } from './tokens.ts';
import type { SigningKey } from './tokens.ts';
import type { Activity, ChannelConversation, ChannelConversationOptions, SkillAnswer } from './types.ts';
import { waitUntil } from './wait-until.ts';
import type { WireLog } from './wire-log.ts';

/** Path of the service URL of every channel here. */
export const channelServicePath = '/channel/';
const untilTimeoutMs = 10_000;
const endorsements = ['msteams', 'webchat', 'directline'];

export type ChannelParts = {
  /** Of the tokens that the bot presents. */
  readonly verifier: Omit<CallbackVerifier, 'audience'>;
  readonly directory: Directory;
  readonly now: () => number;
  readonly timeoutMs: () => number;
  readonly wire: WireLog;
  /** Address of the stand-in; known once it listens. */
  readonly url: () => string;
  readonly stopSignal: AbortSignal;
};

export type Channel = {
  readonly routes: readonly Route[];
  openConversation(options?: ChannelConversationOptions): ChannelConversation;
};

type KeyedParts = ChannelParts & { readonly key: () => Promise<SigningKey> };

type OpenedChannelConversation = {
  readonly botAppId: string;
  receive(activity: Activity): void;
};

/** The channels of one stand-in. */
export function createChannel(outer: ChannelParts): Channel {
  let key: Promise<SigningKey> | undefined;
  const parts: KeyedParts = {
    ...outer,
    // Making a key takes longer than all the rest of a start, and few need this one.
    key: () => {
      key ??= createSigningKey();
      return key;
    },
  };
  const conversations = new Map<string, OpenedChannelConversation>();
  return {
    routes: createRoutes(parts, (id) => conversations.get(id)),
    openConversation(options = {}) {
      const { conversation, opened } = openConversation(parts, options);
      conversations.set(conversation.id, opened);
      return conversation;
    },
  };
}

/** Claims of a channel's token for the bot with this app id. */
export function buildChannelClaims(appId: string, serviceUrl: string, now: number): Record<string, unknown> {
  const seconds = Math.floor(now / 1000);
  return {
    serviceurl: serviceUrl,
    nbf: seconds,
    exp: seconds + tokenLifetimeSeconds,
    iss: connectorAudience,
    aud: appId,
  };
}

function createRoutes(
  parts: KeyedParts,
  find: (id: string) => OpenedChannelConversation | undefined,
): readonly Route[] {
  const base = (): string => `${parts.url()}${channelServicePath}v1/.well-known`;
  const recorded = (answer: () => Answer | Promise<Answer>) => (request: Request) => {
    const { method, path } = request;
    parts.wire.record({ direction: 'skill->channel', method, path, status: 200 });
    return answer();
  };
  const keys = async (): Promise<Answer> =>
    answerJson(200, { keys: [{ ...(await describePublicKey(await parts.key())), endorsements }] });
  return [
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/channel\/v1\/\.well-known\/openidconfiguration$/,
      answer: recorded(() => answerJson(200, { issuer: connectorAudience, jwks_uri: `${base()}/keys` })),
    },
    { methods: ['GET', 'HEAD'], pattern: /^\/channel\/v1\/\.well-known\/keys$/, answer: recorded(keys) },
    {
      methods: ['POST'],
      pattern: /^\/channel\/v3\/conversations\/(?<id>[^/]+)\/activities(?:\/(?<activityId>[^/]+))?$/,
      answer: async (request) => {
        const { answer, reason, deliver } = await takeActivity(parts, request, find(request.params['id'] ?? ''));
        recordCallback(parts.wire, request, answer.status, reason, 'skill->channel');
        deliver?.();
        return answer;
      },
    },
  ];
}

type Outcome = { readonly answer: Answer; readonly reason?: string; readonly deliver?: () => void };

async function takeActivity(
  { verifier }: ChannelParts,
  request: Request,
  conversation: OpenedChannelConversation | undefined,
): Promise<Outcome> {
  const verdict = await verifyCallbackToken({ ...verifier, audience: connectorAudience }, readBearer(request));
  if ('reason' in verdict) {
    return { answer: answerError(401, 'Unauthorized', verdict.message), reason: verdict.reason };
  }
  if (conversation === undefined) {
    const reason = 'the channel has no conversation with this id';
    return { answer: answerError(404, 'ConversationNotFound', 'Conversation not found.'), reason };
  }
  if (conversation.botAppId.toLowerCase() !== verdict.caller.toLowerCase()) {
    const reason = 'the caller is not the bot of this conversation';
    return { answer: answerError(403, 'BotNotInConversationRoster', 'The bot is not part of it.'), reason };
  }
  const activity = parseActivity(request.body);
  if (activity === undefined) {
    const reason = 'body is no JSON object with a string type';
    return { answer: answerError(400, 'BadSyntax', 'The activity must be JSON with a type.'), reason };
  }
  return { answer: answerJson(201, { id: randomUUID() }), deliver: () => conversation.receive(activity) };
}

function openConversation(parts: KeyedParts, options: ChannelConversationOptions) {
  const bot = parts.directory.skills[0];
  if (bot === undefined) throw new Error('the channel has no bot yet: call addSkill or importSkill first');
  const id = options.conversationId ?? `a:1${randomUUID()}`;
  const channelId = options.channel ?? 'msteams';
  const user = { id: `29:1${randomUUID()}`, ...options.user };
  const received: Activity[] = [];
  const listeners = new Set<() => void>();
  const post = async (fields: Activity): Promise<SkillAnswer> => {
    const serviceUrl = `${parts.url()}${channelServicePath}`;
    const activity = {
      type: 'message',
      id: randomUUID(),
      timestamp: new Date(parts.now()).toISOString(),
      serviceUrl,
      channelId,
      from: user,
      recipient: { id: `28:${bot.appId}` },
      conversation: { id, ...(channelId === 'msteams' ? teamsPart(parts.directory) : {}) },
      ...fields,
    };
    const token = await signClaims(buildChannelClaims(bot.appId, serviceUrl, parts.now()), await parts.key());
    const { status, body } = await postActivity(parts, bot, activity, token, 'channel->skill');
    return { status, body };
  };
  const conversation: ChannelConversation = {
    id,
    channelId,
    received,
    post,
    say: (text) => post({ text }),
    until: (done) =>
      waitUntil({
        holds: () => done(received),
        onChange(listener) {
          listeners.add(listener);
          return () => void listeners.delete(listener);
        },
        timeoutMs: untilTimeoutMs,
        describe: () => JSON.stringify(received, undefined, 2),
        stopSignal: parts.stopSignal,
      }),
  };
  const receive = (activity: Activity): void => {
    received.push(activity);
    for (const listener of listeners) listener();
  };
  return { conversation, opened: { botAppId: bot.appId, receive } };
}

function teamsPart({ tenantId }: Directory): Activity {
  return { conversationType: 'personal', tenantId };
}
