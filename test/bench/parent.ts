// The parent that all are measured against, as a process of its own: the stand-in's tenant, and an agent that checks the
// token of every request anew, answers 200 with an id and keeps only a count. The stand-in's own agent also keeps
// transcripts and every record of the wire, and would be what is measured.

import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { startStandIn } from '../../standin/stand-in.ts';
import { answerCalls } from './calls.ts';
import type { AppIdentity, Counted, ParentAddress } from './words.ts';

const standIn = await startStandIn();
const keys = await readKeys();
const skills = new Set<string>();
let taken = 0;
let refused = 0;
/** Undefined while nobody asks for them: reading the texts costs. */
let latenciesMs: number[] | undefined;

const server = createServer((request, response) => void take(request, response));
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});

answerCalls({
  address: (): ParentAddress => ({
    serviceUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    loginUrl: standIn.loginUrl,
    openIdMetadataUrl: standIn.openIdMetadataUrl,
    tenantId: standIn.tenantId,
    agentAppId: standIn.agent.appId,
  }),
  register: (app: AppIdentity) => {
    standIn.registerApp(app);
    // An endpoint is needed for signToken alone; the load speaks for the agent.
    standIn.addSkill({ appId: app.appId, endpointUrl: 'http://127.0.0.1:9/api/messages' });
    skills.add(app.appId);
  },
  stopLatencies: () => {
    latenciesMs = undefined;
  },
  /** A token of this skill for the agent, as its tenant issues it. */
  tokenFor: async ({ appId, secret }: AppIdentity) => {
    const form = { grant_type: 'client_credentials', client_id: appId, client_secret: secret };
    const answer = await fetch(`${standIn.loginUrl}/${standIn.tenantId}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({ ...form, scope: `${standIn.agent.appId}/.default` }),
    });
    return ((await answer.json()) as { access_token: string }).access_token;
  },
  /** A token of the agent for this skill. */
  signToken: (audience: string) => standIn.signToken({ aud: audience }),
  count: (): Counted => ({ count: taken, refused, atMs: performance.now() }),
  /** Begins to note how old what arrives is; gives what was noted so far. */
  latencies: () => {
    const noted = latenciesMs ?? [];
    latenciesMs = [];
    return noted;
  },
});

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = request.url ?? '';
  if (url === '/bench/taken') return void response.end(String(taken));
  const body = latenciesMs ? await text(request) : await skip(request);
  const isCallback = request.method === 'POST' && /^\/v3\/conversations\/[^/]+\/activities(?:\/[^/]+)?$/.test(url);
  if (!isCallback || !isGood(request.headers.authorization ?? '')) {
    refused += 1;
    response.statusCode = isCallback ? 401 : 404;
    return void response.end();
  }
  taken += 1;
  const sentAt = /at=(\d+)/.exec(body)?.[1];
  if (sentAt !== undefined) latenciesMs?.push(Number(process.hrtime.bigint() - BigInt(sentAt)) / 1e6);
  response.setHeader('content-type', 'application/json');
  response.end('{"id":"1"}');
}

function skip(request: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    request.resume().once('end', () => resolve(''));
  });
}

type Claims = { aud?: string; iss?: string; appid?: string; exp?: number; nbf?: number };

/** As a parent must: signature, issuer, audience, time, and a skill that it knows. */
function isGood(authorization: string): boolean {
  const [, header, payload, signature] = /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(authorization) ?? [];
  if (header === undefined || payload === undefined || signature === undefined) return false;
  const { alg, kid } = parse(header) as { alg?: string; kid?: string };
  const key = alg === 'RS256' ? keys.get(kid ?? '') : undefined;
  const signed = Buffer.from(`${header}.${payload}`);
  if (!key || !verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url'))) return false;
  return isForUs(parse(payload) as Claims);
}

function isForUs({ aud, iss, appid = '', exp = 0, nbf = Number.POSITIVE_INFINITY }: Claims): boolean {
  const now = Date.now() / 1_000;
  const isOfTenant = iss === `https://sts.windows.net/${standIn.tenantId}/`;
  return isOfTenant && aud === standIn.agent.appId && skills.has(appid) && exp > now && nbf < now + 60;
}

function parse(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}

async function readKeys(): Promise<Map<string, KeyObject>> {
  const metadata = (await (await fetch(standIn.openIdMetadataUrl)).json()) as { jwks_uri: string };
  const answer = (await (await fetch(metadata.jwks_uri)).json()) as { keys: (JsonWebKey & { kid: string })[] };
  return new Map(answer.keys.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]));
}
