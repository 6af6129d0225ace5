// What the rules about the Dockerfile and deploy/ hold them against.

import { parseConfig } from '../../src/config.ts';
import { agent, appId, key, tenant } from '../helpers/settings.ts';
import { listSettingNames } from './setting-names.ts';
import { readText } from './source-files.ts';

export const settings: readonly string[] = listSettingNames();
export const secrets: readonly string[] = settings.filter((name) => settings.includes(`${name}_FILE`));

/** For the places that are left to whoever deploys. */
export const filled: Readonly<Record<string, string>> = {
  MicrosoftAppId: appId,
  MicrosoftAppPassword: 'password-of-the-app',
  MicrosoftAppTenantId: tenant,
  AllowedCallers: agent,
  NOTIFY_API_KEYS: `erp:${key}`,
  PUBLIC_URL: 'https://notify.example.com',
  DATABASE_URL: 'postgres://user:password@host:5432/database?sslmode=verify-full',
};

export const defaultPort: number = parseConfig(filled, () => '').port;

/** After this a stop that hangs is ended by force. */
export const stopDeadlineSeconds: number =
  Number(/stopDeadlineMs = (?<ms>[\d_]+);/.exec(readText('src/main.ts'))?.groups?.['ms']?.replaceAll('_', '')) / 1_000;
