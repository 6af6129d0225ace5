// Skill manifests without a running service: build one, hold one against the rules of the import, write the files of a
// web host.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ImportFinding } from '../manifest/import-finding.ts';
import { lintBytes, lintSource, type LintResult } from '../manifest/lint-manifest.ts';
import { loadManifests, type SkillDescription } from '../manifest/render-manifest.ts';
import { describeFiles, loadSkillFiles } from '../manifest/skill-files.ts';
import { printable } from './printable.ts';

export type ManifestArguments = {
  readonly 'app-id'?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly name?: string | undefined;
  readonly publisher?: string | undefined;
  /** 2.2 or 2.0. */
  readonly schema?: string | undefined;
  readonly out?: string | undefined;
  readonly 'base-url'?: string | undefined;
  readonly json?: boolean | undefined;
  readonly 'home-page'?: string | undefined;
  readonly 'publisher-domain'?: string | undefined;
};

type Write = (text: string) => void;

/** Of the templates in manifests/, the usual one first. */
const schemas: readonly string[] = ['2.2', '2.0'];

export const manifestUsage = `Give one of:
  manifest build --app-id ID --endpoint https://HOST/api/messages [--out FILE] [--schema 2.2|2.0]
                 [--name NAME] [--publisher NAME]
  manifest lint FILE or URL [--json] [--home-page URL] [--publisher-domain DOMAIN]
  manifest publish --app-id ID --endpoint https://HOST/api/messages --out DIR [--base-url https://FILES]
                 [--name NAME] [--publisher NAME]
`;

/** Does what the words say. Returns the exit code: 0 done, 1 refused by a rule of the import, 2 wrong arguments. */
export async function manageManifest(
  words: readonly string[],
  given: ManifestArguments,
  write: Write,
): Promise<number> {
  const [action, source] = words;
  if (action === 'lint' && source !== undefined && words.length === 2) return lint(source, given, write);
  if ((action === 'build' || action === 'publish') && words.length === 1) {
    const fault = findFault(action, given);
    if (fault === undefined) return action === 'build' ? build(given, write) : publish(given, write);
    write(`${fault}\n`);
    return 2;
  }
  write(manifestUsage);
  return 2;
}

/** What is missing, or is no use, of what a manifest is made from; what is in it is for the rules of the import. */
function findFault(action: 'build' | 'publish', given: ManifestArguments): string | undefined {
  const baseUrl = given['base-url'];
  if (!given['app-id']) return "Give --app-id: the application id of the skill's app registration.";
  if (!given.endpoint) return 'Give --endpoint: the https address that ends in /api/messages.';
  if (given.name === '' || given.publisher === '') return '--name and --publisher must not be empty.';
  if (given.schema !== undefined && !schemas.includes(given.schema)) return `--schema is one of ${schemas.join(', ')}.`;
  if (action === 'publish' && !given.out) return 'Give --out: the folder for the files.';
  if (baseUrl !== undefined && !/^https:\/\/[^/?#]+[^?#]*$/.test(baseUrl)) {
    return '--base-url must be the https address of the folder that the files will be in.';
  }
  return undefined;
}

function describeSkill(given: ManifestArguments): SkillDescription {
  const { 'app-id': appId = '', endpoint: endpointUrl = '', name, publisher, 'base-url': baseUrl } = given;
  return { appId, endpointUrl, name, publisher, filesUrl: baseUrl?.replace(/\/+$/, '') };
}

async function lint(source: string, given: ManifestArguments, write: Write): Promise<number> {
  const { 'home-page': homePageUrl, 'publisher-domain': publisherDomain } = given;
  const isRegistrationKnown = homePageUrl !== undefined || publisherDomain !== undefined;
  const registration = isRegistrationKnown ? { homePageUrl, publisherDomain } : undefined;
  const result = await lintSource(source, { registration });
  write(given.json === true ? `${JSON.stringify(result, undefined, 2)}\n` : describeResult(result));
  return result.ok ? 0 : 1;
}

function build(given: ManifestArguments, write: Write): number {
  const { out, schema = schemas[0] } = given;
  const text = loadManifests(describeSkill(given)).get(`skill-manifest-${schema}.json`) ?? '';
  const result = lintBytes(Buffer.from(text));
  if (!result.ok) return refuse(result, write);
  if (!out) {
    write(text);
    return 0;
  }
  return save(write, () => {
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, text);
    write(`${out}\n`);
  });
}

function publish(given: ManifestArguments, write: Write): number {
  const { out = '' } = given;
  const skill = describeSkill(given);
  const files = new Map(loadSkillFiles(skill));
  for (const [name, { type, body }] of files) {
    if (type !== 'application/json') continue;
    const result = lintBytes(Buffer.from(body), {}, skill.filesUrl && `${skill.filesUrl}/${name}`);
    if (!result.ok) return refuse(result, write);
    for (const finding of result.findings) write(describeFinding(finding));
  }
  files.set('index.html', describeFiles(skill, files));
  return save(write, () => {
    mkdirSync(out, { recursive: true });
    for (const [name, { body }] of files) writeFileSync(join(out, name), body);
    write('Serve each of these over https, without signing in, with its content type:\n');
    for (const [name, { type }] of files) write(`  ${join(out, name)}  ${type}\n`);
  });
}

function refuse(result: LintResult, write: Write): number {
  write(`${describeResult(result)}Nothing was written.\n`);
  return 1;
}

/** Runs what writes files; what the system refuses is said in its own words. */
function save(write: Write, run: () => void): number {
  try {
    run();
    return 0;
  } catch (error) {
    write(`The files cannot be written: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function describeResult({ ok, findings, notChecked }: LintResult): string {
  const found = findings.map(describeFinding).join('');
  if (!ok) return `${found}Copilot Studio would refuse this manifest.\n`;
  return `${found}The manifest breaks no rule of the import. Only the import itself can tell: ${notChecked.join(', ')}.\n`;
}

function describeFinding({ level, code, path, message, fix }: ImportFinding): string {
  const place = path === '' ? '' : ` at ${path}`;
  return `${level.padEnd(8)}${code}${printable(place)}\n        ${printable(message)}\n        ${printable(fix)}\n`;
}
