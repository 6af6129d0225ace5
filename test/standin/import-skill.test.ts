import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectory } from '../../standin/directory.ts';
import { importSkill } from '../../standin/import-skill.ts';
import { createSkillClient } from '../../standin/skill-client.ts';
import { startStandIn, type StandIn } from '../../standin/stand-in.ts';
import { createSwitches } from '../../standin/switches.ts';
import { createSigningKey } from '../../standin/tokens.ts';
import { createWireLog } from '../../standin/wire-log.ts';
import { type FakeSkill, startFakeSkill } from './fake-skill.ts';
import { actionWith, endpointOf, manifestOf, valuesOf } from './manifests.ts';

type Finding = { level: string; code: string; path?: string };

let standIn: StandIn;
let skill: FakeSkill;

beforeEach(async () => {
  skill = await startFakeSkill();
  standIn = await startStandIn();
  standIn.registerApp({ appId: skill.appId, secret: skill.secret, homePageUrl: `${skill.url}/manifest.json` });
  serve(manifestOf(skill));
});

afterEach(async () => {
  await standIn.stop();
  await skill.stop();
});

function serve(body: unknown): void {
  skill.manifest = () => ({ body });
}

async function importNow(): Promise<{ ok: boolean; codes: string[]; findings: readonly Finding[] }> {
  const { ok, findings } = await standIn.importSkill(`${skill.url}/manifest.json`);
  return { ok, findings, codes: findings.map((finding) => finding.code) };
}

describe('a sound skill', () => {
  it('is imported without findings, by an anonymous fetch, a ping and a probe without token', async () => {
    expect(await importNow()).toEqual({ ok: true, codes: [], findings: [] });
    const [ping, probe] = skill.received;
    expect(ping?.activity).toMatchObject({ type: 'endOfConversation', name: 'PVASkillImport', recipient: null });
    expect(ping?.activity).not.toHaveProperty('conversation');
    expect(ping?.activity).not.toHaveProperty('serviceUrl');
    expect(ping?.authorization).toMatch(/^Bearer /);
    expect(probe?.authorization).toBeUndefined();
    expect(standIn.openConversation().id).toBeTruthy();
  });

  it('is called with the type and the activity name of its manifest', async () => {
    const value = { type: 'object', properties: { subject: { type: 'string' }, count: { type: 'integer' } } };
    serve(manifestOf(skill, { activities: { ask: actionWith({ type: 'message', name: 'askActivity', value }) } }));
    await importNow();
    const conversation = standIn.openConversation();
    await conversation.callAction('ask', { subject: 's', count: 'many', other: 1 });
    expect(skill.received.at(-1)?.activity).toMatchObject({
      type: 'message',
      name: 'askActivity',
      text: 'ask',
    });
    expect(skill.received.at(-1)?.activity['value']).toEqual({ subject: 's' });
    expect(conversation.transcript.filter(({ type }) => type === 'finding').map(({ text }) => text)).toEqual([
      'an input was not sent: count: declared integer, is string',
      'an input was not sent: other: not declared in the manifest',
    ]);
  });

  it('has its outputs checked against the manifest', async () => {
    serve(manifestOf(skill, { activities: { wait: actionWith({ resultValue: valuesOf(2) }) } }));
    await importNow();
    const conversation = standIn.openConversation();
    await conversation.callAction('wait');
    const value = { value0: 'a', value1: [1], other: 'x' };
    await skill.callBack(standIn, conversation.id, { type: 'endOfConversation', value });
    expect(conversation.action).toMatchObject({
      outputs: { value0: 'a' },
      dropped: ['value1: arrays are not supported', 'other: not declared in the manifest'],
    });
    expect(conversation.transcript.slice(-2)).toMatchObject([
      { type: 'finding', text: 'an output was dropped: value1: arrays are not supported' },
      { type: 'finding', text: 'an output was dropped: other: not declared in the manifest' },
    ]);
  });

  it('is read anew when asked to, and not twice otherwise', async () => {
    await importNow();
    serve(manifestOf(skill, { activities: { later: actionWith({ name: 'laterActivity' }) } }));
    const refreshed = await standIn.importSkill(`${skill.url}/manifest.json`, { refresh: true });
    expect(refreshed).toMatchObject({ ok: true, findings: [] });
    await standIn.openConversation().callAction('later');
    expect(skill.received.at(-1)?.activity).toMatchObject({ name: 'laterActivity' });
    expect((await importNow()).codes).toEqual(['MANIFEST_ALREADY_IMPORTED']);
  });

  it('is imported from a file, and called at the endpoint of this environment', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'manifest-'));
    const file = join(folder, 'manifest.json');
    const published = endpointOf(skill, { endpointUrl: 'https://skill.example.com/api/messages' });
    writeFileSync(file, JSON.stringify(manifestOf(skill, { endpoints: [published] })));
    const { endpointUrl } = skill;
    expect(await standIn.importSkillFile(file, { endpointUrl })).toMatchObject({ ok: true, findings: [] });
    expect(skill.received).toHaveLength(2);
    rmSync(folder, { recursive: true });
    await expect(standIn.importSkillFile(file)).rejects.toThrow('ENOENT');
  });
});

describe('a manifest is refused', () => {
  it('whose endpoint is plain http away from loopback: URL_NOT_HTTPS', async () => {
    standIn.registerApp({ appId: skill.appId, secret: 's', publisherDomain: 'example.com' });
    serve(manifestOf(skill, { endpoints: [endpointOf(skill, { endpointUrl: 'http://skill.example.com/api' })] }));
    expect((await importNow()).codes).toEqual(['URL_NOT_HTTPS']);
  });

  it('at a plain http or unreadable address', async () => {
    for (const [url, code] of [
      ['http://example.com/m.json', 'URL_NOT_HTTPS'],
      ['not a url', 'URL_MALFORMED'],
    ] as const) {
      expect((await standIn.importSkill(url)).findings).toMatchObject([{ code }]);
    }
  });

  it('that is not given out without a token: MANIFEST_FETCH_FAILED', async () => {
    skill.manifest = () => ({ status: 401 });
    const { findings } = await standIn.importSkill(`${skill.url}/manifest.json`);
    expect(findings).toMatchObject([{ code: 'MANIFEST_FETCH_FAILED' }]);
    expect(findings[0]?.message).toContain('without a token');
    expect(standIn.wire.at(-1)).toMatchObject({ direction: 'agent->manifest', status: 401 });
  });

  it('that does not come in time: MANIFEST_FETCH_FAILED', async () => {
    skill.manifest = () => new Promise(() => undefined);
    const now = Date.now;
    const wire = createWireLog(now);
    const directory = createDirectory('t');
    const stopSignal = new AbortController().signal;
    const key = await createSigningKey();
    const { agent } = standIn;
    const client = createSkillClient({
      agent: () => agent,
      tenantId: 't',
      tokenVersion: () => '1.0',
      key: () => key,
      now,
      tokenNow: now,
      timeoutMs: () => 1_000,
      wire,
      stopSignal,
    });
    const parts = { directory, wire, client, switches: createSwitches(), now, stopSignal, fetchTimeoutMs: 20 };
    const result = await importSkill(`${skill.url}/manifest.json`, parts);
    expect(result.findings).toMatchObject([{ code: 'MANIFEST_FETCH_FAILED' }]);
  });

  it('that the agent has already: MANIFEST_ALREADY_IMPORTED', async () => {
    await importNow();
    expect((await importNow()).codes).toEqual(['MANIFEST_ALREADY_IMPORTED']);
  });

  it('when the agent has 25 skills: LIMITS_TOO_MANY_SKILLS', async () => {
    for (let index = 0; index < 25; index += 1) standIn.addSkill({ appId: `app-${index}`, endpointUrl: 'http://x/' });
    expect((await importNow()).codes).toEqual(['LIMITS_TOO_MANY_SKILLS']);
  });

  it.each([
    ['no domain', {}],
    ['another domain', { publisherDomain: 'contoso.com', homePageUrl: 'https://contoso.com/' }],
    ['a domain that only ends alike', { publisherDomain: '7.0.0.1' }],
  ])('whose app registration names %s: MANIFEST_ENDPOINT_ORIGIN_MISMATCH', async (_name, app) => {
    standIn.registerApp({ appId: skill.appId, secret: 's', ...app });
    expect((await importNow()).codes).toEqual(['MANIFEST_ENDPOINT_ORIGIN_MISMATCH']);
  });
});

describe('the endpoint', () => {
  it.each([
    [401, 'ENDPOINT_HEALTHCHECK_UNAUTHORIZED'],
    [403, 'ENDPOINT_HEALTHCHECK_UNAUTHORIZED'],
    [500, 'ENDPOINT_HEALTHCHECK_FAILED'],
    [202, 'ENDPOINT_HEALTHCHECK_FAILED'],
  ])('that answers %d to the ping is refused: %s', async (status, code) => {
    skill.onActivity = () => ({ status });
    const result = await importNow();
    expect([result.ok, result.codes]).toEqual([false, [code]]);
  });

  it("that answers 500 in botbuilder's words for a caller that is not allowed: ENDPOINT_HEALTHCHECK_UNAUTHORIZED", async () => {
    const said = `Received a request from a bot with an app ID of "${standIn.agent.appId}".`;
    skill.onActivity = () => ({ status: 500, body: said });
    expect((await importNow()).codes).toEqual(['ENDPOINT_HEALTHCHECK_UNAUTHORIZED']);
  });

  it('that does not answer is refused: ENDPOINT_HEALTHCHECK_FAILED', async () => {
    serve(manifestOf(skill, { endpoints: [endpointOf(skill, { endpointUrl: 'http://127.0.0.1:1/api/messages' })] }));
    expect((await importNow()).codes).toEqual(['ENDPOINT_HEALTHCHECK_FAILED']);
  });

  it('that takes strangers, or refuses them without a challenge, is warned about', async () => {
    const { endpointUrl } = skill;
    for (const reply of [{ status: 200 }, { status: 401 }]) {
      const proxy = await startFakeSkill();
      proxy.manifest = () => ({
        body: manifestOf(skill, { endpoints: [endpointOf(skill, { endpointUrl: proxy.endpointUrl })] }),
      });
      proxy.onStranger = () => reply;
      const fresh = await startStandIn();
      fresh.registerApp({ appId: skill.appId, secret: 's', homePageUrl: endpointUrl });
      const { ok, findings } = await fresh.importSkill(`${proxy.url}/manifest.json`);
      expect(ok).toBe(true);
      expect(findings).toMatchObject([{ level: 'warning', code: 'ENDPOINT_PROBE_NOT_CHALLENGED' }]);
      await fresh.stop();
      await proxy.stop();
    }
  });

  it('may take types that are not documented, with a warning', async () => {
    serve(manifestOf(skill, { activities: { a: actionWith({ value: valuesOf(1, 'number') }) } }));
    const { ok, findings } = await importNow();
    expect(ok).toBe(true);
    expect(findings).toMatchObject([{ level: 'warning', code: 'TYPE_NOT_DOCUMENTED' }]);
  });
});
