// Webhooks as operators make, change, rotate and revoke them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentedWebhooks, mergedPullRequest } from '../helpers/documented-webhooks.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { createSources } from '../helpers/webhook-sources.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

const { operate, make, sendGithub } = createSources(() => skill);

describe('webhooks', () => {
  it('list no secrets, and are in no log', async () => {
    const made = await make({ ...documentedWebhooks.github, name: 'listed' });
    const { body } = await operate('GET', '/api/webhooks');
    expect(JSON.stringify(body)).toContain(made.url);
    expect(JSON.stringify(body)).not.toContain(made.secret);
    expect(skill.log.join('\n')).not.toContain(made.secret);
  });

  it('are changed from the next event on', async () => {
    const made = await make({ ...documentedWebhooks.github, name: 'changed' });
    const change = { when: { action: 'opened' }, subjects: ['none/'] };
    expect((await operate('PATCH', `/api/webhooks/${made.id}`, change)).body).toMatchObject(change);
    expect((await sendGithub(made, mergedPullRequest)).body['status']).toBe('ignored');
    await operate('PATCH', `/api/webhooks/${made.id}`, { when: {} });
    expect((await sendGithub(made, mergedPullRequest)).status).toBe(403);
    await operate('PATCH', `/api/webhooks/${made.id}`, { subjects: null, template: { subject: 's', text: 'new' } });
    const accepted = await sendGithub(made, mergedPullRequest);
    expect(accepted.status).toBe(202);
    await operate('PATCH', `/api/webhooks/${made.id}`, { template: { subject: 's', text: 'newer' }, subjects: ['n/'] });
    expect(await sendGithub(made, mergedPullRequest)).toMatchObject({ status: 202, body: accepted.body });
  });

  it('take a text with half of an emoji, which sources leave where they cut', async () => {
    const made = await make({ ...documentedWebhooks.github, name: 'halves' });
    const { pull_request: pull } = mergedPullRequest;
    const event = { ...mergedPullRequest, pull_request: { ...pull, title: 'Hello \ud83d' } };
    expect((await sendGithub(made, event)).status).toBe(202);
  });

  it('end when they are revoked: 410, and the name is not given again', async () => {
    const made = await make({ ...documentedWebhooks.github, name: 'revoked' });
    expect((await operate('DELETE', `/api/webhooks/${made.id}`)).body['revokedAt']).not.toBeNull();
    expect(await sendGithub(made, mergedPullRequest)).toMatchObject({ status: 410, body: { code: 'webhook_revoked' } });
    for (const [method, path, body] of [
      ['PATCH', '', { when: {} }],
      ['POST', '/rotate', {}],
    ] as const) {
      expect((await operate(method, `/api/webhooks/${made.id}${path}`, body)).status).toBe(404);
    }
    expect((await operate('POST', '/api/webhooks', { ...documentedWebhooks.github, name: 'revoked' })).status).toBe(
      409,
    );
    expect((await operate('DELETE', '/api/webhooks/unknown')).status).toBe(404);
    expect((await sendGithub({ ...made, url: '/api/webhooks/unknown/events' }, mergedPullRequest)).status).toBe(404);
  });

  it.each([
    [{ name: 'a b' }, 'name'],
    [{ scheme: 'md5' }, 'scheme'],
    [{ secret: 'short' }, 'secret'],
    [{ scheme: 'standard', secret: '-'.repeat(40) }, 'secret'],
    [{ scheme: 'cloudevents', secret: 'x'.repeat(40) }, 'secret'],
    [{ template: 'text' }, 'template'],
    [{ template: { subject: '{{a', text: 't' } }, 'template'],
    [{ template: { subject: 's', txt: 't' } }, 'template.text'],
    [{ template: { subject: 's', text: 't', serviceUrl: '{{a}}' } }, 'template.serviceUrl'],
    [{ template: { to: { subjet: '{{a}}' }, message: { text: 't' } } }, 'template.to'],
    [{ template: { subject: '{{a}}' } }, 'template.text'],
    [{ template: { subject: '{{header:Authorization}}', text: 't' } }, 'template'],
    [{ when: { 'header:Cookie': 'x' } }, 'when.header:Cookie'],
    [{ when: { a: { b: 1 } } }, 'when.a'],
    [{ when: { a: [] } }, 'when.a'],
    [{ subjects: [] }, 'subjects'],
    [{ id: 'mine' }, 'id'],
  ])('cannot be made with %j: %s', async (change, path) => {
    const refused = await operate('POST', '/api/webhooks', { ...documentedWebhooks.github, name: 'bad', ...change });
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'invalid_webhook', errors: expect.arrayContaining([expect.objectContaining({ path })]) as unknown },
    });
  });

  it('names every fault of a template, and none that an event can make good', async () => {
    const template = { subject: '{{a}}', txt: '{{b}}', sendAt: '{{at}}', card: { type: 'AdaptiveCard', url: '{{c}}' } };
    const refused = await operate('POST', '/api/webhooks', { ...documentedWebhooks.github, name: 'bad', template });
    const faults = refused.body['errors'] as { path: string }[];
    expect(faults.map(({ path }) => path)).toEqual(['template.text', 'template.txt', 'template.card']);
  });

  it('cannot be changed into nothing', async () => {
    const made = await make({ ...documentedWebhooks.github, name: 'unchanged' });
    for (const change of [{}, { secret: 'x'.repeat(40) }, { template: { text: 't' } }]) {
      expect((await operate('PATCH', `/api/webhooks/${made.id}`, change)).status).toBe(422);
    }
    const events = await make({ ...documentedWebhooks.cloudevents, name: 'no-secret' });
    expect((await operate('POST', `/api/webhooks/${events.id}/rotate`, {})).status).toBe(422);
  });
});
