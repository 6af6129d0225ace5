// Settings that are complete, and what becomes of them when one is changed.

import { generateKeyPairSync } from 'node:crypto';
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

const good = {
  MicrosoftAppId: appId,
  MicrosoftAppPassword: 'password-of-the-app',
  MicrosoftAppTenantId: tenant,
  AllowedCallers: agent,
  NOTIFY_API_KEYS: `erp:${key}`,
  PUBLIC_URL: 'https://notify.example.com',
};

const files: Record<string, string> = {
  '/run/secret': ' from-a-file\n',
  '/run/empty': ' \n',
  '/run/keys': `crm:${key}`,
};

/** The configuration of complete settings with this change. */
export function parse(change: Record<string, string | undefined>) {
  return parseConfig({ ...good, ...change }, (path) => {
    const text = files[path];
    if (text === undefined) throw new Error('no such file');
    return text;
  });
}

/** What parseConfig finds wrong with this change; empty when nothing. */
export function faultsOf(change: Record<string, string | undefined>) {
  try {
    parse(change);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}
