// A key that one replica makes or revokes is good, or not, at the others at once.

import { expect, it, onTestFinished } from 'vitest';
import { startReplica } from '../helpers/replicas.ts';
import { startSkill } from '../helpers/skill.ts';

const json = { 'content-type': 'application/json' };

it('a key made at one replica works at the other at once, and is refused there as soon as it is revoked', async () => {
  const skill = await startSkill();
  onTestFinished(() => skill.stop());
  const [first, second] = [await startReplica(skill), await startReplica(skill)];
  for (let round = 0; round < 5; round += 1) {
    const body = JSON.stringify({ name: `erp-${round}`, scopes: ['notify:read'] });
    const made = await first.ask('/api/keys', { method: 'POST', headers: json, body });
    expect(made.status).toBe(201);
    const { id, key } = (await made.json()) as { id: string; key: string };
    const use = async () => (await second.ask('/api/notifications', { headers: { 'x-api-key': key } })).status;
    expect(await use()).toBe(200);
    expect((await first.ask(`/api/keys/${id}`, { method: 'DELETE' })).ok).toBe(true);
    expect(await use()).toBe(401);
  }
});
