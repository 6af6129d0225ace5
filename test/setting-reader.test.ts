// Names of variables that are nearly those of settings: a misspelt setting would be without effect, and without a word.

import { describe, expect, it } from 'vitest';
import { parse } from './helpers/settings.ts';
import { ConfigError, parseConfig } from '../src/config.ts';

/** Variables that systems, shells, hosts and tools set for their own ends. */
const foreign = `
  PATH HOME USER SHELL PWD OLDPWD LANG LC_ALL LANGUAGE TERM TZ TMPDIR TEMP TMP LOGNAME HOSTNAME MAIL EDITOR PAGER DISPLAY
  HOSTTYPE MACHTYPE OSTYPE SHLVL COLUMNS LINES PS1 IFS POST GHOST PORTS HOSTS HOTS SORT PORTAL COST LOST
  CI DEBUG NODE_ENV NODE_OPTIONS NODE_EXTRA_CA_CERTS NODE_PATH NO_COLOR FORCE_COLOR UV_THREADPOOL_SIZE
  npm_config_cache npm_lifecycle_event npm_package_name npm_package_version INIT_CWD
  HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy SSL_CERT_FILE SSL_CERT_DIR
  APPDATA LOCALAPPDATA PROGRAMDATA COMPUTERNAME USERNAME USERPROFILE SYSTEMROOT WINDIR COMSPEC PATHEXT NUMBER_OF_PROCESSORS
  XDG_DATA_DIRS XDG_DATA_HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK
  WEBSITE_SITE_NAME WEBSITE_HOSTNAME WEBSITES_PORT WEBSITE_INSTANCE_ID APPSETTING_WEBSITE_AUTH_ENABLED
  APPLICATIONINSIGHTS_CONNECTION_STRING AZURE_CLIENT_ID AZURE_CLIENT_SECRET AZURE_TENANT_ID IDENTITY_ENDPOINT IDENTITY_HEADER
  MSI_ENDPOINT MSI_SECRET CONTAINER_APP_NAME CONTAINER_APP_HOSTNAME CONTAINER_APP_PORT CONTAINER_APP_REVISION
  KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_PORT KUBERNETES_PORT_443_TCP NOTIFY_SERVICE_HOST NOTIFY_SERVICE_PORT
  NOTIFY_SOCKET INVOCATION_ID JOURNAL_STREAM LISTEN_FDS DOTENV_CONFIG_PATH DOTENV_KEY GITHUB_TOKEN GITHUB_ACTIONS
  DATABASE_URI DATABASE_USER DB_URL PGHOST PGPORT PGDATA REDIS_URL OTEL_EXPORTER_OTLP_ENDPOINT OTEL_SERVICE_NAME
`
  .split(/\s+/)
  .filter((name) => name !== '');

const misspelt: readonly (readonly [string, string])[] = [
  ['MICROSOFTAPPID', 'MicrosoftAppId'],
  ['microsoftappid', 'MicrosoftAppId'],
  ['MICROSOFT_APP_ID', 'MicrosoftAppId'],
  ['MicrosoftAppld', 'MicrosoftAppId'],
  ['MicrosoftAppIdd', 'MicrosoftAppId'],
  ['MICROSOFT_APP_PASSWORD', 'MicrosoftAppPassword'],
  ['MicrosoftAppPasword', 'MicrosoftAppPassword'],
  ['MicrosoftAppPasswordFile', 'MicrosoftAppPassword_FILE'],
  ['MICROSOFT_APP_TENANT_ID', 'MicrosoftAppTenantId'],
  ['MicrosoftAppTenant', 'MicrosoftAppTenantId'],
  ['MicrosoftAppTennantId', 'MicrosoftAppTenantId'],
  ['allowedcallers', 'AllowedCallers'],
  ['ALLOWED_CALLERS', 'AllowedCallers'],
  ['AllowedCaller', 'AllowedCallers'],
  ['ALLOWED_TENANT', 'ALLOWED_TENANTS'],
  ['AllowedTenants', 'ALLOWED_TENANTS'],
  ['ALLOWED_SERVICE_URL', 'ALLOWED_SERVICE_URLS'],
  ['NOTIFY_API_KEY', 'NOTIFY_API_KEYS'],
  ['NOTFIY_API_KEYS', 'NOTIFY_API_KEYS'],
  ['notify_api_keys', 'NOTIFY_API_KEYS'],
  ['NOTIFICATIONS_TTL', 'NOTIFICATION_TTL'],
  ['TRUSTED_PROXIS', 'TRUSTED_PROXIES'],
  ['PUBLIC_URI', 'PUBLIC_URL'],
  ['PUBLICURL', 'PUBLIC_URL'],
  ['DATADIR', 'DATA_DIR'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['log_level', 'LOG_LEVEL'],
  ['MAX_PENDINGS', 'MAX_PENDING'],
  ['HISTORY_DAY', 'HISTORY_DAYS'],
  ['port', 'PORT'],
  ['host', 'HOST'],
];

/** Warnings where the setting is missing; when it is required, they come with its fault. */
function warningsOf(name: string, meant: string): readonly string[] {
  const env = { [meant]: undefined, [meant.replace('_FILE', '')]: undefined, [name]: 'canary-value' };
  try {
    return parse(env).warnings;
  } catch (error) {
    if (error instanceof ConfigError) return error.warnings;
    throw error;
  }
}

describe('a variable that is nearly a setting', () => {
  it.each(misspelt)('%s: is %s meant?', (name, meant) => {
    const warnings = warningsOf(name, meant);
    expect(warnings).toContain(`${name} is not a setting: is ${meant} meant?`);
    expect(warnings.join('\n')).not.toContain('canary');
  });

  it.each([
    ['that is set as it should be', { AllowedCaller: 'x' }],
    ['when the variable is empty', { LOG_LEVEL: undefined, LOGLEVEL: ' ' }],
  ])('is not told of a setting %s', (_, change) => {
    expect(parse(change).warnings).toEqual([]);
  });
});

it('none of the variables that others set is taken for a setting', () => {
  expect(foreign.length).toBeGreaterThan(100);
  const env: Record<string, string> = Object.fromEntries(foreign.map((name) => [name, 'x']));
  let told: readonly string[] = [];
  try {
    parseConfig(env, () => '');
  } catch (error) {
    told = error instanceof ConfigError ? error.warnings : [String(error)];
  }
  expect(told.filter((warning) => warning.includes('is not a setting'))).toEqual([]);
});
