// The stand-in for Copilot Studio and its Entra tenant, on the loopback interface. It shows that a skill keeps to the
// protocol and refuses what the service refuses; it does not prove that Microsoft's service delivers.

import { randomBytes, randomUUID } from 'node:crypto';
import { planConversation } from './activities.ts';
import { channelServicePath, createChannel, type Channel } from './channel.ts';
import { createCallbackRoutes, nameServicePath, recordCallback } from './callbacks.ts';
import { createChatRoutes } from './chat-api.ts';
import { createConversation, type OpenedConversation } from './conversation.ts';
import { createDirectory, type Directory } from './directory.ts';
import { createFaults, type Faults } from './faults.ts';
import { importSkill } from './import-skill.ts';
import { type Request, type Route, startServer } from './server.ts';
import { createSkillClient, type SkillClient } from './skill-client.ts';
import { createTenantRoutes } from './tenant.ts';
import { buildClaims, createSigningKey, signClaims, type SigningKey } from './tokens.ts';
import type {
  AgentIdentity,
  ConversationOptions,
  Receipt,
  SignTokenOptions,
  StandIn,
  StandInOptions,
} from './types.ts';
import { createWireLog, type WireLog } from './wire-log.ts';

export type { AgentConversation, StandIn, StandInOptions } from './types.ts';

/** The parts that all routes and conversations of one stand-in share. */
type Core = {
  readonly options: StandInOptions;
  readonly now: () => number;
  readonly wire: WireLog;
  readonly directory: Directory;
  readonly channel: Channel;
  readonly key: SigningKey;
  readonly faults: Faults;
  readonly receivers: Set<(receipt: Receipt) => void>;
  readonly client: SkillClient;
  readonly conversations: OpenedConversation[];
  /** By id, the one that was opened last: callbacks look it up. */
  readonly latest: Map<string, OpenedConversation>;
  readonly botId: string;
  readonly environmentId: string;
  readonly stop: AbortController;
  /** Identity with addresses; the address is filled in once the server listens. */
  readonly agent: { appId: string; name: string; serviceUrl: string };
  url: string;
};

/**
 * Starts a tenant, an agent and a chat page on one loopback port.
 * Throws when `host` is not a loopback address or the port is taken.
 */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const host = options.host ?? '127.0.0.1';
  if (!['127.0.0.1', '::1', 'localhost'].includes(host)) {
    throw new Error(`host must be 127.0.0.1, ::1 or localhost: the stand-in gives out tokens (got ${host})`);
  }
  const core = await createCore(options);
  const parts = {
    routes: createRoutes(core),
    onRefused: (request: Request, status: number, reason: string) => recordRefusal(core.wire, request, status, reason),
  };
  const server = await startServer(parts, options.port ?? 0, host);
  core.url = `http://${host === '::1' ? '[::1]' : host}:${server.port}`;
  core.agent.serviceUrl = `${core.url}${nameServicePath(core.botId)}`;
  return describeStandIn(core, async () => {
    core.stop.abort(new Error('the stand-in was stopped'));
    await server.stop();
  });
}

async function createCore(options: StandInOptions): Promise<Core> {
  const now = options.now ?? Date.now;
  const wire = createWireLog(now);
  const key = await createSigningKey();
  const directory = createDirectory((options.tenantId ?? randomUUID()).toLowerCase());
  const agent = {
    appId: options.agent?.appId ?? randomUUID(),
    name: options.agent?.name ?? 'Contoso agent',
    serviceUrl: '',
  };
  // Nobody can log in as the agent: its tokens are made in here.
  directory.registerApp({ appId: agent.appId, secret: randomBytes(32).toString('hex') });
  const stop = new AbortController();
  const tokenVersion = options.tokenVersion ?? '1.0';
  const { tenantId } = directory;
  const shared = { now, wire, key, agent: () => agent, stopSignal: stop.signal };
  const client = createSkillClient({ ...shared, tenantId, tokenVersion });
  const channel = createChannel({
    verifier: { key, now, tenantId, isSkill: (appId) => directory.findApp(appId) !== undefined },
    directory,
    now,
    wire,
    url: () => core.url,
    stopSignal: stop.signal,
  });
  const core: Core = {
    options,
    now,
    wire,
    directory,
    channel,
    key,
    client,
    agent,
    stop,
    faults: createFaults(),
    receivers: new Set(),
    conversations: [],
    latest: new Map(),
    botId: randomUUID(),
    environmentId: randomUUID(),
    url: '',
  };
  return core;
}

function createRoutes(core: Core): readonly Route[] {
  const { directory, key, now, wire, options } = core;
  const isSkill = (appId: string): boolean => directory.findSkill(appId) !== undefined;
  return [
    ...createCallbackRoutes({
      botId: core.botId,
      verifier: { key, now, isSkill, tenantId: directory.tenantId, audience: core.agent.appId },
      findConversation: (id) => core.latest.get(id),
      takeFault: core.faults.take,
      closedStatus: options.closedStatus ?? 404,
      emptyBody: options.emptyCallbackBody ?? true,
      newActivityId: randomUUID,
      wire,
      stopSignal: core.stop.signal,
    }),
    ...core.channel.routes,
    ...createChatRoutes({
      url: () => core.url,
      agent: core.agent,
      directory,
      wire,
      conversations: core.conversations,
      openConversation: (conversation) => openConversation(core, conversation),
      stopSignal: core.stop.signal,
    }),
    ...createTenantRoutes({
      directory,
      key,
      now,
      wire,
      tokenVersion: options.tokenVersion ?? '1.0',
      url: () => core.url,
    }),
  ];
}

function describeStandIn(core: Core, stop: () => Promise<void>): StandIn {
  const { directory, wire, url } = core;
  const agent: AgentIdentity = core.agent;
  return {
    url,
    loginUrl: url,
    openIdMetadataUrl: `${url}/botframework.com/v2.0/.well-known/openid-configuration`,
    tenantId: directory.tenantId,
    agent,
    chatPageUrl: `${url}/`,
    wire: wire.records,
    onWire: wire.onRecord,
    onReceive(listener) {
      core.receivers.add(listener);
      return () => core.receivers.delete(listener);
    },
    registerApp: directory.registerApp,
    addSkill: directory.addSkill,
    importSkill: (manifestUrl) =>
      importSkill(manifestUrl, { directory, wire, client: core.client, now: core.now, stopSignal: core.stop.signal }),
    openConversation: (options) => openConversation(core, options),
    channelOpenIdMetadataUrl: `${url}${channelServicePath}v1/.well-known/openidconfiguration`,
    channelServiceUrl: `${url}${channelServicePath}`,
    openChannelConversation: core.channel.openConversation,
    signToken: (claims, options) => signHostileToken(core, claims ?? {}, options ?? {}),
    faults: { answerNext: core.faults.answerNext, set: core.faults.set, clear: core.faults.clear },
    stop,
  };
}

function openConversation(core: Core, options: ConversationOptions = {}): OpenedConversation {
  const skillAppId = options.skillAppId ?? core.directory.skills[0]?.appId;
  if (skillAppId === undefined) throw new Error('the agent has no skill yet: call addSkill or importSkill first');
  const shape = planConversation(options, core.agent.serviceUrl, {
    skillAppId,
    tenantId: core.directory.tenantId,
    agentPath: `${core.environmentId}/${core.botId}`,
    agentName: core.agent.name,
  });
  const conversation = createConversation({
    shape,
    client: core.client,
    findSkill: core.directory.findSkill,
    now: core.now,
    refusals: () => core.wire.records.filter((record) => record.reason !== undefined),
    onReceive(receipt) {
      for (const receiver of core.receivers) receiver(receipt);
    },
    stopSignal: core.stop.signal,
  });
  core.conversations.push(conversation);
  core.latest.set(conversation.id, conversation);
  return conversation;
}

/** A request that no route took: for the tenant when its path is of the login service, else a callback gone astray. */
function recordRefusal(wire: WireLog, request: Request, status: number, reason: string): void {
  const { method, path } = request;
  if (/\/(?:oauth2|discovery|\.well-known)(?:\/|$)/.test(path)) {
    wire.record({ direction: 'skill->tenant', method, path, status, reason });
  } else {
    recordCallback(wire, request, status, reason);
  }
}

async function signHostileToken(
  core: Core,
  claims: Record<string, unknown>,
  options: SignTokenOptions,
): Promise<string> {
  const audience = core.directory.skills[0]?.appId;
  if (audience === undefined) throw new Error('signToken needs a skill: call addSkill or importSkill first');
  const valid = buildClaims({
    audience,
    caller: core.agent.appId,
    tenantId: core.directory.tenantId,
    version: core.options.tokenVersion ?? '1.0',
    now: core.now(),
  });
  const omitted = new Set(options.omit ?? []);
  const kept = Object.entries({ ...valid, ...claims }).filter(([name]) => !omitted.has(name));
  // A foreign key under the published key id is the dangerous case: only the signature gives it away.
  const key = options.key === 'foreign' ? { ...(await createSigningKey()), kid: core.key.kid } : core.key;
  return signClaims(Object.fromEntries(kept), key, options);
}
