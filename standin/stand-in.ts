// The stand-in for Copilot Studio and its Entra tenant, on the loopback interface. It shows that a skill keeps to the
// protocol and refuses what the service refuses; it does not prove that Microsoft's service delivers.

import { randomUUID } from 'node:crypto';
import { createCallbackRoutes, recordCallback } from './callbacks.ts';
import { channelServicePath } from './channel.ts';
import { createChatRoutes } from './chat-api.ts';
import { type Core, createCore, openConversation, placeAgent, signHostileToken } from './core.ts';
import { createElsewhereRoute } from './fault-presets.ts';
import { importSkill, importSkillFile, type ImportParts } from './import-skill.ts';
import type { ImportResult } from './manifest.ts';
import { type Request, type Route, startServer } from './server.ts';
import { nameMetadataUrl } from './settings.ts';
import { createSteerRoutes } from './steer-api.ts';
import { createTenantRoutes } from './tenant.ts';
import type { MoveOptions, StandIn, StandInOptions } from './types.ts';
import type { WireLog } from './wire-log.ts';

export type { AgentConversation, StandIn, StandInOptions } from './types.ts';

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
  placeAgent(core);
  return describeStandIn(core, async () => {
    core.stop.abort(new Error('the stand-in was stopped'));
    await server.stop();
  });
}

function createRoutes(core: Core): readonly Route[] {
  const { directory, wire, switches, moves } = core;
  const isSkill = (appId: string): boolean => directory.findSkill(appId) !== undefined;
  const steer = createSteerRoutes({
    core,
    importSkill: (url, options) => importAndRemember(core, () => importSkill(url, describeImport(core), options)),
    moveService: (options) => moveService(core, options),
  });
  return [
    ...createCallbackRoutes({
      botId: core.botId,
      verifier: { ...core.verifier, isSkill, audience: core.agent.appId },
      findConversation: (id) => core.latest.get(id),
      takeFault: core.faults.take,
      switches,
      isServed: (count) => count >= moves.firstServed && count <= moves.count,
      newActivityId: randomUUID,
      wire,
      stopSignal: core.stop.signal,
    }),
    createElsewhereRoute(wire),
    ...core.channel.routes,
    ...steer,
    ...createChatRoutes({ core, openConversation: (conversation) => openConversation(core, conversation) }),
    ...createTenantRoutes({
      directory,
      keys: core.keys,
      now: core.tokenNow,
      wire,
      tokenVersion: core.tokenVersion,
      isDown: () => switches.directoryDown,
      url: () => core.url,
    }),
  ];
}

function describeStandIn(core: Core, stop: () => Promise<void>): StandIn {
  const { directory, wire, url, keys, faults } = core;
  const parts = describeImport(core);
  return {
    url,
    loginUrl: url,
    openIdMetadataUrl: nameMetadataUrl(url),
    tenantId: directory.tenantId,
    agent: core.agent,
    chatPageUrl: `${url}/`,
    wire: wire.records,
    onWire: wire.onRecord,
    onReceive(listener) {
      core.receivers.add(listener);
      return () => core.receivers.delete(listener);
    },
    registerApp: directory.registerApp,
    addSkill: directory.addSkill,
    importSkill: (manifestUrl, options) => importAndRemember(core, () => importSkill(manifestUrl, parts, options)),
    importSkillFile: (path, options) => importAndRemember(core, () => importSkillFile(path, parts, options)),
    openConversation: (options) => openConversation(core, options),
    channelOpenIdMetadataUrl: `${url}${channelServicePath}v1/.well-known/openidconfiguration`,
    channelServiceUrl: `${url}${channelServicePath}`,
    openChannelConversation: core.channel.openConversation,
    signToken: (claims, options) => signHostileToken(core, claims, options),
    faults: { answerNext: faults.answerNext, set: faults.set, clear: faults.clear },
    switches: core.switches,
    rotateKeys: keys.rotate,
    moveService: (options) => moveService(core, options),
    stop,
  };
}

function describeImport({ directory, wire, client, switches, now, stop }: Core): ImportParts {
  return { directory, wire, client, switches, now, stopSignal: stop.signal };
}

/** The page shows what became of the last import. */
async function importAndRemember(core: Core, run: () => Promise<ImportResult>): Promise<ImportResult> {
  const result = await run();
  core.lastImport = result;
  core.changed();
  return result;
}

function moveService(core: Core, { keepOld = false }: MoveOptions = {}): void {
  core.moves.count += 1;
  if (!keepOld) core.moves.firstServed = core.moves.count;
  placeAgent(core);
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
