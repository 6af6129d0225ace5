// What is in the log of a whole story, and what never is.

import { expect, it } from 'vitest';
import { apiKey, startSkill } from '../helpers/skill.ts';

it('the log tells each request and attempt, and holds no token, key, secret, text or name', async () => {
  const skill = await startSkill({ env: { LOG_LEVEL: 'trace' } });
  try {
    const user = { id: 'canary-user-id', aadObjectId: 'canary-object-id', name: 'Canary Name' };
    const conversation = skill.standIn.openConversation({ user });
    await conversation.callAction('waitForNotification', { subject: 's' });
    await conversation.say('canary user text');
    skill.standIn.faults.answerNext({ status: 401, body: 'canary parent' });
    const first = await skill.notify({ subject: 's', text: 'canary message', metadata: { note: 'canary metadata' } });
    await skill.notify({ subject: 's', text: 'x', wrong: 'canary field' });
    await fetch(`${skill.url}/api/notify?key=canary-query`, { headers: { authorization: 'Bearer canary-bearer' } });
    skill.clock.advance(10_000);
    await skill.settled(String(first.body['id']), 'delivered');
  } finally {
    await skill.stop();
  }
  const log = skill.log.join('');
  expect(log).toContain('"route":"/api/notify"');
  expect(log).toMatch(/"outcome":"refused","status":401/);
  expect(log).not.toMatch(/canary/i);
  expect(log).not.toContain(apiKey);
  expect(log).not.toContain(skill.secret);
  expect(log).not.toMatch(/eyJ[\w-]+\./);
  for (const line of skill.log) expect(() => JSON.parse(line) as unknown).not.toThrow();
});
