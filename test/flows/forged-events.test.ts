// Whoever guesses at the secret of a webhook is counted like whoever guesses at a key, also behind a proxy.

import { expect, it, onTestFinished } from 'vitest';
import { documentedWebhooks, mergedPullRequest } from '../helpers/documented-webhooks.ts';
import { startSkill } from '../helpers/skill.ts';
import { createSources } from '../helpers/webhook-sources.ts';

const from = (forwarded: string) => ({ 'x-forwarded-for': forwarded });

it('forged events of one address behind a proxy, and wrong keys, have one budget; a true event is never refused for them', async () => {
  const skill = await startSkill({ env: { FAILURE_RATE: '3', TRUSTED_PROXIES: '127.0.0.1' } });
  onTestFinished(() => skill.stop());
  const { send, make, sendGithub } = createSources(() => skill);
  const made = await make(documentedWebhooks.github);
  const forge = async (forwarded: string): Promise<number> => {
    const headers = { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}`, ...from(forwarded) };
    return (await send('POST', made.url, '{}', headers)).status;
  };
  const guess = async (forwarded: string): Promise<number> =>
    (await send('GET', '/api/status', undefined, { 'x-api-key': 'wrong', ...from(forwarded) })).status;

  const statuses: number[] = [];
  for (let index = 0; index < 5; index += 1) statuses.push(await forge(`192.0.2.${index}, 198.51.100.9`));
  expect(statuses).toEqual([401, 401, 401, 429, 429]);
  expect(await guess('198.51.100.9')).toBe(429);
  expect(await forge('198.51.100.10')).toBe(401);
  expect(await sendGithub(made, mergedPullRequest, { headers: from('198.51.100.9') })).toMatchObject({
    status: 202,
  });
});
