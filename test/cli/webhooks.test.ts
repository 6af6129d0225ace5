import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manageWebhooks, type WebhookArguments } from '../../src/cli/webhooks.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

const files: Readonly<Record<string, string>> = {
  'template.json': '{"subject": "repo/{{repository.full_name}}", "text": "Pushed."}',
  'when.json': '{"header:X-GitHub-Event": "push"}',
  'secret.txt': 'a-secret-that-the-source-made\n',
  'broken.json': '{',
};

function readFile(path: string): string {
  const text = files[path];
  if (text === undefined) throw new Error('no such file');
  return text;
}

async function run(words: string[], given: WebhookArguments = {}) {
  let out = '';
  const write = (text: string): void => void (out += text);
  const code = await manageWebhooks({ url: skill.url, key: apiKey }, words, given, { readFile, write });
  return { code, out };
}

describe('webhooks', () => {
  it('are made, listed, changed, rotated and revoked', async () => {
    const made = await run(['create'], {
      name: 'github',
      scheme: 'github',
      template: 'template.json',
      when: 'when.json',
      'secret-file': 'secret.txt',
      subjects: 'repo/, other/',
    });
    expect(made.code).toBe(0);
    const { id, ...shown } = JSON.parse(made.out) as Record<string, string>;
    expect(shown).toMatchObject({
      url: `${skill.url}/api/webhooks/${id}/events`,
      secret: 'a-secret-that-the-source-made',
      subjects: ['repo/', 'other/'],
      when: { 'header:X-GitHub-Event': 'push' },
    });
    expect(JSON.parse((await run(['list'])).out)).toMatchObject({ items: [{ id, name: 'github' }] });
    const changed = await run(['change', id ?? ''], { subjects: 'repo/' });
    expect(JSON.parse(changed.out)).toMatchObject({ subjects: ['repo/'] });
    const rotated = await run(['rotate', id ?? ''], { 'overlap-hours': '0' });
    expect(JSON.parse(rotated.out)).toHaveProperty('secret');
    expect((await run(['revoke', id ?? ''])).code).toBe(0);
    expect((await run(['rotate', id ?? ''])).code).toBe(1);
  });

  it.each([[[]], [['create']], [['change']], [['rotate']], [['revoke']], [['burn', 'x']]])(
    '%j says how it is used',
    async (words) => {
      const { code, out } = await run(words);
      expect([code, out]).toEqual([2, expect.stringContaining('webhooks create --name')]);
    },
  );

  it.each([
    [{ template: 'missing.json' }, '--template: missing.json cannot be read.\n'],
    [{ template: 'broken.json' }, '--template: broken.json is not valid JSON.\n'],
    [{ template: 'template.json', 'secret-file': 'nowhere' }, '--secret-file: nowhere cannot be read.\n'],
  ])('%j names the file', async (given, words) => {
    expect(await run(['create'], { name: 'x', scheme: 'github', ...given })).toEqual({ code: 2, out: words });
  });

  it('tells what the service refuses', async () => {
    const { code, out } = await run(['create'], { name: 'x', scheme: 'md5', template: 'template.json' });
    expect(code).toBe(1);
    expect(out).toContain('scheme');
  });
});
