// T22: who may see and erase people, and what the log has of it.

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { ask, erase, meetPerson, show } from '../helpers/people.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

const meet = (name: string) => meetPerson(skill, name);

describe('the log', () => {
  type Line = { readonly audit?: string; readonly person?: string; readonly sender?: string };
  const audits = (): Line[] => skill.log.map((line) => JSON.parse(line) as Line).filter(({ audit }) => audit);

  it('has who asked, of whom only a hash, the same each time, also after a restart', async () => {
    const [lea, max] = [await meet('lea'), await meet('max')];
    const start = audits().length;
    await show(skill, lea.id);
    await skill.restart();
    await erase(skill, lea.id.toUpperCase());
    await erase(skill, max.id);
    const lines = audits().slice(start);
    expect(lines.map(({ audit, sender }) => [audit, sender])).toEqual([
      ['export', 'test'],
      ['erase', 'test'],
      ['erase', 'test'],
      ['erase', 'test'],
      ['erase', 'test'],
    ]);
    const [shown, begun, done, ofMax] = lines.map(({ person }) => person);
    expect([shown, begun]).toEqual([done, done]);
    expect(ofMax).not.toBe(done);
    expect(done).toMatch(/^[\w-]{22}$/);
    expect(lines[2]).toMatchObject({ conversations: 1, subscriptions: 1 });
  });

  it('hashes under a key of this data folder: nobody can try ids without it, and another folder has another', async () => {
    const other = await startSkill();
    try {
      await erase(skill, 'msteams:same');
      await erase(other, 'msteams:same');
      const ofOther = other.log.map((line) => JSON.parse(line) as Line).find(({ audit }) => audit);
      const own = audits().at(-1)?.person;
      const plain = createHash('sha256').update('msteams:same').digest('base64url').slice(0, 22);
      expect(new Set([own, ofOther?.person, plain]).size).toBe(3);
    } finally {
      await other.stop();
    }
  });

  it('never has the id, on any route, found or not', async () => {
    const nils = await meet('nils');
    await show(skill, nils.id);
    await erase(skill, nils.id);
    await show(skill, 'msteams:log-canary');
    await erase(skill, 'msteams:log-canary');
    const lastLine = () => skill.log.findLast((line) => line.includes('"route":"/api/users/:id"'));
    await eventually('the last request is logged', () => lastLine()?.includes('"method":"DELETE"'));
    const log = skill.log.join('');
    for (const mark of [nils.id, '29:nils', 'of nils', 'log-canary', nils.conversation.id])
      expect(log).not.toContain(mark);
  });
});

describe('a key without the scope `operate`', () => {
  it.each([['notify:send'], ['notify:read'], ['notify:send', 'notify:read']])(
    '%s %s: neither sees nor erases',
    async (...scopes) => {
      const made = await fetch(`${skill.url}/api/keys`, {
        method: 'POST',
        headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
        body: JSON.stringify({ name: `k-${scopes.join('-').replaceAll(':', '')}`, scopes }),
      });
      const { key } = (await made.json()) as { key: string };
      const olga = await meet('olga');
      const paths = [`/api/users/${olga.id}`, `/api/conversations/${olga.conversationId}`];
      const answers = [await ask(skill, 'GET', paths[0] ?? '', key)];
      for (const path of paths) answers.push(await ask(skill, 'DELETE', path, key));
      expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
      expect(answers.map(({ body }) => body['code'])).toEqual(answers.map(() => 'scope_missing'));
      expect((await show(skill, olga.id)).body).toMatchObject({
        conversations: [{}],
        waits: [{}],
        subscriptions: [{}],
      });
    },
  );

  it('nor does a wrong one: 401', async () => {
    expect((await show(skill, 'x', 'y'.repeat(24))).status).toBe(401);
    expect((await erase(skill, 'x', 'y'.repeat(24))).status).toBe(401);
  });
});
