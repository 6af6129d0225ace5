import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ManifestArguments, manageManifest } from '../../src/cli/manifest.ts';
import type { LintResult } from '../../src/manifest/lint-manifest.ts';
import { createCertificate } from '../helpers/certificate.ts';
import { runCommand } from '../helpers/service-process.ts';
import { bytesOf, called, good } from '../manifest/good-manifest.ts';
import { actionWith, type Json } from '../standin/manifests.ts';

const skill = { 'app-id': called.appId, endpoint: called.endpointUrl };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'manifest-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(words: string[], given: ManifestArguments = {}) {
  let out = '';
  const code = await manageManifest(words, given, (text) => (out += text));
  return { code, out };
}

function fileWith(manifest: unknown): string {
  const path = join(folder, 'given.json');
  writeFileSync(path, bytesOf(manifest));
  return path;
}

const readJson = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json;

describe('manifest build', () => {
  it.each([
    [undefined, 'v2.2/skill-manifest.json'],
    ['2.2', 'v2.2/skill-manifest.json'],
    ['2.0', 'skill-manifest-2.0.0.json'],
  ])('with --schema %s writes a manifest that lint finds nothing in', async (schema, named) => {
    const out = join(folder, 'new', 'skill.json');
    const built = await run(['build'], { ...skill, schema, out, name: 'ERP news', publisher: 'Contoso' });
    expect(built).toEqual({ code: 0, out: `${out}\n` });
    expect(readJson(out)).toMatchObject({
      $schema: expect.stringContaining(named) as string,
      name: 'ERP news',
      publisherName: 'Contoso',
      iconUrl: 'https://skill.example.com/manifests/icon.png',
      endpoints: [{ endpointUrl: called.endpointUrl, msAppId: called.appId }],
    });
    const linted = JSON.parse((await run(['lint', out], { json: true })).out) as LintResult;
    expect(linted).toMatchObject({ ok: true, findings: [] });
  });

  it('without --out writes it to the standard output', async () => {
    const { code, out } = await run(['build'], skill);
    expect([code, (JSON.parse(out) as Json)['name']]).toEqual([0, 'Copilot Notify']);
  });

  it.each([
    [{ 'app-id': 'my-skill' }, 'MANIFEST_MALFORMED at endpoints[0].msAppId'],
    [{ endpoint: 'http://skill.example.com/api/messages' }, 'URL_NOT_HTTPS at endpoints[0].endpointUrl'],
    [{ endpoint: 'skill.example.com' }, 'URL_MALFORMED at endpoints[0].endpointUrl'],
  ])('with %j says what is wrong, and writes nothing', async (wrong, words) => {
    const { code, out } = await run(['build'], { ...skill, ...wrong, out: join(folder, 'skill.json') });
    expect(code).toBe(1);
    expect(out).toContain(words);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('manifest publish', () => {
  it('writes manifests, icon, privacy page and index, with the type of each', async () => {
    const { code, out } = await run(['publish'], { ...skill, out: join(folder, 'site') });
    expect(code).toBe(0);
    const names = ['icon.png', 'index.html', 'privacy.html', 'skill-manifest-2.0.json', 'skill-manifest-2.2.json'];
    expect(readdirSync(join(folder, 'site')).toSorted()).toEqual(names);
    for (const [name, type] of [
      ['icon.png', 'image/png'],
      ['index.html', 'text/html; charset=utf-8'],
      ['skill-manifest-2.2.json', 'application/json'],
    ] as const) {
      expect(out).toContain(`${join(folder, 'site', name)}  ${type}\n`);
    }
    for (const name of names.filter((file) => file.endsWith('.json'))) {
      expect((await run(['lint', join(folder, 'site', name)])).code).toBe(0);
    }
    const index = readFileSync(join(folder, 'site', 'index.html'), 'utf8');
    for (const name of names.filter((file) => file !== 'index.html')) expect(index).toContain(`href="${name}"`);
  });

  it('for a host of its own lets icon and privacy page be there, and warns that the domain is another', async () => {
    const given = { ...skill, out: folder, 'base-url': 'https://files.example.net/notify/' };
    const { code, out } = await run(['publish'], given);
    expect(code).toBe(0);
    expect(out).toContain('warning MANIFEST_ENDPOINT_ORIGIN_MISMATCH');
    expect(readJson(join(folder, 'skill-manifest-2.0.json'))).toMatchObject({
      iconUrl: 'https://files.example.net/notify/icon.png',
      privacyUrl: 'https://files.example.net/notify/privacy.html',
    });
    expect(readFileSync(join(folder, 'index.html'), 'utf8')).toContain(
      'https://files.example.net/notify/skill-manifest-2.2.json',
    );
  });

  it('writes nothing of what breaks a rule', async () => {
    const { code, out } = await run(['publish'], { ...skill, 'app-id': 'x', out: join(folder, 'site') });
    expect(code).toBe(1);
    expect(out).toContain('Nothing was written.');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says what the system says where it may not write', async () => {
    const { code, out } = await run(['publish'], { ...skill, out: join(fileWith('{}'), 'site') });
    expect([code, out]).toEqual([1, expect.stringContaining('cannot be written')]);
  });
});

describe('manifest lint', () => {
  it('tells people the code, the path, what is wrong and what to change', async () => {
    const { code, out } = await run(['lint', fileWith(good({ activities: { a: actionWith({ type: 'invoke' }) } }))]);
    expect(code).toBe(1);
    expect(out.split('\n').map((line) => line.trim())).toEqual([
      'error   MANIFEST_MALFORMED at activities.a.type',
      'The type is neither event nor message.',
      'Make it event or message, or take the action out: Copilot Studio knows no others.',
      'Copilot Studio would refuse this manifest.',
      '',
    ]);
  });

  it('passes with exit code 0 and the codes that only the import can give', async () => {
    const { code, out } = await run(['lint', fileWith(good())]);
    expect(code).toBe(0);
    expect(out).toContain('Only the import itself can tell: MANIFEST_ENDPOINT_ORIGIN_MISMATCH, APPID_NOT_IN_TENANT');
  });

  it('passes with a warning', async () => {
    const { code, out } = await run(['lint', fileWith(good({ owner: 'me' }))], { json: true });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      findings: [{ level: 'warning', code: 'SCHEMA_VIOLATION', path: 'owner' }],
    });
  });

  it.each([
    [{ 'home-page': 'https://skill.example.com' }, 0],
    [{ 'publisher-domain': 'example.com' }, 0],
    [{ 'home-page': 'https://example.com' }, 1],
  ])('compares the endpoint with %j', async (given, code) => {
    expect((await run(['lint', fileWith(good())], given)).code).toBe(code);
  });

  it('lets no manifest write to the terminal but letters', async () => {
    const { out } = await run(['lint', fileWith(good({ activities: { '\u001B[2J\u202E': { type: '\u0007' } } }))]);
    expect(out).toContain('activities.?[2J?.type');
    expect(/[^\n\P{C}]/u.test(out)).toBe(false);
  });
});

describe('manifest', () => {
  it.each([
    [[], {}, 'Give one of:'],
    [['lint'], {}, 'Give one of:'],
    [['lint', 'a.json', 'b.json'], {}, 'Give one of:'],
    [['burn'], skill, 'Give one of:'],
    [['build'], {}, '--app-id'],
    [['build'], { 'app-id': called.appId }, '--endpoint'],
    [['build'], { ...skill, name: '' }, '--name'],
    [['build'], { ...skill, schema: '3.0' }, '--schema'],
    [['publish'], skill, '--out'],
    [['publish'], { ...skill, out: 'x', 'base-url': 'http://files.example.net' }, '--base-url'],
    [['publish'], { ...skill, out: 'x', 'base-url': 'https://files.example.net/?a=b' }, '--base-url'],
  ] as [string[], ManifestArguments, string][])('%j with %j is told what to give', async (words, given, named) => {
    const { code, out } = await run(words, given);
    expect([code, out]).toEqual([2, expect.stringContaining(named)]);
  });
});

describe('the command line', () => {
  const { cert, key } = createCertificate({ names: ['localhost'] });
  let server: Server;
  let url: string;
  let served: (address: string) => Json;
  beforeAll(async () => {
    server = createServer({ cert, key }, (_req, res) => res.end(JSON.stringify(served(url))));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    url = `https://localhost:${(server.address() as AddressInfo).port}`;
  });
  afterAll(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );

  it('lints what it has built, and what is at an https address, with exit codes 0 and 1', async () => {
    const out = join(folder, 'skill.json');
    const options = ['--app-id', called.appId, '--endpoint', `${url}/api/messages`];
    expect((await runCommand(['manifest', 'build', ...options, '--out', out])).code).toBe(0);
    served = () => readJson(out);
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, cert);
    const lint = () => runCommand(['manifest', 'lint', `${url}/m.json`, '--json'], { NODE_EXTRA_CA_CERTS: ca });
    const passed = await lint();
    expect(JSON.parse(passed.out)).toMatchObject({ ok: true, findings: [] });
    expect(passed.code).toBe(0);
    served = () => ({ ...readJson(out), activities: {} });
    const refused = await lint();
    expect(JSON.parse(refused.out)).toMatchObject({
      ok: false,
      findings: [{ code: 'MANIFEST_MALFORMED', path: 'activities' }],
    });
    expect(refused.code).toBe(1);
  });

  it('does not take a certificate that nobody has signed', async () => {
    const { code, out } = await runCommand(['manifest', 'lint', `${url}/m.json`]);
    expect(code).toBe(1);
    expect(out).toMatch(/MANIFEST_FETCH_FAILED\n +The manifest could not be fetched: .*certificate/);
  });
});
