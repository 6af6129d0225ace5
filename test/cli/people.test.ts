import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { managePeople } from '../../src/cli/people.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

async function run(words: string[], given: Parameters<typeof managePeople>[2] = {}, key = apiKey) {
  let out = '';
  const code = await managePeople({ url: skill.url, key }, words, given, (text) => (out += text));
  return { code, out };
}

describe('people', () => {
  it('are exported and erased, with an id of any characters', async () => {
    const id = 'a/b ü?#%';
    await skill.standIn
      .openConversation({ user: { id, aadObjectId: '' } })
      .callAction('subscribe', { subject: 'news' });
    const shown = await run(['export', `msteams:${id}`]);
    expect(shown.code).toBe(0);
    expect(JSON.parse(shown.out)).toMatchObject({ userId: `msteams:${id}`, subscriptions: [{ subject: 'news' }] });
    const unsure = await run(['erase', `msteams:${id}`]);
    expect([unsure.code, unsure.out]).toEqual([2, expect.stringContaining('--yes')]);
    expect((await run(['export', `msteams:${id}`])).code).toBe(0);
    const erased = await run(['erase', `msteams:${id}`], { yes: true });
    expect([erased.code, JSON.parse(erased.out)]).toMatchObject([0, { conversations: 1, subscriptions: 1 }]);
    const gone = await run(['export', `msteams:${id}`]);
    expect([gone.code, gone.out]).toEqual([1, expect.stringMatching(/^404 /)]);
  });

  it.each([
    [[]],
    [['export']],
    [['erase']],
    [['burn', 'x']],
    [['export', 'two', 'words']],
    [['erase', 'two', 'words']],
  ])('%j says how it is used', async (words) => {
    const { code, out } = await run(words, { yes: true });
    expect([code, out]).toEqual([2, expect.stringContaining('people export ID')]);
  });

  it('tells what the service refuses', async () => {
    expect(await run(['export', 'x'], {}, 'x'.repeat(24))).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^401 /),
    });
  });
});
