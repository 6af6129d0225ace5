// API keys as operators make, rotate, narrow and revoke them. What each may do: rights.test.ts.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOnPostgres } from '../helpers/database.ts';
import { countInFiles } from '../helpers/people.ts';
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

const notify = (key: string | undefined, body: object) => call('POST', '/api/notify', key, { text: 'hello', ...body });

const withKey = (name: string) => ({
  env: { NOTIFY_API_KEYS: `test:${apiKey},${name}:another-secret-of-24-characters` },
});

beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

describe('a key', () => {
  it('is shown once, and neither the list nor the log has it', async () => {
    const made = await make('once', ['notify:send']);
    expect(made.key).toMatch(/^cn_[0-9a-f]{12}_[\w-]{43}$/);
    const list = await call('GET', '/api/keys', apiKey);
    expect(JSON.stringify(list.body)).toContain('"name":"once"');
    expect(JSON.stringify(list.body)).not.toContain(made.key.slice(16));
    expect(skill.log.join('')).not.toContain(made.key.slice(16));
    expect((await notify(made.key, { subject: 's' })).status).toBe(202);
  });

  it.skipIf(isOnPostgres)('is in no file of the data folder', async () => {
    const made = await make('filed', ['notify:send']);
    expect((await notify(made.key, { subject: 's' })).status).toBe(202);
    expect(countInFiles(skill.dataDir, made.id)).toBeGreaterThan(0);
    expect(countInFiles(skill.dataDir, made.key.slice(16))).toBe(0);
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

  it('cannot be rotated when it has expired: what came of it would be refused too', async () => {
    const expiresAt = new Date(skill.clock.now() + 60_000).toISOString();
    const made = await make('too-late', ['notify:send'], { expiresAt });
    expect((await call('POST', `/api/keys/${made.id}/rotate`, apiKey, {})).status).toBe(200);
    skill.clock.advance(60_000);
    expect((await call('POST', `/api/keys/${made.id}/rotate`, apiKey, {})).status).toBe(404);
  });

  it('keeps its name from the settings: the service does not start with another of that name', async () => {
    await make('only-one', ['notify:read']);
    await expect(skill.restart(withKey('only-one'))).rejects.toThrow('NOTIFY_API_KEYS: give another name to only-one');
    await skill.restart(withKey('another'));
  });

  it('in use stays good while it is rotated again and again, and ends with a rotation without overlap', async () => {
    const made = await make('rotated-often', ['notify:send']);
    for (let round = 0; round < 3; round += 1) {
      // The answer, and with it the new key, is lost.
      await call('POST', `/api/keys/${made.id}/rotate`, apiKey, { overlapHours: 1 });
      expect((await notify(made.key, { subject: 's' })).status).toBe(202);
    }
    await call('POST', `/api/keys/${made.id}/rotate`, apiKey, { overlapHours: 0 });
    expect((await notify(made.key, { subject: 's' })).status).toBe(401);
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
