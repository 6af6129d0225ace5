// A small skill for tests of the stand-in itself: it records what it is sent, answers what the test says, and can
// call back with a token from the stand-in's token endpoint.

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { StandIn } from '../../standin/stand-in.ts';

type Received = {
  readonly authorization: string | undefined;
  readonly activity: Record<string, unknown>;
};

type SkillReply = { status?: number; headers?: Record<string, string>; body?: unknown };

export type FakeSkill = {
  readonly appId: string;
  readonly secret: string;
  readonly url: string;
  readonly endpointUrl: string;
  readonly received: readonly Received[];
  /** What the skill does with an activity; default 200 with an empty body. */
  onActivity: (activity: Record<string, unknown>, request: Received) => SkillReply | Promise<SkillReply>;
  /** What a request without a token gets. */
  onStranger: () => SkillReply;
  /** What is served at /manifest.json. */
  manifest: (path: string) => SkillReply | Promise<SkillReply>;
  requestToken(standIn: StandIn, form?: Record<string, string>, tenant?: string): Promise<Response>;
  fetchToken(standIn: StandIn, form?: Record<string, string>, tenant?: string): Promise<string>;
  /** Posts an activity into a conversation, with a right token unless another is given. */
  callBack(standIn: StandIn, conversationId: string, activity: unknown, options?: CallBackOptions): Promise<Response>;
  stop(): Promise<void>;
};

type CallBackOptions = {
  token?: string | null;
  method?: string;
  rawBody?: string;
  activityId?: string;
  signal?: AbortSignal;
};

/** Starts the skill on a free loopback port. */
export async function startFakeSkill(): Promise<FakeSkill> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const reply = await answer(request, await readBody(request));
      response.writeHead(reply.status ?? 200, { 'Content-Type': 'application/json', ...reply.headers });
      response.end(typeof reply.body === 'string' ? reply.body : reply.body && JSON.stringify(reply.body));
    })();
  });
  const answer = async (request: IncomingMessage, body: string): Promise<SkillReply> => {
    if (request.method === 'GET') return skill.manifest(request.url ?? '/');
    const { authorization } = request.headers;
    const item = { authorization, activity: JSON.parse(body) as Record<string, unknown> };
    received.push(item);
    if (authorization === undefined) return skill.onStranger();
    return skill.onActivity(item.activity, item);
  };
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const skill: FakeSkill = {
    appId: randomUUID(),
    secret: 'a-secret',
    url,
    endpointUrl: `${url}/api/messages`,
    received,
    onActivity: () => ({}),
    onStranger: () => ({ status: 401, headers: { 'WWW-Authenticate': 'Bearer' } }),
    manifest: () => ({ status: 404 }),
    requestToken: (standIn, form, tenant) => requestToken(skill, standIn, form, tenant),
    fetchToken: (standIn, form, tenant) => fetchToken(skill, standIn, form, tenant),
    callBack: (standIn, conversationId, activity, options) =>
      callBack(skill, { standIn, conversationId, activity, options: options ?? {} }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return skill;
}

/** Registers the skill at the stand-in without an import. */
export function join(standIn: StandIn, skill: FakeSkill): void {
  standIn.registerApp({ appId: skill.appId, secret: skill.secret, homePageUrl: skill.url });
  standIn.addSkill({ appId: skill.appId, endpointUrl: skill.endpointUrl });
}

function requestToken(
  skill: FakeSkill,
  standIn: StandIn,
  form: Record<string, string> = {},
  tenant = standIn.tenantId,
): Promise<Response> {
  return fetch(`${standIn.loginUrl}/${tenant}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: skill.appId,
      client_secret: skill.secret,
      scope: `${standIn.agent.appId}/.default`,
      ...form,
    }),
  });
}

async function fetchToken(
  skill: FakeSkill,
  standIn: StandIn,
  form?: Record<string, string>,
  tenant?: string,
): Promise<string> {
  const response = await requestToken(skill, standIn, form, tenant);
  const body = (await response.json()) as { access_token?: string };
  if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`);
  return body.access_token;
}

async function callBack(
  skill: FakeSkill,
  call: { standIn: StandIn; conversationId: string; activity: unknown; options: CallBackOptions },
): Promise<Response> {
  const { standIn, conversationId, activity, options } = call;
  const token = options.token === undefined ? await fetchToken(skill, standIn) : options.token;
  const suffix = options.activityId === undefined ? '' : `/${encodeURIComponent(options.activityId)}`;
  const method = options.method ?? 'POST';
  return fetch(
    `${standIn.agent.serviceUrl}v3/conversations/${encodeURIComponent(conversationId)}/activities${suffix}`,
    {
      method,
      redirect: 'manual',
      signal: options.signal ?? null,
      headers: {
        'Content-Type': 'application/json',
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(method === 'GET' ? {} : { body: options.rawBody ?? JSON.stringify(activity) }),
    },
  );
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
