// T4 at POST /api/messages of the whole service, with a good token: 403 before anything is said, saved or asked for.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callbacksOf, countConversations, postActivity } from '../helpers/activities.ts';
import { eventually } from '../helpers/eventually.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { createForge, type Forge } from './forge.ts';
import { startTenant, type Tenant } from './gate-bench.ts';
import { hostileUrls, type Lures } from './hostile-service-urls.ts';
import { type Sink, startSink } from './service-url-bench.ts';

const clock = createFakeClock();
let tenant: Tenant;
let skill: Skill;
let forge: Forge;
let sink: Sink;
let lures: Lures;

beforeAll(async () => {
  tenant = await startTenant(clock.now);
  const { tenantId, openIdMetadataUrl, key } = tenant;
  skill = await startSkill({ clock, standIn: { tenantId }, env: { OPENID_METADATA_URL: openIdMetadataUrl } });
  forge = createForge({ key, tenantId, appId: skill.appId, caller: skill.standIn.agent.appId, now: clock.now });
  sink = await startSink();
  lures = { sink: sink.port, own: new URL(skill.standIn.agent.serviceUrl).origin };
});
afterAll(async () => {
  await Promise.all([skill.stop(), sink.stop()]);
  await tenant.stop();
  console.log(`T4 at receipt, over HTTP: ${hostileUrls.length} service URLs`);
});

describe.each(['normal', 'expectReplies'])('on %s delivery', (deliveryMode) => {
  const cases = hostileUrls.filter(
    ([name]) => deliveryMode === 'normal' || !name.includes('although replies are posted'),
  );

  it.each(cases)('%s', async (_, make, status = 403) => {
    const serviceUrl = make(lures);
    const before = skill.log.length;
    const posted = await postActivity(skill, forge.claiming(), { serviceUrl, deliveryMode });

    expect(posted).toMatchObject({
      status,
      body:
        status === 403
          ? { code: 'service_url_not_allowed', detail: "The activity's serviceUrl is not allowed." }
          : { code: 'malformed_request' },
    });
    // One line of JSON, and nothing in it that could write a line of its own or move a cursor.
    const lines = await eventually('it is logged', () => skill.log.length > before && skill.log.slice(before));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]+\}\n$/u);
    expect(lines[0]?.length).toBeLessThan(2_000);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: 'request', status, code: posted.body.code });
    expect(sink.seen).toEqual({ connections: 0, bytes: 0 });
  });
});

describe('the log tells the setting to add', () => {
  it.each([
    ['https://parent.contoso.com/api/skills', 'https://parent.contoso.com'],
    ['https://Parent.Contoso.com:8443/', 'https://parent.contoso.com:8443'],
    ['http://parent.contoso.com/', 'http://parent.contoso.com'],
    ['https://10.0.0.5/', 'https://10.0.0.5'],
  ])('%s: add %s', async (serviceUrl, origin) => {
    const before = skill.log.length;
    await postActivity(skill, forge.claiming(), { serviceUrl });
    const lines = await eventually('it is logged', () => skill.log.length > before && skill.log.slice(before));
    const reason = `; if it is your parent's, add ${origin} to ALLOWED_SERVICE_URLS`;
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ reason: expect.stringContaining(reason) });
  });
});

it('a token of a caller who may not call is refused before its service URL is looked at', async () => {
  const stranger = forge.claiming({ appid: '00000000-0000-4000-8000-000000000002' });
  const posted = await postActivity(skill, stranger, { serviceUrl: 'https://evil.example/' });
  expect(posted).toMatchObject({ status: 403, body: { code: 'caller_not_allowed' } });
});

it('nothing of all this was saved, said or asked a token for', async () => {
  expect(await countConversations(skill)).toBe(0);
  expect(callbacksOf(skill)).toEqual([]);
  expect(skill.standIn.wire.filter(({ direction }) => direction === 'skill->tenant')).toEqual([]);
});

it('the same activity with the allowed service URL is answered, so that the refusals mean something', async () => {
  const posted = await postActivity(skill, forge.claiming(), { type: 'conversationUpdate' });
  expect(posted.status).toBe(200);
  expect(await countConversations(skill)).toBe(1);
});
