// A refusal in the past, explained for the delivery that it was of: against a real service and the stand-in.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainDelivery } from '../../src/doctor/explain-delivery.ts';
import { createVisit } from '../../src/doctor/run-doctor.ts';
import { eventually } from '../helpers/eventually.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

/** Id of a delivery whose first attempt was answered with this status. */
async function deliverInto(status: number): Promise<string> {
  const subject = randomUUID();
  const conversation = skill.standIn.openConversation();
  await conversation.callAction('waitForNotification', { subject });
  skill.standIn.faults.set({ fault: { kind: 'answer', status }, conversationId: conversation.id });
  const { body } = await skill.notify({ subject, text: 'hello' });
  return eventually(`a push is answered with ${status}`, async () => {
    const { deliveries } = await skill.findNotification(String(body['id']));
    return deliveries[0]?.attempts.some((attempt) => attempt.status === status) && deliveries[0].id;
  });
}

function explain(id: string, status: number, env: Record<string, string> = {}, key = apiKey) {
  const visit = createVisit({
    env: { ...skill.env, ...env },
    readFile: () => '',
    fetch,
    now: () => Date.now(),
    target: { url: skill.url, key },
  });
  return explainDelivery(visit, id, status);
}

describe('401', () => {
  let id: string;
  beforeAll(async () => {
    id = await deliverInto(401);
  });

  it.each<[string, () => Record<string, string>, RegExp, RegExp]>([
    ['with settings in which nothing is wrong: the agent', () => ({}), /Entra Agent ID/, /classic app registration/],
    [
      'with a secret that has been changed since',
      () => ({ MicrosoftAppPassword: 'wrong' }),
      /AADSTS7000215/,
      /new client secret/,
    ],
    [
      'with a tenant that is not the agent’s',
      () => ({ MicrosoftAppTenantId: '00000000-0000-4000-8000-000000000003' }),
      /of tenant 00000000-.* the agent is of/,
      /Register the skill in the agent's tenant/,
    ],
    [
      'with one app registration for both',
      () => ({ MicrosoftAppId: skill.standIn.agent.appId, AllowedCallers: randomUUID() }),
      /share one app registration/,
      /app of its own/,
    ],
    [
      'with settings that are faulty',
      () => ({ MicrosoftAppPassword: '' }),
      /another audience/,
      /--only token,tenant,app-id/,
    ],
  ])('%s', async (_, env, cause, fix) => {
    const explained = await explain(id, 401, env());
    expect(explained).toEqual({
      ok: true,
      detail: expect.stringMatching(
        /^Attempt \d of \d+, at .*, was answered with 401; the delivery is (?:pending|sending) now\. It went to /,
      ) as string,
      cause: expect.stringMatching(cause) as string,
      fix: expect.stringMatching(fix) as string,
    });
  });

  it('names the audience and the claims of the token, without its signature', async () => {
    const { detail, cause } = await explain(id, 401);
    expect(detail).toContain(`for app ${skill.standIn.agent.appId}.`);
    expect(cause).toContain(`aud=${skill.standIn.agent.appId}, iss=https://sts.windows.net/${skill.standIn.tenantId}/`);
    expect(cause).not.toMatch(/eyJ/);
  });
});

it.each([
  [302, /has moved/, /next turn/],
  [400, /does not take this activity/, /text alone/],
  [403, /does not let this skill/, /Settings > Skills/],
  [404, /is over/, /WAIT_MAX_MINUTES/],
  [405, /not the connector/, /ALLOWED_SERVICE_URLS/],
  [410, /is over/, /WAIT_MAX_MINUTES/],
  [413, /too large/, /smaller card/],
  [429, /fewer messages/, /CONVERSATION_SEND_RATES/],
  [503, /in trouble/, /tried again by itself/],
])('%i has its cause and its fix', async (status, cause, fix) => {
  const explained = await explain(await deliverInto(status), status);
  expect(explained).toMatchObject({
    ok: true,
    cause: expect.stringMatching(cause) as string,
    fix: expect.stringMatching(fix) as string,
  });
});

it('a status that no attempt got is said to be none, with those that there were', async () => {
  const explained = await explain(await deliverInto(400), 403);
  expect(explained).toMatchObject({
    ok: false,
    detail: 'No attempt of this delivery was answered with 403. They got: 400.',
    cause: null,
  });
});

it.each([
  ['an unknown delivery', apiKey, /answered 404/],
  ['a key that may not', 'x'.repeat(24), /answered 401/],
])('%s is told', async (_, key, detail) => {
  const explained = await explain('none', 401, {}, key);
  expect(explained).toMatchObject({ ok: false, detail: expect.stringMatching(detail) as string });
});
