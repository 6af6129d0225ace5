// API keys made by an operator, and who may do what with whose notifications.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

type Answer = { readonly status: number; readonly body: Record<string, unknown> };
type Made = { readonly id: string; readonly key: string; readonly name: string };

let skill: Skill;

async function call(method: string, path: string, key: string | undefined, body?: unknown): Promise<Answer> {
  const answer = await fetch(`${skill.url}${path}`, {
    method,
    headers: {
      ...(key !== undefined && { 'x-api-key': key }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

async function make(name: string, scopes: string[], more: object = {}): Promise<Made> {
  const { status, body } = await call('POST', '/api/keys', apiKey, { name, scopes, ...more });
  expect(status).toBe(201);
  return body as Made;
}

const nameOf = (status: number): string => ({ 401: 'refused', 403: 'forbidden' })[status] ?? 'allowed';
const notify = (key: string | undefined, body: object) => call('POST', '/api/notify', key, { text: 'hello', ...body });

beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

describe('a key', () => {
  it('is shown once, and neither the list nor the data folder has it', async () => {
    const made = await make('once', ['notify:send']);
    expect(made.key).toMatch(/^cn_[0-9a-f]{12}_[\w-]{43}$/);
    const list = await call('GET', '/api/keys', apiKey);
    expect(JSON.stringify(list.body)).toContain('"name":"once"');
    expect(JSON.stringify(list.body)).not.toContain(made.key.slice(16));
    expect(skill.log.join('')).not.toContain(made.key.slice(16));
    expect((await notify(made.key, { subject: 's' })).status).toBe(202);
  });

  it('is refused from the moment it is revoked', async () => {
    const made = await make('revoked', ['notify:send']);
    expect((await notify(made.key, { subject: 's' })).status).toBe(202);
    expect((await call('DELETE', `/api/keys/${made.id}`, apiKey)).status).toBe(200);
    expect((await notify(made.key, { subject: 's' })).status).toBe(401);
    expect((await call('POST', `/api/keys/${made.id}/rotate`, apiKey, {})).status).toBe(404);
  });

  it('is rotated: both are good for a while, then only the new one', async () => {
    const made = await make('rotated', ['notify:send']);
    const { body } = await call('POST', `/api/keys/${made.id}/rotate`, apiKey, { overlapHours: 1 });
    const fresh = String(body['key']);
    expect(fresh).not.toBe(made.key);
    for (const key of [made.key, fresh]) expect((await notify(key, { subject: 's' })).status).toBe(202);
    skill.clock.advance(3_600_000);
    expect((await notify(made.key, { subject: 's' })).status).toBe(401);
    expect((await notify(fresh, { subject: 's' })).status).toBe(202);
  });

  it('ends at its expiry', async () => {
    const expiresAt = new Date(skill.clock.now() + 60_000).toISOString();
    const made = await make('short', ['notify:send'], { expiresAt });
    expect((await notify(made.key, { subject: 's' })).status).toBe(202);
    skill.clock.advance(60_000);
    expect((await notify(made.key, { subject: 's' })).status).toBe(401);
  });

  it('for some subjects is for these and nobody else', async () => {
    const made = await make('narrow', ['notify:send'], { subjects: ['order/', 'repo/a'] });
    for (const subject of ['order/42', 'repo/a', 'repo/abc']) {
      expect((await notify(made.key, { subject })).status).toBe(202);
    }
    for (const subject of ['orders', 'repo/b', 'Order/42']) {
      const refused = await notify(made.key, { subject });
      expect([refused.status, refused.body['code']]).toEqual([403, 'recipient_not_allowed']);
    }
    for (const to of [{ all: true }, { userId: 'u' }, { conversationId: 'c' }]) {
      const refused = await call('POST', '/api/notify', made.key, { to, message: { text: 't' } });
      expect(refused.status).toBe(403);
    }
  });

  it('has a name of its own, also when the other is revoked or in the settings', async () => {
    const made = await make('taken', ['notify:send']);
    await call('DELETE', `/api/keys/${made.id}`, apiKey);
    for (const name of ['taken', 'test']) {
      const refused = await call('POST', '/api/keys', apiKey, { name, scopes: ['notify:send'] });
      expect([refused.status, refused.body['code']]).toEqual([409, 'name_taken']);
    }
  });

  it.each([
    [{ name: 'x y', scopes: ['operate'] }, 'name'],
    [{ name: 'x', scopes: [] }, 'scopes'],
    [{ name: 'x', scopes: ['root'] }, 'scopes.0'],
    [{ name: 'x', scopes: ['operate'], subjects: [''] }, 'subjects.0'],
    [{ name: 'x', scopes: ['operate'], expiresAt: 'tomorrow' }, 'expiresAt'],
    [{ name: 'x', scopes: ['operate'], expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    [{ name: 'x', scopes: ['operate'], digest: 'abc' }, 'digest'],
  ])('%j cannot be made: %s', async (body, path) => {
    const refused = await call('POST', '/api/keys', apiKey, body);
    expect(refused).toMatchObject({ status: 422, body: { code: 'invalid_key', errors: [{ path }] } });
  });
});

describe('who may do what', () => {
  const holders = ['nobody', 'a stranger', 'sender', 'reader', 'operator'] as const;
  const owners = ['sender', 'reader', 'operator'] as const;
  const keyOf: Record<string, string | undefined> = {
    nobody: undefined,
    'a stranger': `cn_000000000000_${'x'.repeat(43)}`,
  };
  const idOf: Record<string, string> = {};

  beforeAll(async () => {
    keyOf['sender'] = (await make('sender', ['notify:send'])).key;
    keyOf['reader'] = (await make('reader', ['notify:send', 'notify:read'])).key;
    keyOf['operator'] = (await make('operator', ['operate', 'notify:read', 'notify:send'])).key;
    for (const owner of owners) {
      idOf[owner] = String((await notify(keyOf[owner], { subject: `of ${owner}` })).body['id']);
    }
  });

  type Route = [method: string, path: string, scope: 'notify:send' | 'notify:read' | 'operate', body?: unknown];
  const own = (owner: string): Route[] => [
    ['GET', `/api/notifications/${idOf[owner]}`, 'notify:read'],
    ['POST', `/api/notifications/${idOf[owner]}/cancel`, 'notify:send', {}],
  ];
  const shared: Route[] = [
    ['GET', '/api/notifications', 'notify:read'],
    ['GET', '/api/conversations', 'operate'],
    ['GET', '/api/deliveries', 'operate'],
    ['GET', '/api/deliveries/unknown', 'operate'],
    ['POST', '/api/deliveries/unknown/retry', 'operate', {}],
    ['POST', '/api/deliveries/retry', 'operate', { status: 'dead' }],
    ['POST', '/api/deliveries/purge', 'operate', { status: 'dead' }],
    ['GET', '/api/status', 'operate'],
    ['GET', '/api/users/unknown', 'operate'],
    ['DELETE', '/api/users/unknown', 'operate'],
    ['DELETE', '/api/conversations/unknown', 'operate'],
    ['GET', '/api/keys', 'operate'],
    ['POST', '/api/keys/000000000000/rotate', 'operate', {}],
    ['DELETE', '/api/keys/000000000000', 'operate'],
    ['POST', '/api/keys', 'operate', { name: 'not a name', scopes: ['operate'] }],
    ['POST', '/api/notify', 'notify:send', { subject: 's', text: 't' }],
  ];
  const allowed: Record<string, readonly string[]> = {
    sender: ['notify:send'],
    reader: ['notify:send', 'notify:read'],
    operator: ['notify:send', 'notify:read', 'operate'],
  };

  function expectedOf(holder: string, scope: string): 'refused' | 'forbidden' | 'allowed' {
    const scopes = allowed[holder];
    if (!scopes) return 'refused';
    return scopes.includes(scope) ? 'allowed' : 'forbidden';
  }

  it.each(holders)('%s: every route, by its scope', async (holder) => {
    for (const [method, path, scope, body] of [...shared, ...own('operator')]) {
      const { status } = await call(method, path, keyOf[holder], body);
      expect({ method, path, is: nameOf(status) }).toEqual({ method, path, is: expectedOf(holder, scope) });
      expect(status).toBeLessThan(500);
    }
  });

  it.each(holders)('%s: whose notifications', async (holder) => {
    for (const owner of owners) {
      for (const [method, path, scope, body] of own(owner)) {
        const { status } = await call(method, path, keyOf[holder], body);
        const isTheirs = holder === owner || holder === 'operator';
        const expected = { refused: 401, forbidden: 403, allowed: isTheirs ? 200 : 404 }[expectedOf(holder, scope)];
        expect({ owner, method, path, status }).toEqual({ owner, method, path, status: expected });
      }
    }
  });

  it('a list has only what is the sender`s own, unless it may operate', async () => {
    const mine = await call('GET', '/api/notifications', keyOf['reader']);
    const ids = (mine.body['items'] as { id: string }[]).map(({ id }) => id);
    expect(ids).toContain(idOf['reader']);
    expect(ids).not.toContain(idOf['sender']);
    const all = await call('GET', '/api/notifications?limit=200', keyOf['operator']);
    const allIds = (all.body['items'] as { id: string }[]).map(({ id }) => id);
    for (const owner of owners) expect(allIds).toContain(idOf[owner]);
  });
});
