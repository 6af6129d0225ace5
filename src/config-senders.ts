// Who may notify, how often, and how the address of a stranger is told.

import type { Identity } from './config-identity.ts';
import { type IpNetwork, parseNetwork } from './ip-network.ts';
import type { SettingReader } from './setting-reader.ts';

export type ApiKey = { readonly name: string; readonly secret: string };

export type SenderConfig = {
  readonly apiKeys: readonly ApiKey[];
  /** Requests of one sender in a minute; 0 means any number. */
  readonly senderRate: number;
  /** Requests of one address in a minute without a good credential; 0 means any number. */
  readonly failureRate: number;
  /** Proxies in front of this service, whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly IpNetwork[];
  /** Senders may come with tokens of this tenant for this audience. */
  readonly notifyEntra: { readonly audience: string; readonly tenantId: string } | undefined;
};

/** Reads them; faults are left with `settings`. */
export function readSenders(settings: SettingReader, identity: Identity): SenderConfig {
  return {
    apiKeys: readApiKeys(settings),
    senderRate: settings.readInteger('SENDER_RATE', { min: 0, max: 1_000_000, fallback: 6_000 }),
    failureRate: settings.readInteger('FAILURE_RATE', { min: 0, max: 1_000_000, fallback: 10 }),
    trustedProxies: readTrustedProxies(settings),
    notifyEntra: readNotifyEntra(settings, identity),
  };
}

function readApiKeys(settings: SettingReader): readonly ApiKey[] {
  const name = 'NOTIFY_API_KEYS';
  const keys: ApiKey[] = [];
  const text = settings.readSecret(name);
  const entries = (text ?? '').split(',').map((entry) => entry.trim());
  const given = entries.filter((entry) => entry !== '');
  for (const [index, entry] of given.entries()) {
    const [keyName = '', ...rest] = entry.split(':');
    const key = { name: keyName, secret: rest.join(':') };
    const fault = findKeyFault(key, keys);
    // By its place, never by its name: where the colon was forgotten, the "name" is the secret itself.
    if (fault === undefined) keys.push(key);
    else settings.addFault(name, `entry ${index + 1}: ${fault}`);
  }
  if (given.length === 0 && text !== '' && settings.readText('NOTIFY_ENTRA_AUDIENCE') === undefined) {
    settings.addWarning('NOTIFY_API_KEYS is not set: /api/notify answers 503 until there is a key.');
  }
  return keys;
}

function findKeyFault({ name, secret }: ApiKey, earlier: readonly ApiKey[]): string | undefined {
  if (!/^[\w-]{1,64}$/.test(name) || secret === '') {
    return 'must be name:secret, the name of at most 64 letters, digits, - and _';
  }
  if (secret.length < 24) return 'the secret needs at least 24 characters';
  if (!/^[\x21-\x7e]+$/.test(secret)) return 'the secret may have printable ASCII characters only';
  if (earlier.some((key) => key.name === name)) return 'has the name of an earlier entry';
  if (earlier.some((key) => key.secret === secret)) return 'has the secret of an earlier entry';
  return undefined;
}

function readTrustedProxies(settings: SettingReader): readonly IpNetwork[] {
  const name = 'TRUSTED_PROXIES';
  const networks: IpNetwork[] = [];
  for (const [index, entry] of settings.readList(name).entries()) {
    const parsed = parseNetwork(entry);
    if ('fault' in parsed) settings.addFault(name, `entry ${index + 1} ${parsed.fault}`);
    else networks.push(parsed.network);
  }
  return networks;
}

function readNotifyEntra(settings: SettingReader, identity: Identity): SenderConfig['notifyEntra'] {
  const audience = settings.readText('NOTIFY_ENTRA_AUDIENCE');
  const entries = settings.readList('NOTIFY_ENTRA_TENANT');
  const tenantId = settings.keepGuids('NOTIFY_ENTRA_TENANT', entries)[0] ?? identity.tenantId;
  if (audience === undefined) {
    if (entries.length > 0) {
      settings.addFault('NOTIFY_ENTRA_AUDIENCE', 'is missing: the audience of the tokens of senders');
    }
    return undefined;
  }
  if (entries.length > 1) settings.addFault('NOTIFY_ENTRA_TENANT', 'must be one tenant');
  if (audience.toLowerCase() === 'https://api.botframework.com') {
    settings.addFault('NOTIFY_ENTRA_AUDIENCE', "must be this service's own: every bot has tokens for that one");
  }
  if (tenantId === undefined && entries.length === 0) {
    settings.addFault('NOTIFY_ENTRA_TENANT', 'is missing: the tenant whose apps may notify');
  }
  return { audience, tenantId: tenantId ?? '' };
}
