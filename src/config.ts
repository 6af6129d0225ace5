// Settings: from environment variables to one frozen object, or to a list of every fault by the setting's name.

import { isIP } from 'node:net';
import type { Cloud } from './channels.ts';
import { type ChannelConfig, readChannels } from './config-channels.ts';
import { type DeliveryConfig, readDelivery } from './config-delivery.ts';
import { type Credential, type Identity, readIdentity } from './config-identity.ts';
import { type ApiKey, readSenders, type SenderConfig } from './config-senders.ts';
import type { LogLevel } from './logger.ts';
import { parseServiceUrlRule, type ServiceUrlRule } from './service-url-rule.ts';
import { type Environment, type SettingFault, SettingReader } from './setting-reader.ts';

export type { ApiKey, Credential, Identity, ServiceUrlRule };

export type Config = DeliveryConfig &
  SenderConfig & {
    readonly host: string;
    readonly port: number;
    /** Where the world reaches this service; no slash at the end. */
    readonly publicUrl: string;
    readonly identity: Identity;
    readonly cloud: Cloud;
    readonly allowedCallers: readonly string[];
    readonly allowedTenants: readonly string[];
    readonly loginUrl: string;
    readonly openIdMetadataUrl: string;
    readonly channels: ChannelConfig;
    readonly serviceUrlRules: readonly ServiceUrlRule[];
    readonly dataDir: string;
    /** Of PostgreSQL; absent: SQLite in `dataDir`. Holds a password. */
    readonly databaseUrl: string | undefined;
    readonly waitInTurnSeconds: number;
    readonly waitMaxMinutes: number;
    /** How long requests are still served after SIGTERM, so that a load balancer sees that it is not ready. */
    readonly stopDelayMs: number;
    readonly logLevel: LogLevel;
    /** Not wrong, but worth a line at start. */
    readonly warnings: readonly string[];
  };

/** Thrown by parseConfig: every fault at once, by setting name, never with a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly SettingFault[];
  /** What parseConfig would have warned of: a misspelt setting explains a missing one. */
  readonly warnings: readonly string[];

  constructor({ faults, warnings }: Pick<SettingReader, 'faults' | 'warnings'>) {
    super(`Settings to mend: ${faults.map((fault) => fault.setting).join(', ')}`);
    this.faults = faults;
    this.warnings = warnings;
  }
}

const logLevels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

const clouds = {
  public: {
    loginUrl: 'https://login.microsoftonline.com',
    openIdMetadataUrl: 'https://login.microsoftonline.com/botframework.com/v2.0/.well-known/openid-configuration',
  },
  // botframework-connector governmentConstants.ts
  usgov: {
    loginUrl: 'https://login.microsoftonline.us',
    openIdMetadataUrl:
      'https://login.microsoftonline.us/cab8a31a-1906-4287-a0d8-4eef66b95f6e/v2.0/.well-known/openid-configuration',
  },
} as const;

/** The fault of a skill that has the app registration of its parent. */
export const sharedAppFault = 'holds MicrosoftAppId: parent and skill need two app registrations';

/**
 * Reads the settings from `env`; `readFile` gives the text behind a `NAME_FILE` setting. Throws ConfigError with every
 * fault. There is no setting, and no lack of one, that turns authentication off.
 */
export function parseConfig(env: Environment, readFile: (path: string) => string): Config {
  const { config, settings } = readConfig(env, readFile);
  requireNoFault(settings);
  return config;
}

/**
 * As parseConfig, with the faults beside what could be read: for whoever finds out what is wrong, and never to run the
 * service with. A faulty setting has its default there, or nothing.
 */
export function readConfig(
  env: Environment,
  readFile: (path: string) => string,
): { readonly config: Config; readonly settings: Pick<SettingReader, 'faults' | 'warnings'> } {
  const settings = new SettingReader(env, readFile);
  const cloud = settings.readChoice('ChannelService', ['https://botframework.azure.us']) ? 'usgov' : 'public';
  const port = settings.readInteger('PORT', { min: 0, max: 65_535, fallback: 3978 });
  const identity = readIdentity(settings);
  const config: Config = {
    host: readHost(settings),
    port,
    publicUrl: readPublicUrl(settings, port),
    identity,
    cloud,
    allowedCallers: readAllowedCallers(settings, identity.appId),
    allowedTenants: readAllowedTenants(settings, identity),
    // An origin, as MSAL makes the paths: one of ours would be dropped without a word.
    loginUrl: settings.warnWhenMoved('LOGIN_URL', settings.readOrigin('LOGIN_URL'), clouds[cloud].loginUrl),
    openIdMetadataUrl: settings.warnWhenMoved(
      'OPENID_METADATA_URL',
      settings.readUrl('OPENID_METADATA_URL'),
      clouds[cloud].openIdMetadataUrl,
    ),
    channels: readChannels(settings, cloud),
    serviceUrlRules: readServiceUrlRules(settings),
    ...readPlaces(settings),
    ...readSenders(settings, identity),
    waitInTurnSeconds: settings.readInteger('WAIT_IN_TURN_SECONDS', { min: 0, max: 8, fallback: 5 }),
    waitMaxMinutes: settings.readInteger('WAIT_MAX_MINUTES', { min: 1, max: 1440, fallback: 25 }),
    stopDelayMs: settings.readInteger('STOP_DELAY_SECONDS', { min: 0, max: 8, fallback: 5 }) * 1_000,
    ...readDelivery(settings),
    logLevel: settings.readChoice('LOG_LEVEL', logLevels) ?? 'info',
    warnings: settings.warnings,
  };
  refuseUnsafe(settings);
  settings.warnOfMisspelt();
  return { config: Object.freeze(config), settings };
}

function requireNoFault(settings: Pick<SettingReader, 'faults' | 'warnings'>): void {
  if (settings.faults.length > 0) throw new ConfigError(settings);
}

/** Where the data is: these two settings alone, for who has nothing but the data to do with. Throws ConfigError. */
export function parsePlaces(
  env: Environment,
  readFile: (path: string) => string,
): Pick<Config, 'dataDir' | 'databaseUrl'> {
  const settings = new SettingReader(env, readFile);
  const places = readPlaces(settings);
  requireNoFault(settings);
  return places;
}

function readPlaces(settings: SettingReader): Pick<Config, 'dataDir' | 'databaseUrl'> {
  return { dataDir: settings.readText('DATA_DIR') ?? './data', databaseUrl: readDatabaseUrl(settings) };
}

function readHost(settings: SettingReader): string {
  const host = settings.readText('HOST') ?? '0.0.0.0';
  if (isIP(host) === 0 && !/^[a-z\d](?:[a-z\d.-]{0,252}[a-z\d])?$/i.test(host)) {
    settings.addFault('HOST', 'must be an address or a host name to listen on, such as 0.0.0.0');
  }
  return host;
}

function readAllowedCallers(settings: SettingReader, ownAppId: string): readonly string[] {
  const name = 'AllowedCallers';
  const entries = settings.readList(name);
  if (entries.length === 0) {
    settings.addFault(
      name,
      "is missing: the app ids of the agents that may call, from Copilot Studio's Settings > Advanced > Metadata",
    );
  }
  if (entries.includes('*')) {
    settings.addFault(
      name,
      '"*" would let every app of the tenant call and choose where our tokens go; list the app ids',
    );
    return [];
  }
  const callers = settings.keepGuids(name, entries);
  if (callers.includes(ownAppId) && ownAppId !== '') {
    settings.addFault(name, sharedAppFault);
  }
  return callers;
}

function readAllowedTenants(settings: SettingReader, identity: Identity): readonly string[] {
  const extra = settings.keepGuids('ALLOWED_TENANTS', settings.readList('ALLOWED_TENANTS'));
  const tenants = [...new Set([...(identity.tenantId ? [identity.tenantId] : []), ...extra])];
  if (identity.appType === 'MultiTenant' && tenants.length === 0) {
    settings.addFault('ALLOWED_TENANTS', 'is missing: with MultiTenant, the tenants whose agents may call');
  }
  return tenants;
}

function readPublicUrl(settings: SettingReader, port: number): string {
  const url = settings.readOrigin('PUBLIC_URL');
  if (settings.readText('PUBLIC_URL') === undefined) {
    settings.addWarning(
      `PUBLIC_URL is not set: the manifest names http://localhost:${port}, where Copilot Studio cannot reach this service.`,
    );
  }
  if (url?.protocol === 'http:') settings.addWarning('PUBLIC_URL is plain http: Copilot Studio imports https only.');
  return url?.origin ?? `http://localhost:${port}`;
}

function readServiceUrlRules(settings: SettingReader): readonly ServiceUrlRule[] {
  const name = 'ALLOWED_SERVICE_URLS';
  const rules: ServiceUrlRule[] = [];
  for (const [index, entry] of settings.readList(name).entries()) {
    const parsed = parseServiceUrlRule(entry);
    if ('fault' in parsed) settings.addFault(name, `entry ${index + 1}: ${parsed.fault}`);
    else rules.push(parsed.rule);
    if ('warning' in parsed && parsed.warning !== undefined) {
      settings.addWarning(`${name}: entry ${index + 1} ${parsed.warning}.`);
    }
  }
  return rules;
}

function refuseUnsafe(settings: SettingReader): void {
  if (settings.readForeign('NODE_TLS_REJECT_UNAUTHORIZED') === '0') {
    settings.addFault('NODE_TLS_REJECT_UNAUTHORIZED', 'must not be 0: tokens would go to anybody who answers');
  }
}

function readDatabaseUrl(settings: SettingReader): string | undefined {
  const url = settings.readSecret('DATABASE_URL');
  if (url === undefined) return undefined;
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    settings.addFault('DATABASE_URL', 'must have the form postgres://user:password@host:5432/database');
  }
  return url;
}
