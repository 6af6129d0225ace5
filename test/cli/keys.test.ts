import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manageKeys } from '../../src/cli/keys.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

async function run(words: string[], given: Parameters<typeof manageKeys>[2] = {}, key = apiKey) {
  let out = '';
  const code = await manageKeys({ url: skill.url, key }, words, given, (text) => (out += text));
  return { code, out };
}

describe('keys', () => {
  it('are made, used, listed, rotated and revoked', async () => {
    const made = await run(['create'], { name: 'erp', scopes: 'notify:send, notify:read', subjects: 'order/' });
    expect(made.code).toBe(0);
    const { id, key, subjects } = JSON.parse(made.out) as { id: string; key: string; subjects: string[] };
    expect(subjects).toEqual(['order/']);
    // A sender is no operator.
    expect((await run(['list'], {}, key)).code).toBe(1);
    const list = await run(['list']);
    expect(JSON.parse(list.out)).toMatchObject({
      items: [{ id, name: 'erp', scopes: ['notify:send', 'notify:read'] }],
    });
    const rotated = await run(['rotate', id], { 'overlap-hours': '0' });
    const fresh = (JSON.parse(rotated.out) as { key: string }).key;
    expect((await run(['list'], {}, key)).out).toContain('401');
    expect((await run(['list'], {}, fresh)).out).toContain('scope_missing');
    expect((await run(['revoke', id])).code).toBe(0);
    expect((await run(['list'], {}, fresh)).out).toContain('401');
  });

  it.each([[[]], [['create']], [['rotate']], [['revoke']], [['burn', 'x']]])(
    '%j says how it is used',
    async (words) => {
      const { code, out } = await run(words);
      expect([code, out]).toEqual([2, expect.stringContaining('keys create --name')]);
    },
  );

  it('tells what the service refuses', async () => {
    const { code, out } = await run(['create'], { name: 'x', scopes: 'root' });
    expect(code).toBe(1);
    expect(out).toContain('422');
    expect(out).toContain('scopes');
  });
});
