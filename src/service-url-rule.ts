// One entry of ALLOWED_SERVICE_URLS: a dot-suffix of host names, or an exact origin; of parents, or of a channel.

import { isIP } from 'node:net';
import { knownChannels } from './channels.ts';
import { isLoopback } from './setting-reader.ts';

export type ServiceUrlRule = (
  | { readonly kind: 'suffix'; readonly suffix: string }
  | { readonly kind: 'origin'; readonly origin: string }
) & {
  /** Only for conversations on this channel; absent: only for parents'. */
  readonly channel?: string;
};

type Parsed = { readonly rule: ServiceUrlRule; readonly warning?: string } | { readonly fault: string };

/**
 * Anybody can get a name here, in some of them below a region: a dot-suffix at or under one would allow the world. An
 * own host there is named by its exact origin.
 */
const sharedRegistries = [
  'trafficmanager.net',
  'azurewebsites.net',
  'azure-api.net',
  'azurefd.net',
  'azureedge.net',
  'azurecontainerapps.io',
  'azurestaticapps.net',
  'cloudapp.net',
  'azure.com',
  'windows.net',
  'sharepoint.com',
  'devtunnels.ms',
  'github.io',
  'githubpreview.dev',
  'app.github.dev',
  'gitlab.io',
  'ngrok.io',
  'ngrok.app',
  'ngrok.dev',
  'ngrok-free.app',
  'ngrok-free.dev',
  'loca.lt',
  'trycloudflare.com',
  'workers.dev',
  'pages.dev',
  'amazonaws.com',
  'cloudfront.net',
  'run.app',
  'appspot.com',
  'cloudfunctions.net',
  'web.app',
  'firebaseapp.com',
  'herokuapp.com',
  'vercel.app',
  'netlify.app',
  'onrender.com',
  'fly.dev',
];

/** Registries by their form (such as .co.uk), names of private networks, and two domains too wide to be meant. */
const tooWide =
  /^\.(co|com|org|net|gov|ac|edu|or|ne|go|gob|govt|ltd|plc|nom)\.[a-z]{2}$|\.(local|localhost|localdomain|internal|lan|arpa)$|^\.(powerapps|microsoft)\.com$/;

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const suffixPattern = new RegExp(`^(\\.${label}){2,}$`);

/** Reads one entry; a fault says how it must be written instead. */
export function parseServiceUrlRule(entry: string): Parsed {
  const [, channel, hosts] = /^(\w+)=(.*)$/.exec(entry) ?? [];
  if (channel === undefined || hosts === undefined) return parseHosts(entry);
  if (!knownChannels.includes(channel)) {
    return { fault: `the channel before the = is not known here: ${knownChannels.join(', ')}` };
  }
  const parsed = parseHosts(hosts);
  return 'fault' in parsed ? parsed : { ...parsed, rule: { ...parsed.rule, channel } };
}

function parseHosts(entry: string): Parsed {
  if (entry.startsWith('.')) return parseSuffix(entry.toLowerCase());
  if (entry.includes('://')) return parseOrigin(entry);
  return {
    fault: 'must be a dot-suffix such as .bots.example.com or an exact origin such as https://bots.example.com',
  };
}

function parseSuffix(suffix: string): Parsed {
  if (!suffixPattern.test(suffix) || isIP(suffix.slice(1)) !== 0) {
    return { fault: 'a dot-suffix has at least two labels, such as .example.com' };
  }
  if (tooWide.test(suffix) || sharedRegistries.some((registry) => suffix.endsWith(`.${registry}`))) {
    return {
      fault: 'others can get a name under this suffix; name the exact origin, such as https://bots.example.com',
    };
  }
  return { rule: { kind: 'suffix', suffix } };
}

function parseOrigin(text: string): Parsed {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return { fault: 'an exact origin is https://host or https://host:port' };
  }
  if (url.username || url.password || url.pathname !== '/' || url.search || url.hash || text.includes('*')) {
    return { fault: 'an exact origin has no path, query, user name or *' };
  }
  const rule = { kind: 'origin' as const, origin: url.origin };
  if (url.protocol === 'http:') return { rule, warning: 'is plain http: tokens can be read on the way' };
  if (isLoopback(url.hostname) || isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0 || !url.hostname.includes('.')) {
    return { rule, warning: 'is a private host or a bare address' };
  }
  return { rule };
}
