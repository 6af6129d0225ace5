// Where a bearer token may be sent. A skill's token carries no service URL, so the body of a call could name any host
// (sdk-known weakness: botbuilder-js appCredentials.ts, isTrustedServiceUrl always answers true). Asked at receipt,
// before saving, and at every send, also for conversations saved earlier.

import { isIP } from 'node:net';
import { type Cloud, isHostOfChannel } from '../channels.ts';
import type { ServiceUrlRule } from '../config.ts';
import { AppError } from '../errors.ts';

/**
 * `push`: may be posted to; `inTurn`: may be named by a call whose replies travel in the answer, never posted to.
 * `privateAllowed`: an operator named this exact origin, so it may resolve to a private address.
 */
type ServiceUrlVerdict =
  | { readonly allowed: 'push'; readonly privateAllowed: boolean }
  | { readonly allowed: 'inTurn' }
  | { readonly allowed: 'no'; readonly reason: string };

/**
 * Asked for a conversation on one of these channels; without `channels`, for a parent's. What is good for one is not for
 * the other: a channel's reply token must reach no parent. What a call names or a row holds is taken as it comes: it may be
 * no text at all.
 */
export type ServiceUrlPolicy = (serviceUrl: unknown, channels?: readonly string[]) => ServiceUrlVerdict;

/** Power Platform's gateway: where Copilot Studio takes a skill's replies (CopilotStudioSamples contact-center/skill-handoff). */
const copilotStudioSuffixes = {
  public: ['.gateway.prod.island.powerapps.com'],
  usgov: ['.gateway.gov.island.powerapps.us', '.gateway.gov.island.appsplatform.us'],
} as const;

/**
 * The test pane names Direct Line as its service URL (Agents-for-js, activity.test.ts "Activity from MCS"), where a skill
 * has nothing to post: its identity is no member of that channel.
 */
const inTurnHosts = {
  public: ['directline.botframework.com', 'europe.directline.botframework.com', 'webchat.botframework.com'],
  usgov: ['directline.botframework.azure.us', 'webchat.botframework.azure.us'],
} as const;

/** Builds the policy of this cloud plus the operator's own rules (ALLOWED_SERVICE_URLS). */
export function createServiceUrlPolicy(cloud: Cloud, extraRules: readonly ServiceUrlRule[]): ServiceUrlPolicy {
  const onlyInTurn: readonly string[] = inTurnHosts[cloud];
  const isParentHost = (host: string): boolean => copilotStudioSuffixes[cloud].some((suffix) => host.endsWith(suffix));

  const judge: ServiceUrlPolicy = (serviceUrl, channels) => {
    const rules = extraRules.filter(({ channel }) =>
      channels ? channel !== undefined && channels.includes(channel) : channel === undefined,
    );
    const url = parseServiceUrl(serviceUrl);
    if (typeof url === 'string') return { allowed: 'no', reason: url };
    if (rules.some((rule) => rule.kind === 'origin' && rule.origin === url.origin)) {
      return { allowed: 'push', privateAllowed: true };
    }
    if (url.protocol !== 'https:') return refuse(url, 'is not https', channels);
    if (url.port !== '') return refuse(url, 'names a port', channels);
    const host = url.hostname.replace(/\.$/, '');
    if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) return refuse(url, 'is an IP address', channels);
    if (!hostName.test(host)) return refuse(url, 'is not a host name', channels);
    const isKnown = channels ? channels.some((id) => isHostOfChannel(host, id, cloud)) : isParentHost(host);
    if (isKnown || rules.some((rule) => rule.kind === 'suffix' && host.endsWith(rule.suffix))) {
      return { allowed: 'push', privateAllowed: false };
    }
    if (!channels && onlyInTurn.includes(host)) return { allowed: 'inTurn' };
    return refuse(url, 'is not on the list', channels);
  };
  return rememberVerdicts(judge);
}

/** It is asked at every send, mostly for the same few: what it says depends on nothing else. */
function rememberVerdicts(judge: ServiceUrlPolicy): ServiceUrlPolicy {
  const ofParents = new Map<string, ServiceUrlVerdict>();
  return (serviceUrl, channels) => {
    if (channels || typeof serviceUrl !== 'string' || serviceUrl.length > longestServiceUrl) {
      return judge(serviceUrl, channels);
    }
    let verdict = ofParents.get(serviceUrl);
    if (!verdict) {
      verdict = judge(serviceUrl);
      // What callers make up must not fill the memory.
      if (ofParents.size >= mostRemembered) ofParents.clear();
      ofParents.set(serviceUrl, verdict);
    }
    return verdict;
  };
}

const longestServiceUrl = 512;
const mostRemembered = 1_000;

/**
 * Throws AppError `service_url_not_allowed` (403) when an activity may not name its service URL. A host that takes no posts
 * may be named where the replies travel in the answer, or where there are none: the end of a conversation. `channels` as
 * for the policy.
 */
export function requireServiceUrl(
  policy: ServiceUrlPolicy,
  named: { readonly serviceUrl?: unknown; readonly deliveryMode?: string | undefined; readonly type?: string },
  channels?: readonly string[],
): void {
  const verdict = policy(named.serviceUrl, channels);
  if (verdict.allowed === 'push') return;
  const isNothingPosted = named.deliveryMode === 'expectReplies' || named.type === 'endOfConversation';
  if (verdict.allowed === 'inTurn' && isNothingPosted) return;
  throw serviceUrlNotAllowed(verdict.allowed === 'no' ? verdict.reason : 'it takes no replies outside of a turn');
}

/** The one refusal of a service URL: `reason` is for the log alone. */
export function serviceUrlNotAllowed(reason: string): AppError {
  return new AppError('service_url_not_allowed', "The activity's serviceUrl is not allowed.", { reason });
}

/** No empty label, as in https://.example.com: it would be the end of a suffix and no host below it. */
const hostName = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*$/;

/** The URL, or why it is none that a token could go to. The words never hold the text: they go into the log. */
function parseServiceUrl(text: unknown): URL | string {
  if (typeof text !== 'string') return 'the service URL is not a text';
  if (text.length > longestServiceUrl) return 'the service URL is longer than 512 characters';
  // The URL parser drops tabs and newlines and reads a backslash as a slash: what was checked would not be what is shown.
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(text)) return 'the service URL has characters that do not belong in a URL';
  if (!URL.canParse(text)) return 'the service URL is not a URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'the service URL is neither https nor http';
  const authority = /^https?:\/\/([^/?#]*)/i.exec(text)?.[1]?.toLowerCase();
  if (authority?.includes('@') === true) return 'the service URL has a user name';
  // Even an empty one: the path of each operation is put behind it.
  if (/[?#]/.test(text)) return 'the service URL has a query or fragment';
  // The parser also takes https:host, %65xample.com, 0x7f.1 and :0443.
  const standardPort = url.protocol === 'https:' ? 443 : 80;
  if (authority !== url.host && authority !== `${url.host}:${standardPort}`) {
    return 'the service URL does not name its host as it is read';
  }
  return url;
}

function refuse(url: URL, why: string, channels: readonly string[] | undefined): ServiceUrlVerdict {
  const found = `service URL host ${url.host} ${why}`;
  const reason = channels
    ? `${found}, and is of no channel that ALLOWED_CHANNELS names; if it is, add ${channels[0] ?? 'msteams'}=${url.origin} to ALLOWED_SERVICE_URLS`
    : `${found}; if it is your parent's, add ${url.origin} to ALLOWED_SERVICE_URLS`;
  return { allowed: 'no', reason };
}
