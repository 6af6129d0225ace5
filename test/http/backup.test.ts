// What may be asked of a backup: a name in its folder, and nothing else.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiKey, createSharedTestServer, type TestServer } from './http-harness.ts';

let server: TestServer;
const asked: unknown[] = [];
async function backUp(name?: string) {
  asked.push(name);
  return { file: '/data/backups/b.db', bytes: 1 };
}
beforeAll(async () => {
  server = await createSharedTestServer({ backups: { backUp } });
});
afterAll(() => server.stop());

const ask = (body: unknown) => server.post('/api/backup', body, { 'x-api-key': apiKey });

describe('POST /api/backup', () => {
  it.each([[{}, undefined] as const, [{ name: 'nightly-1.db' }, 'nightly-1.db'] as const])(
    'takes %j',
    async (body, name) => {
      const answer = await ask(body);
      expect([answer.status, await answer.json()]).toEqual([201, { file: '/data/backups/b.db', bytes: 1 }]);
      expect(asked.at(-1)).toBe(name);
    },
  );

  it.each([
    '',
    '.',
    '..',
    '.hidden',
    '../up.db',
    'a/b.db',
    'a\\b.db',
    'a\u0000.db',
    'a.db\n',
    'C:x',
    'a b',
    'x.part',
    'x.PART',
    'x'.repeat(101),
    7,
    null,
  ])('refuses the name %j', async (name) => {
    const before = asked.length;
    const answer = await ask({ name });
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ code: 'invalid_backup', errors: [{ path: 'name' }] });
    expect(asked).toHaveLength(before);
  });

  it('refuses a field that is not listed', async () => {
    const answer = await ask({ folder: '/tmp' });
    expect([answer.status, await answer.json()]).toEqual([422, expect.objectContaining({ code: 'invalid_backup' })]);
  });
});
