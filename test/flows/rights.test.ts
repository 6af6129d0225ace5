// T18: who may do what with whose things. Every route of the service stands here with the scope that it needs; a route that
// is missing fails the last test.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readText } from '../rules/source-files.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

type Scope = 'notify:send' | 'notify:read' | 'operate';
type Route = readonly [method: string, path: string, needs: Scope | 'nothing' | 'a signature', body?: unknown];

const shared: readonly Route[] = [
  ['POST', '/api/notify', 'notify:send', { subject: 's', text: 't' }],
  ['GET', '/api/notifications', 'notify:read'],
  ['GET', '/api/conversations', 'operate'],
  ['GET', '/api/conversations/unknown', 'operate'],
  ['DELETE', '/api/conversations/unknown', 'operate'],
  ['GET', '/api/users/unknown', 'operate'],
  ['DELETE', '/api/users/unknown', 'operate'],
  ['GET', '/api/deliveries', 'operate'],
  ['GET', '/api/deliveries/unknown', 'operate'],
  ['POST', '/api/deliveries/unknown/retry', 'operate', {}],
  ['POST', '/api/deliveries/retry', 'operate', { status: 'dead' }],
  ['POST', '/api/deliveries/purge', 'operate', { status: 'dead' }],
  ['GET', '/api/status', 'operate'],
  ['POST', '/api/backup', 'operate', { name: 'not a name' }],
  ['GET', '/api/keys', 'operate'],
  ['POST', '/api/keys', 'operate', { name: 'not a name', scopes: ['operate'] }],
  ['POST', '/api/keys/000000000000/rotate', 'operate', {}],
  ['DELETE', '/api/keys/000000000000', 'operate'],
  ['GET', '/api/webhooks', 'operate'],
  ['POST', '/api/webhooks', 'operate', { name: 'not a name' }],
  ['PATCH', '/api/webhooks/unknown', 'operate', { when: {} }],
  ['POST', '/api/webhooks/unknown/rotate', 'operate', {}],
  ['DELETE', '/api/webhooks/unknown', 'operate'],
  ['GET', '/manifests/skill-manifest-2.2.json', 'nothing'],
  ['GET', '/health/live', 'nothing'],
  ['GET', '/health/ready', 'nothing'],
];
/** Of somebody: another's is 404, whatever the scope, but for who may operate. */
const ofSomebody: readonly Route[] = [
  ['GET', '/api/notifications/:id', 'notify:read'],
  ['POST', '/api/notifications/:id/cancel', 'notify:send', {}],
];
/** Not by key, or not by key alone: messages.test.ts and the gate, webhooks.test.ts. */
const others: readonly Route[] = [
  ['POST', '/api/messages', 'a signature'],
  ['POST', '/api/webhooks/:id/events', 'a signature'],
  ['OPTIONS', '/api/webhooks/:id/events', 'nothing'],
];

const scopesOf: Readonly<Record<string, readonly Scope[]>> = {
  'a sender': ['notify:send'],
  'a reader': ['notify:read'],
  'a sender that reads': ['notify:send', 'notify:read'],
  'an operator': ['notify:send', 'notify:read', 'operate'],
  'an operator that sends nothing': ['operate'],
  'an app of Entra that sends': ['notify:send'],
  'an app of Entra that operates': ['operate'],
  'the key of the settings': ['notify:send', 'notify:read', 'operate'],
};
const strangers = [
  'nobody',
  'a stranger',
  'a key cut short',
  'a revoked key',
  'an expired key',
  'an app of another tenant',
];
const owners = ['a sender', 'a sender that reads', 'an operator', 'the key of the settings'];
const roleOf: Readonly<Record<Scope, string>> = {
  'notify:send': 'Notify.Send',
  'notify:read': 'Notify.Read',
  operate: 'Notify.Operate',
};

const audience = 'api://copilot-notify';
const credentials = new Map<string, string | undefined>();
const notificationOf = new Map<string, string>();
let skill: Skill;
let cells = 0;

async function call(method: string, path: string, credential: string | undefined, body?: unknown) {
  const answer = await fetch(`${skill.url}${path}`, {
    method,
    headers: {
      ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
}

async function makeKey(
  name: string,
  scopes: readonly Scope[],
  more: object = {},
): Promise<{ id: string; key: string }> {
  const { status, body } = await call('POST', '/api/keys', apiKey, {
    name: name.replaceAll(' ', '-'),
    scopes,
    ...more,
  });
  expect(status).toBe(201);
  return body as { id: string; key: string };
}

function entraToken(scopes: readonly Scope[], tenantId = skill.standIn.tenantId): Promise<string> {
  return skill.standIn.signToken({
    aud: audience,
    iss: `https://login.microsoftonline.com/${tenantId}/v2.0`,
    tid: tenantId,
    ver: '2.0',
    azp: randomUUID(),
    appid: undefined,
    roles: scopes.map((scope) => roleOf[scope]),
  });
}

const verdictOf = ({ status, body }: { status: number; body: Record<string, unknown> }): string =>
  status === 401 ? 'refused' : body['code'] === 'scope_missing' ? 'forbidden' : 'allowed';

async function listIds(holder: string): Promise<string[]> {
  const { body } = await call('GET', '/api/notifications?limit=200', credentials.get(holder));
  return (body['items'] as { id: string }[]).map(({ id }) => id);
}

beforeAll(async () => {
  skill = await startSkill({ env: { NOTIFY_ENTRA_AUDIENCE: audience } });
  for (const [holder, scopes] of Object.entries(scopesOf)) {
    if (holder === 'the key of the settings') credentials.set(holder, apiKey);
    else if (holder.includes('Entra')) credentials.set(holder, await entraToken(scopes));
    else credentials.set(holder, (await makeKey(holder, scopes)).key);
  }
  credentials.set('a stranger', `cn_000000000000_${'x'.repeat(43)}`);
  credentials.set('a key cut short', credentials.get('an operator')?.slice(0, -1));
  const revoked = await makeKey('revoked', ['notify:send', 'notify:read', 'operate']);
  await call('DELETE', `/api/keys/${revoked.id}`, apiKey);
  credentials.set('a revoked key', revoked.key);
  const expiresAt = new Date(skill.clock.now() + 1_000).toISOString();
  const expired = await makeKey('expired', ['notify:send', 'notify:read', 'operate'], { expiresAt });
  skill.clock.advance(1_000);
  credentials.set('an expired key', expired.key);
  credentials.set('an app of another tenant', await entraToken(['operate'], randomUUID()));
  for (const owner of owners) {
    const { body } = await call('POST', '/api/notify', credentials.get(owner), { subject: `of ${owner}`, text: 't' });
    notificationOf.set(owner, String(body['id']));
  }
});
afterAll(async () => {
  console.log(`T18: ${cells} cells`);
  await skill.stop();
});

const routeTable = shared.map(([method, path, needs, body]) => ({ method, path, needs, body }));

describe.each(Object.entries(scopesOf).map(([holder, scopes]) => ({ holder, scopes })))(
  '$holder ($scopes)',
  ({ holder, scopes }) => {
    it.each(routeTable)('$method $path, which needs $needs', async ({ method, path, needs, body }) => {
      cells += 1;
      const answer = await call(method, path, credentials.get(holder), body);
      const isAllowed = needs === 'nothing' || scopes.includes(needs as Scope);
      expect(verdictOf(answer)).toBe(isAllowed ? 'allowed' : 'forbidden');
      expect(answer.status).toBeLessThan(500);
    });

    it.each(owners.flatMap((owner) => ofSomebody.map(([method, path, needs]) => ({ owner, method, path, needs }))))(
      '$method $path of $owner',
      async ({ owner, method, path, needs }) => {
        cells += 1;
        const own = path.replace(':id', notificationOf.get(owner) ?? '');
        const answer = await call(method, own, credentials.get(holder), method === 'POST' ? {} : undefined);
        const mayAsk = scopes.includes(needs as Scope);
        const isTheirs = holder === owner || scopes.includes('operate');
        expect(answer.status).toBe(!mayAsk ? 403 : isTheirs ? 200 : 404);
      },
    );
  },
);

describe.each(strangers)('%s', (holder) => {
  it.each(routeTable.filter(({ needs }) => needs !== 'nothing'))('$method $path', async ({ method, path, body }) => {
    cells += 1;
    const answer = await call(method, path, credentials.get(holder), body);
    expect(answer.status).toBe(401);
    expect(answer.body).not.toHaveProperty('id');
  });
});

it('a list has only what is the sender`s own, unless it may operate', async () => {
  const mine = await listIds('a sender that reads');
  expect(mine).toContain(notificationOf.get('a sender that reads'));
  expect(mine).not.toContain(notificationOf.get('a sender'));
  expect(await listIds('a reader')).toEqual([]);
  expect(await listIds('an operator')).toEqual(expect.arrayContaining([...notificationOf.values()]));
});

it('every route of the service is in these tables', () => {
  const source = readText('src/http/server.ts') + readText('src/http/people.ts');
  const mounted = [...source.matchAll(/server\.(post|del|patch|opts|get)\('([^']+)'/g)]
    .map(([, method = '', path]) => `${{ del: 'DELETE', opts: 'OPTIONS' }[method] ?? method.toUpperCase()} ${path}`)
    .concat([...source.matchAll(/^ {4}'(\/[^']+)': create/gm)].map(([, path]) => `GET ${path}`));
  expect(mounted.length).toBeGreaterThan(20);
  const known = [...shared, ...ofSomebody, ...others].map(
    ([method, path]) => `${method} ${path.replace(/\/(unknown|0{12}|skill-manifest-2\.2\.json)/, '/:id')}`,
  );
  const missing = mounted.filter((route) => !known.includes(route.replace(':file', ':id')));
  expect(missing).toEqual([]);
});
