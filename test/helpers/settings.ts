// Settings that are complete, and what becomes of them when one is changed.

import { generateKeyPairSync } from 'node:crypto';
import { checkSettings } from '../../src/cli/check-settings.ts';
import { ConfigError, parseConfig } from '../../src/config.ts';

export const appId = '11111111-1111-4111-8111-111111111111';
export const tenant = '22222222-2222-4222-8222-222222222222';
export const agent = '33333333-3333-4333-8333-333333333333';
export const key = 'a-secret-of-at-least-24-chars';
export const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
export const certificate = {
  MicrosoftAppPassword: '',
  CertificateThumbprint: 'A'.repeat(40),
  CertificatePrivateKey: pem,
};

export type Change = Readonly<Record<string, string | undefined>>;

/** What is wrong with the change of a setting: its setting, and the words, which hold no value. */
export type BadSetting = readonly [name: string, change: Change, setting: string, message: string];

const good = {
  MicrosoftAppId: appId,
  MicrosoftAppPassword: 'password-of-the-app',
  MicrosoftAppTenantId: tenant,
  AllowedCallers: agent,
  NOTIFY_API_KEYS: `erp:${key}`,
  PUBLIC_URL: 'https://notify.example.com',
};

/** By path, as the service reads them: in UTF-8. */
const files: Readonly<Record<string, string>> = {
  '/run/secret': ' from-a-file\n',
  '/run/crlf': 'from-a-file\r\n',
  '/run/bom': '\uFEFFfrom-a-file\n',
  '/run/bare': 'from-a-file',
  '/run/empty': ' \n',
  '/run/bom-alone': '\uFEFF\r\n',
  '/run/utf16': Buffer.from('\uFEFFcanary-secret\r\n', 'utf16le').toString('utf8'),
  '/run/keys': `crm:${key}`,
  '/run/keys-crlf': `crm:${key},\r\nerp:another-${key}\r\n`,
  '/run/short-key': 'canary:canary-secret\n',
  '/run/pem': pem.replaceAll('\n', '\r\n'),
};

function readFile(path: string): string {
  const text = files[path];
  if (text === undefined) throw new Error(`no such file: ${path}`);
  return text;
}

/** The configuration of complete settings with this change. */
export function parse(change: Change) {
  return parseConfig({ ...good, ...change }, readFile);
}

/** What parseConfig finds wrong with this change; empty when nothing. */
export function faultsOf(change: Change) {
  return findError(change)?.faults ?? [];
}

function findError(change: Change): ConfigError | undefined {
  try {
    parse(change);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  return undefined;
}

/**
 * What the settings and `check` say of this change: its faults, the exit code, and which values, or canaries, stand in
 * any word of it.
 */
export function refusalOf(change: Change) {
  const error = findError(change);
  const written = [JSON.stringify(error), String(error?.message), ...(error?.warnings ?? [])];
  const exitCode = checkSettings({ ...good, ...change }, readFile, (text) => void written.push(text));
  return { faults: error?.faults ?? [], exitCode, leaked: leaksOf(written.join('\n'), change) };
}

/** Texts that were set and are in `words`: whole values, and the entries of lists. Short ones are met by chance. */
export function leaksOf(words: string, change: Change): string[] {
  const values = Object.entries(change).filter(([name]) => name !== 'MicrosoftAppType');
  const texts = values.flatMap(([, value = '']) => [value, ...value.split(/[,\s]+/)]);
  const planted = texts.filter((text) => text.length >= 5 && text !== 'PRIVATE');
  return [...planted, 'canary'].filter((text) => words.toLowerCase().includes(text.toLowerCase()));
}
