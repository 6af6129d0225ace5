import { expect, it, onTestFinished } from 'vitest';
import { apiKey, startSkill } from '../helpers/skill.ts';

it('a backup is refused where the data is in PostgreSQL, and pg_dump named', async () => {
  const skill = await startSkill();
  onTestFinished(() => skill.stop());
  const answer = await fetch(`${skill.url}/api/backup`, {
    method: 'POST',
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
    body: '{}',
  });
  expect(answer.status).toBe(409);
  expect(await answer.json()).toMatchObject({
    code: 'backup_elsewhere',
    detail: expect.stringContaining('back it up with pg_dump'),
  });
});
