// The doctor as it is installed: what it prints, its exit codes, TLS, and that no secret is in any of it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { consultDoctor, type DoctorArguments } from '../../src/cli/doctor.ts';
import type { Diagnosis } from '../../src/doctor/run-doctor.ts';
import { findFreePort } from '../../standin/free-port.ts';
import { createCertificate } from '../helpers/certificate.ts';
import { eventually } from '../helpers/eventually.ts';
import { runCommand } from '../helpers/service-process.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';
import { startFront } from '../doctor/front.ts';

let skill: Skill;
beforeAll(async () => {
  skill = await startSkill();
});
afterAll(() => skill.stop());

async function consult(
  words: string[],
  given: DoctorArguments,
  env: Record<string, string> = {},
  { key = apiKey, url = skill.url } = {},
) {
  let out = '';
  const surroundings = {
    env: { ...skill.env, ...env },
    readFile: () => '',
    fetch,
    now: () => Date.now(),
    target: { url, key },
  };
  const code = await consultDoctor(words, given, surroundings, (text) => (out += text));
  return { code, out };
}

describe('doctor', () => {
  it('as a process passes, and prints each check with what was seen', async () => {
    const { code, out } = await runCommand(['doctor', '--url', skill.url], skill.env);
    expect(out).toContain('ok    settings\n      The settings are complete.');
    expect(out).not.toContain('FAIL');
    expect(code).toBe(0);
  });

  const tenant = "the agent's tenant (--parent-tenant)";
  const domain = "the endpoint's domain (--home-page)";
  it.each<[string, () => DoctorArguments, string]>([
    ['nothing', () => ({}), `, as far as was asked; not compared: ${tenant}, ${domain}.`],
    [
      'the tenant',
      () => ({ 'parent-tenant': skill.standIn.tenantId }),
      `, as far as was asked; not compared: ${domain}.`,
    ],
    ['the home page', () => ({ 'home-page': skill.url }), `, as far as was asked; not compared: ${tenant}.`],
    ['both', () => ({ 'home-page': skill.url, 'parent-tenant': skill.standIn.tenantId }), '.'],
  ])('given %s, says in its last line what was not compared', async (_, given, end) => {
    const { code, out } = await consult([], given(), {}, { key: '' });
    expect(out.split('\n').at(-2)).toBe(`All is well${end}`);
    expect(code).toBe(0);
  });

  it('as a process fails with 1, and --json is JSON alone', async () => {
    const env = { ...skill.env, MicrosoftAppPassword: 'wrong' };
    const { code, out } = await runCommand(['doctor', '--json', '--only', 'token, tenant'], env);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      ok: false,
      checks: [
        {
          id: 'token',
          ok: false,
          detail: expect.stringContaining('AADSTS7000215') as string,
          fix: expect.stringContaining('client secret') as string,
        },
        {
          id: 'tenant',
          ok: false,
          detail: 'Not looked at: the check token must pass first.',
          fix: 'See the check token.',
        },
      ],
    });
  });

  it('tells people what fails and what to change', async () => {
    const { code, out } = await consult([], { only: 'domain', 'home-page': 'https://elsewhere.example.com' });
    expect(code).toBe(1);
    expect(out).toMatch(
      /^FAIL {2}domain\n {6}MANIFEST_ENDPOINT_ORIGIN_MISMATCH.*\n {6}Fix: Set .*\n1 of 1 not well\.\n$/,
    );
  });

  it('makes what a check comes after, without telling it', async () => {
    const { code, out } = await consult([], { only: 'tenant', json: true, 'parent-tenant': skill.standIn.tenantId });
    expect(code).toBe(0);
    expect((JSON.parse(out) as Diagnosis).checks.map(({ id }) => id)).toEqual(['tenant']);
  });

  it('lets nobody write to the terminal but letters', async () => {
    const front = await startFront(skill.url);
    front.intercept((_req, res) => {
      res.end('{"name":"\u001B[2J"}');
      return true;
    });
    const { out } = await consult([], { only: 'manifest,public-url' }, { PUBLIC_URL: front.url });
    expect(/[^\n\P{C}]/u.test(out)).toBe(false);
  });

  it.each<[string[], DoctorArguments]>([
    [['now'], {}],
    [[], { only: 'tokens' }],
    [[], { only: '' }],
    [[], { explain: '401' }],
    [['d1'], { explain: 'why' }],
    [['d1'], { explain: '601' }],
    [['d1', 'd2'], { explain: '401' }],
  ])('%j with %j is told what to give', async (words, given) => {
    expect(await consult(words, given)).toEqual({ code: 2, out: expect.stringContaining('Give one of:') as string });
  });
});

describe('doctor --explain', () => {
  it('as a process tells cause and fix of a refused attempt', async () => {
    const conversation = skill.standIn.openConversation();
    await conversation.callAction('waitForNotification', { subject: 'refused' });
    skill.standIn.faults.set({ fault: { kind: 'answer', status: 401 }, conversationId: conversation.id });
    const { body } = await skill.notify({ subject: 'refused', text: 'hello' });
    const id = await eventually('it was refused', async () => {
      const [delivery] = (await skill.findNotification(String(body['id']))).deliveries;
      return delivery?.attempts.some(({ status }) => status === 401) && delivery.id;
    });
    const options = ['doctor', '--explain', '401', '--url', skill.url, '--key', apiKey];
    const { code, out } = await runCommand([...options, '--', id], skill.env);
    expect(code).toBe(0);
    expect(out).toMatch(/^Attempt \d of .*\nCause: .*Entra Agent ID.*\nFix: .*\n$/);
    const { code: none, out: json } = await runCommand([...options, '--json', '--', 'nothing'], skill.env);
    expect(none).toBe(1);
    expect(JSON.parse(json)).toMatchObject({ ok: false, deliveryId: 'nothing', status: 401, cause: null });
  });

  it('wants a key', async () => {
    expect(await consult(['d1'], { explain: '401' }, {}, { key: '' })).toMatchObject({
      code: 2,
      out: expect.stringContaining('NOTIFY_API_KEY') as string,
    });
  });
});

const names = ['localhost'];
async function look(certificate: { readonly cert: string; readonly key: string }, isTrusted: boolean) {
  const port = await findFreePort();
  const front = await startFront(`http://127.0.0.1:${port}`, { certificate });
  const behind = await startSkill({ env: { PORT: String(port), PUBLIC_URL: front.url } });
  onTestFinished(() => behind.stop());
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, certificate.cert);
  const env = { ...behind.env, ...(isTrusted && { NODE_EXTRA_CA_CERTS: ca }) };
  const args = ['doctor', '--json', '--url', `http://127.0.0.1:${port}`, '--key', apiKey, '--home-page', front.url];
  const { code, out } = await runCommand(args, env);
  return { code, ...(JSON.parse(out) as Diagnosis) };
}

describe('PUBLIC_URL with TLS', () => {
  it('passes all checks behind a good certificate', async () => {
    const { code, checks } = await look(createCertificate({ names }), true);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(code).toBe(0);
  });

  it.each([
    ['that nobody has signed', createCertificate({ names }), false, /self-signed certificate/, /public authority/],
    ['that has ended', createCertificate({ names, endsAt: Date.now() - 1_000 }), true, /expired/, /Renew/],
    [
      'for another name',
      createCertificate({ names: ['other.example.com'] }),
      true,
      /ERR_TLS_CERT_ALTNAME_INVALID/,
      /for the name in PUBLIC_URL/,
    ],
  ])('fails alone with a certificate %s', async (_, certificate, isTrusted, detail, fix) => {
    const { code, checks } = await look(certificate, isTrusted);
    expect(code).toBe(1);
    const failed = checks.filter(({ ok }) => !ok);
    expect(failed.map(({ id }) => id)).toEqual(['public-url', 'manifest', 'unauthenticated-probe']);
    expect(failed[0]?.detail).toMatch(detail);
    expect(failed[0]?.fix).toMatch(fix);
  });
});

describe('secrets', () => {
  const canary = 'canary-0123456789-0123456789';

  it('are in no word of it, whatever is wrong', async () => {
    const secrets = {
      MicrosoftAppPassword: `${canary}-password`,
      NOTIFY_API_KEYS: `first:${canary}-key`,
      DATABASE_URL: `postgres://user:${canary}-db@127.0.0.1:9/db`,
    };
    const nobody = `http://127.0.0.1:${await findFreePort()}`;
    const patients: readonly Record<string, string>[] = [
      {},
      { DATABASE_URL: `postgres://${canary}` },
      { DATABASE_URL: `postgres://user:${canary}?x@127.0.0.1/db` },
      { LOGIN_URL: nobody },
      { PUBLIC_URL: `https://user:${canary}@notify.example.com` },
      { NOTIFY_API_KEYS: canary },
      { MicrosoftAppType: 'MultiTenant' },
    ];
    const outputs = [];
    for (const patient of patients) {
      for (const url of [skill.url, nobody]) {
        const given = { json: true, conversation: 'c1', 'parent-tenant': 'x' };
        const { out } = await consult([], given, { ...secrets, ...patient }, { key: `${canary}-given`, url });
        outputs.push(out);
      }
    }
    expect(outputs.filter((out) => out.includes(canary))).toEqual([]);
    expect(outputs.filter((out) => !out.includes('token'))).toEqual([]);
    console.log(`doctor with canaries: ${outputs.length} outputs, none with a secret`);
  });

  it('the signature of a token is nowhere', async () => {
    const { out } = await consult([], { json: true });
    expect(out).toContain('aud=');
    expect(out).not.toMatch(/eyJ|[\w-]{40,}\.[\w-]{40,}/);
  });
});
