// The parts that all routes and conversations of one stand-in share.

import { randomBytes, randomUUID } from 'node:crypto';
import { planConversation } from './activities.ts';
import type { CallbackVerifier } from './callback-token.ts';
import { nameServicePath } from './callbacks.ts';
import { type Channel, createChannel } from './channel.ts';
import { createConversation, type OpenedConversation } from './conversation.ts';
import { createDirectory, type Directory } from './directory.ts';
import { createFaults, type Faults } from './faults.ts';
import { createKeyRing, type KeyRing } from './key-ring.ts';
import type { ImportResult } from './manifest.ts';
import { createSkillClient, type SkillClient } from './skill-client.ts';
import { createSwitches, type Switches } from './switches.ts';
import { botFrameworkTenantId, buildClaims, createSigningKey, signClaims } from './tokens.ts';
import type { ConversationOptions, Receipt, SignTokenOptions, StandInOptions, TokenVersion } from './types.ts';
import { createWireLog, type WireLog } from './wire-log.ts';

export type Core = {
  readonly now: () => number;
  /** The clock of tenant and agent, which may be ahead of `now`. */
  readonly tokenNow: () => number;
  readonly tokenVersion: TokenVersion;
  readonly switches: Switches;
  readonly wire: WireLog;
  readonly directory: Directory;
  readonly channel: Channel;
  readonly keys: KeyRing;
  readonly verifier: Omit<CallbackVerifier, 'isSkill' | 'audience'>;
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
  /** Vouches for the agent. */
  readonly agentTenantId: string;
  /** How often the agent's service URL has changed, and since when the addresses of before are not served. */
  readonly moves: { count: number; firstServed: number };
  /** The page's: told of what no record of the wire tells. */
  readonly watchers: Set<() => void>;
  changed(): void;
  lastImport: ImportResult | undefined;
  url: string;
};

/** All parts of a stand-in that does not listen yet. */
export async function createCore(options: StandInOptions): Promise<Core> {
  const { now = Date.now, tokenVersion = '1.0', tenantId, agent = {}, port: _port, host: _host, ...rest } = options;
  const switches = createSwitches(rest);
  const tokenNow = (): number => now() + switches.clockSkewSeconds * 1_000;
  const directory = createDirectory((tenantId ?? randomUUID()).toLowerCase());
  const keys = createKeyRing(await createSigningKey());
  const shared = {
    now,
    tokenNow,
    tokenVersion,
    switches,
    directory,
    keys,
    wire: createWireLog(now),
    verifier: { keys: keys.published, now: tokenNow, tenantId: directory.tenantId },
    agent: registerAgent(directory, agent),
    agentTenantId: agent.multiTenant === true ? botFrameworkTenantId : directory.tenantId,
    stop: new AbortController(),
  };
  const core: Core = {
    ...shared,
    client: createClient(shared),
    channel: createChannels(shared, () => core.url),
    faults: createFaults(),
    receivers: new Set(),
    conversations: [],
    latest: new Map(),
    botId: randomUUID(),
    environmentId: randomUUID(),
    moves: { count: 0, firstServed: 0 },
    watchers: new Set(),
    changed() {
      for (const watcher of core.watchers) watcher();
    },
    lastImport: undefined,
    url: '',
  };
  return core;
}

function registerAgent(directory: Directory, options: NonNullable<StandInOptions['agent']>): Core['agent'] {
  const appId = options.appId ?? randomUUID();
  directory.registerApp({
    appId,
    // Nobody can log in as the agent: its tokens are made in here.
    secret: randomBytes(32).toString('hex'),
    ...(options.multiTenant === true && { tenantId: botFrameworkTenantId }),
    ...(options.tokenVersion !== undefined && { tokenVersion: options.tokenVersion }),
  });
  return { appId, name: options.name ?? 'Contoso agent', serviceUrl: '' };
}

type ChannelNeeds = 'now' | 'wire' | 'directory' | 'switches' | 'verifier' | 'stop';
type ClientNeeds =
  | 'agent'
  | 'agentTenantId'
  | 'directory'
  | 'keys'
  | 'now'
  | 'stop'
  | 'switches'
  | 'tokenNow'
  | 'tokenVersion'
  | 'wire';

function createClient(core: Pick<Core, ClientNeeds>): SkillClient {
  const { now, tokenNow, wire, keys, agent, agentTenantId, directory, tokenVersion, switches, stop } = core;
  return createSkillClient({
    now,
    tokenNow,
    wire,
    key: keys.current,
    agent: () => agent,
    tenantId: agentTenantId,
    tokenVersion: (appId) => directory.findApp(appId)?.tokenVersion ?? tokenVersion,
    timeoutMs: () => switches.skillTimeoutMs,
    stopSignal: stop.signal,
  });
}

function createChannels(core: Pick<Core, ChannelNeeds>, url: () => string): Channel {
  const { now, wire, directory, switches, verifier, stop } = core;
  return createChannel({
    verifier: { ...verifier, isSkill: (appId) => directory.findApp(appId) !== undefined },
    directory,
    now,
    timeoutMs: () => switches.skillTimeoutMs,
    wire,
    url,
    stopSignal: stop.signal,
  });
}

/** Gives the agent its service URL: the first one, or another one after a move. */
export function placeAgent(core: Core): void {
  core.agent.serviceUrl = `${core.url}${nameServicePath(core.botId, core.moves.count)}`;
}

/** Opens a conversation of the agent and remembers it. Throws while the agent has no skill. */
export function openConversation(core: Core, options: ConversationOptions = {}): OpenedConversation {
  const skillAppId = options.skillAppId ?? core.directory.skills[0]?.appId;
  if (skillAppId === undefined) throw new Error('the agent has no skill yet: call addSkill or importSkill first');
  const place = { serviceUrl: () => core.agent.serviceUrl, longIds: core.switches.longIds };
  const shape = planConversation(options, place, {
    skillAppId,
    tenantId: core.directory.tenantId,
    agentPath: `${core.environmentId}/${core.botId}`,
    agentName: core.agent.name,
  });
  const conversation = createConversation({
    shape,
    client: core.client,
    findSkill: core.directory.findSkill,
    switches: core.switches,
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

/** A token of the agent for the first skill, with claims laid over it. */
export async function signHostileToken(
  core: Core,
  claims: Record<string, unknown> = {},
  options: SignTokenOptions = {},
): Promise<string> {
  const skill = core.directory.skills[0];
  if (skill === undefined) throw new Error('signToken needs a skill: call addSkill or importSkill first');
  const valid = buildClaims({
    audience: skill.appId,
    caller: core.agent.appId,
    tenantId: core.agentTenantId,
    version: core.directory.findApp(skill.appId)?.tokenVersion ?? core.tokenVersion,
    now: core.tokenNow(),
  });
  const omitted = new Set(options.omit ?? []);
  const kept = Object.entries({ ...valid, ...claims }).filter(([name]) => !omitted.has(name));
  const current = core.keys.current();
  // A foreign key under the published key id is the dangerous case: only the signature gives it away.
  const key = options.key === 'foreign' ? { ...(await createSigningKey()), kid: current.kid } : current;
  return signClaims(Object.fromEntries(kept), key, options);
}
