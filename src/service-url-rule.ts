// One entry of ALLOWED_SERVICE_URLS: a dot-suffix of host names, or an exact origin.

import { isIP } from 'node:net';
import { isLoopback } from './setting-reader.ts';

export type ServiceUrlRule =
  | { readonly kind: 'suffix'; readonly suffix: string }
  | { readonly kind: 'origin'; readonly origin: string };

type Parsed = { readonly rule: ServiceUrlRule; readonly warning?: string } | { readonly fault: string };

/**
 * Suffixes under which anybody can get a name: allowing one would allow the world. Some have a dot-suffix of their own
 * tenant inside (`.contoso.azurewebsites.net` is fine, `.azurewebsites.net` is not).
 */
const sharedSuffixes = new Set([
  '.trafficmanager.net',
  '.azurewebsites.net',
  '.azure-api.net',
  '.azurefd.net',
  '.azureedge.net',
  '.azurecontainerapps.io',
  '.cloudapp.net',
  '.cloudapp.azure.com',
  '.core.windows.net',
  '.blob.core.windows.net',
  '.azurestaticapps.net',
  '.powerapps.com',
  '.microsoft.com',
  '.azure.com',
  '.windows.net',
  '.sharepoint.com',
  '.github.io',
  '.ngrok.io',
  '.ngrok.app',
  '.ngrok.dev',
  '.ngrok-free.app',
  '.devtunnels.ms',
  '.herokuapp.com',
  '.vercel.app',
  '.netlify.app',
  '.workers.dev',
  '.pages.dev',
  '.amazonaws.com',
  '.cloudfront.net',
  '.run.app',
  '.appspot.com',
  '.web.app',
  '.firebaseapp.com',
  '.onrender.com',
  '.fly.dev',
]);

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const suffixPattern = new RegExp(`^(\\.${label}){2,}$`);

/** Reads one entry; a fault says how it must be written instead. */
export function parseServiceUrlRule(entry: string): Parsed {
  if (entry.startsWith('.')) return parseSuffix(entry.toLowerCase());
  if (entry.includes('://')) return parseOrigin(entry);
  return {
    fault: `an entry must be a dot-suffix such as .bots.example.com or an exact origin such as https://bots.example.com`,
  };
}

function parseSuffix(suffix: string): Parsed {
  if (!suffixPattern.test(suffix) || isIP(suffix.slice(1)) !== 0) {
    return { fault: 'a dot-suffix has at least two labels, such as .example.com' };
  }
  if (sharedSuffixes.has(suffix)) return { fault: `anybody can get a name under ${suffix}; name the exact origin` };
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
  if (url.protocol === 'http:') return { rule, warning: `${url.origin} is plain http: tokens can be read on the way` };
  if (isLoopback(url.hostname) || isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0 || !url.hostname.includes('.')) {
    return { rule, warning: `${url.origin} is a private host` };
  }
  return { rule };
}
