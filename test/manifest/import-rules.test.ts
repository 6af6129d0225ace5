// Copilot Studio's rules of the import, as a table: a good manifest with one change each.

import { describe, expect, it } from 'vitest';
import { type Agent, checkAgent, checkPing } from '../../src/manifest/agent-rules.ts';
import { type ImportFinding, importCodes, listUnseen } from '../../src/manifest/import-finding.ts';
import { checkManifest } from '../../src/manifest/import-rules.ts';
import { lintBytes, lintSource } from '../../src/manifest/lint-manifest.ts';
import type { SkillManifest } from '../../src/manifest/skill-manifest.ts';
import { valuesOf } from '../standin/manifests.ts';
import { errors, passing, warnings } from './changed-manifests.ts';
import { bytesOf, called, good, withAction, withEndpoint } from './good-manifest.ts';

/** What keeps a skill out without its manifest being wrong. */
const agent: Agent = { tenantId: 't', skillAppIds: [], findRegistration: () => ({ homePageUrl: called.endpointUrl }) };
const askAgent = (changes: Partial<Agent>) => checkAgent(good() as SkillManifest, { ...agent, ...changes });
const others: readonly (readonly [name: string, code: string, ask: () => readonly ImportFinding[]])[] = [
  ['a home page elsewhere', 'MANIFEST_ENDPOINT_ORIGIN_MISMATCH', () => askAgent({ findRegistration: () => ({}) })],
  ['an app of another tenant', 'APPID_NOT_IN_TENANT', () => askAgent({ findRegistration: () => undefined })],
  ['a skill that is there', 'MANIFEST_ALREADY_IMPORTED', () => askAgent({ skillAppIds: [called.appId.toUpperCase()] })],
  ['25 other skills', 'LIMITS_TOO_MANY_SKILLS', () => askAgent({ skillAppIds: Array<string>(25).fill('x') })],
  ['no answer to the ping', 'ENDPOINT_HEALTHCHECK_FAILED', () => checkPing(0)],
  ['202 to the ping', 'ENDPOINT_HEALTHCHECK_FAILED', () => checkPing(202)],
  ['401 to the ping', 'ENDPOINT_HEALTHCHECK_UNAUTHORIZED', () => checkPing(401)],
  ['403 to the ping', 'ENDPOINT_HEALTHCHECK_UNAUTHORIZED', () => checkPing(403)],
];
/** Not to be had from a manifest: a second name of HEALTHCHECK_FAILED, and a fault of Entra itself. */
const beyond = ['HEALTH_PING_FAILED', 'AADERROR_OTHER'];

const codesOf = (changed: string) => checkManifest(Buffer.from(changed)).findings.map(({ code }) => code);

describe('the rules of the import refuse', () => {
  it.each(errors)('%s: %s at "%s"', (_name, code, path, manifest) => {
    const { manifest: taken, findings } = checkManifest(bytesOf(manifest));
    expect(findings).toMatchObject([{ level: 'error', code, path }]);
    expect(taken).toBeUndefined();
  });

  it.each(others)('%s: %s', (_name, code, ask) => {
    expect(ask()).toMatchObject([{ level: 'error', code }]);
  });

  it('text that is not in UTF-8', () => {
    const { findings } = checkManifest(Buffer.from(`\uFEFF${JSON.stringify(good())}`, 'utf16le'));
    expect(findings).toMatchObject([
      { code: 'MANIFEST_MALFORMED', message: expect.stringContaining('UTF-8') as string },
    ]);
  });

  it('an app id by the name that the documentation gives it, and tell its real one', () => {
    const { findings } = checkManifest(bytesOf(withEndpoint({ msAppId: undefined, msaAppId: called.appId })));
    expect(findings[0]).toMatchObject({ code: 'MANIFEST_MALFORMED', fix: 'Rename msaAppId to msAppId.' });
  });

  it.each<[unknown, string]>([
    [undefined, 'There is no list of endpoints; Copilot Studio takes exactly one.'],
    [[], 'There are 0 endpoints; Copilot Studio takes exactly one.'],
  ])('the endpoints %j, and count them', (endpoints, message) => {
    expect(checkManifest(bytesOf(good({ endpoints }))).findings).toMatchObject([{ message }]);
  });

  it('all that is wrong at once', () => {
    const wrong = { ...withAction({ type: 'invoke', value: valuesOf(26) }), name: '', endpoints: [] };
    expect(checkManifest(bytesOf(wrong)).findings.map(({ path }) => path)).toEqual([
      'name',
      'endpoints',
      'activities.a.type',
      'activities.a.value',
    ]);
  });

  it('a slip of the pen with what the parser says of it', () => {
    const text = JSON.stringify(good()).replace('"Test skill"', 'Test skill');
    expect(checkManifest(bytesOf(text)).findings[0]?.message).toMatch(/not valid JSON \(.*token/);
  });
});

describe('a comma after the last item', () => {
  const text = JSON.stringify(good());

  it.each([
    ['of the manifest', text.replace(/\}$/, ',}')],
    ['before a break', text.replace(/\}$/, ', \r\n\t}')],
    ['of everything', text.replaceAll(/(?<=[^[{])(?=[\]}])/g, ',')],
    ['beside one in a text', text.replace('"Test skill"', '"Test [skill,] \\",}"').replace(/\}$/, ',}')],
  ])('%s is a warning, and the manifest is as without it', (_name, changed) => {
    expect(changed).not.toBe(text);
    const { manifest, findings } = checkManifest(Buffer.from(changed));
    expect(findings.map(({ level, code }) => `${level} ${code}`)).toEqual(['warning TRAILING_COMMA']);
    const name = changed.includes('[skill,]') ? 'Test [skill,] ",}' : 'Test skill';
    expect(manifest).toEqual({ ...good(), name });
  });

  it('in a text is part of the text', () => {
    expect(codesOf(text.replace('"Test skill"', '"Test [skill,]"'))).toEqual([]);
  });

  it.each([
    ['twice', text.replace(/\}$/, ',,}')],
    ['after none', '{,}'],
    ['of an empty list', text.replace(/\}$/, ',"a":[,]}')],
    ['beside a comment', text.replace(/\}$/, ',/* more */}')],
    ['before what JSON takes for no space', text.replace(/\}$/, ',\u00A0}')],
    ['at the end', `${text},`],
  ])('%s is an error', (_name, changed) => {
    expect(codesOf(changed)).toEqual(['MANIFEST_MALFORMED']);
  });

  it.each(['"', '\\"', ',', ', ', ' ,', '[,', '{"', '\\'])('half a megabyte of %j is read in no time', (piece) => {
    const startedAt = performance.now();
    expect(codesOf(piece.repeat(Math.floor(500_000 / piece.length)))).toEqual(['MANIFEST_MALFORMED']);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe('the rules of the import', () => {
  it.each(warnings)('warn of %s: %s at %s', (_name, code, path, manifest) => {
    const { manifest: taken, findings } = checkManifest(bytesOf(manifest));
    expect(findings).toMatchObject([{ level: 'warning', code, path }]);
    expect(taken).toBeDefined();
  });

  it.each(passing)('let %s pass without a word', (_name, manifest) => {
    expect(checkManifest(bytesOf(manifest)).findings).toEqual([]);
  });

  it('let plain http on loopback pass for the stand-in alone', () => {
    const bytes = bytesOf(withEndpoint({ endpointUrl: 'http://127.0.0.1:3978/api/messages' }));
    expect(checkManifest(bytes, { httpOnLoopback: true }).findings).toEqual([]);
    const away = bytesOf(withEndpoint({ endpointUrl: 'http://127.0.0.1.example.com/api/messages' }));
    expect(checkManifest(away, { httpOnLoopback: true }).findings).toHaveLength(1);
  });

  it('have every code of the import in these tables, but those that no manifest can cause', async () => {
    const fetched = await Promise.all(['https://', 'http://x.example/', '/nowhere.json'].map((url) => lintSource(url)));
    const codes = [
      ...errors.map(([, code]) => code),
      ...others.map(([, code]) => code),
      ...fetched.flatMap(({ findings }) => findings.map(({ code }) => code)),
    ];
    const known: readonly string[] = importCodes;
    expect([...new Set(codes)].toSorted()).toEqual(known.filter((code) => !beyond.includes(code)).toSorted());
    console.log(`import rules: ${errors.length + others.length} ways to be refused, ${new Set(codes).size} codes`);
  });

  it('say of every finding what to change, in whole sentences', () => {
    const all = [...errors, ...warnings].flatMap(([, , , manifest]) => checkManifest(bytesOf(manifest)).findings);
    for (const { message, fix } of [...all, ...others.flatMap(([, , ask]) => ask())]) {
      expect(message).toMatch(/[.?]$/);
      expect(fix).toMatch(/^[A-Z].+[^ ]$/s);
    }
  });
});

const lint = (registration?: { homePageUrl?: string; publisherDomain?: string }, url?: string) =>
  lintBytes(bytesOf(good()), { registration }, url);

describe('the domain of the endpoint', () => {
  it.each([
    ["the home page's", { homePageUrl: 'https://skill.example.com/anything' }, true],
    ['the publisher domain', { publisherDomain: 'skill.example.com' }, true],
    ['under the publisher domain', { publisherDomain: 'Example.com' }, true],
    ['one that only ends alike', { publisherDomain: 'ill.example.com' }, false],
    ["another than the home page's", { homePageUrl: 'https://example.com' }, false],
    ['not to be compared with a home page that is no URL', { homePageUrl: 'skill.example.com' }, false],
  ])('is %s', (_name, registration, ok) => {
    const result = lint(registration, 'https://files.example.net/manifest.json');
    expect(result.ok).toBe(ok);
    expect(result.findings.map(({ code, level }) => [level, code])).toEqual(
      ok ? [] : [['error', 'MANIFEST_ENDPOINT_ORIGIN_MISMATCH']],
    );
    expect(result.notChecked).not.toContain('MANIFEST_ENDPOINT_ORIGIN_MISMATCH');
  });

  it("is compared with the manifest's own where the registration is not known, as a warning", () => {
    expect(lint(undefined, 'https://skill.example.com/m.json').findings).toEqual([]);
    const result = lint(undefined, 'https://files.example.net/m.json');
    expect(result).toMatchObject({
      ok: true,
      findings: [{ level: 'warning', code: 'MANIFEST_ENDPOINT_ORIGIN_MISMATCH' }],
    });
    expect(result.notChecked).toEqual(listUnseen(false));
    expect(result.notChecked).toContain('MANIFEST_ENDPOINT_ORIGIN_MISMATCH');
  });
});
